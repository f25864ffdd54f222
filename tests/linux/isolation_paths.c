/* SPDX-License-Identifier: MIT */
/* Attempts by names. */
#include "isolation.h"

#include <dirent.h>
#include <grp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <sys/ioctl.h>
#include <signal.h>
#include <sys/wait.h>

#define UP "../../../../../../../../../../../.."

/* Names of what is outside, as one might know them. */
static const char *const outside_names[] = {SECRET_FILE, SECRET_FIFO,    OUTSIDE,       "/jail",         "/tests/files",
                                            "/bin/sh",   "/bin/busybox", "/etc/passwd", "/winkle/hello", "/usr/bin/env",
                                            "/root/.",   "/tmp/.",       "/sys/.",      "/lib/.",        "/usr/."};
#define OUTSIDE_NAMES (sizeof(outside_names) / sizeof(outside_names[0]))

static void try_below(const char *prefix)
{
    char path[512];

    for (unsigned i = 0; i < OUTSIDE_NAMES; i++) {
        snprintf(path, sizeof(path), "%s%s", prefix, outside_names[i]);
        try_path(AT_FDCWD, path);
    }
}

static void absolute_paths(void)
{
    try_below("");
}

static void dot_dot(void)
{
    char path[512] = "..";

    for (unsigned depth = 1; depth < 40; depth++) {
        try_below(path);
        strcat(path, "/..");
    }
}

static void dot_dot_absolute(void)
{
    try_below("/..");
    try_below("/" UP);
    try_below("/./.././../.");
    try_below("/bin/../..");
    try_below("/bin/../bin/../../jail/..");
}

static void many_slashes(void)
{
    try_below("//////..////");
    try_below("/..//..//.//");
}

static void long_path(void)
{
    static char path[8192];

    for (unsigned length = 4000; length < 4110; length++) {
        memset(path, '/', length);
        for (unsigned i = 1; i + 3 < length; i += 3)
            memcpy(path + i, "../", 3);
        strcpy(path + length - 20, SECRET_FILE);
        try_path(AT_FDCWD, path);
    }
}

static void odd_bytes(void)
{
    try_below("/%2e%2e");
    try_below("/..\\");
    try_below("/\xc0\xae\xc0\xae");
    try_below("/..\x01");
    try_below("\\..");
}

static void up_from_bound_directory(void)
{
    CHECK(chdir("/bin") == 0);
    try_below("..");
    try_below(UP);
    CHECK(chdir("..") == 0);
    try_below(".");
    if (access("./bin", F_OK) != 0 || access("./outside", F_OK) == 0)
        reached("another parent of a bound directory");
}

static void absolute_link(void)
{
    for (unsigned i = 0; i < OUTSIDE_NAMES; i++) {
        unlink("/link");
        CHECK(symlink(outside_names[i], "/link") == 0);
        try_path(AT_FDCWD, "/link");
    }
    unlink("/link");
    CHECK(symlink("/", "/link") == 0);
    try_below("/link");
    try_below("/link/" UP);
    CHECK(unlink("/link") == 0);
}

static void relative_link(void)
{
    CHECK(symlink(UP, "/link") == 0);
    try_below("/link");
    try_below("/link/..");
    CHECK(symlink("link/" UP, "/link2") == 0);
    try_below("/link2/..");
    CHECK(unlink("/link") == 0 && unlink("/link2") == 0);
}

static void link_in_bound_directory(void)
{
    CHECK(symlink(".." SECRET_FILE, "/bin/link") == 0);
    try_path(AT_FDCWD, "/bin/link");
    CHECK(unlink("/bin/link") == 0 && symlink(UP SECRET_FILE, "/bin/link") == 0);
    try_path(AT_FDCWD, "/bin/link");
    CHECK(unlink("/bin/link") == 0);
}

/* Somebody else changes a directory into a link and back while it is walked through. */
static void racing_link(void)
{
    const pid_t pid = fork();

    for (unsigned i = 0; pid == 0 && i < 400; i++) {
        mkdir("/race", 0755);
        rmdir("/race");
        symlink(UP, "/race");
        unlink("/race");
    }
    for (unsigned i = 0; pid != 0 && i < 100; i++) {
        try_path(AT_FDCWD, "/race/../outside/secret");
        try_path(AT_FDCWD, "/race/outside/secret");
    }
    if (pid == 0)
        _exit(0);
}

/* ---- /proc and /dev ---- */

static void proc_self_root(void)
{
    try_below("/proc/self/root");
    try_below("/proc/self/root/..");
    try_below("/proc/self/root/" UP);
}

static void proc_self_cwd(void)
{
    CHECK(chdir("/bin") == 0);
    try_below("/proc/self/cwd/..");
    try_below("/proc/self/cwd/" UP);
}

static void proc_self_exe(void)
{
    char path[256] = "";

    if (readlink("/proc/self/exe", path, sizeof(path) - 1) > 0 && strcmp(path, "/bin/isolation") != 0)
        reached("a name of the program outside of the view");
    try_below("/proc/self/exe/..");
    try_below("/proc/self/exe/../..");
    try_descriptor(open("/proc/self/exe", O_RDWR));
}

static void proc_of_others(void)
{
    static const char *const names[] = {"mem",
                                        "environ",
                                        "maps",
                                        "cmdline",
                                        "root/outside/secret",
                                        "cwd/outside/secret",
                                        "fd/3",
                                        "exe",
                                        "task/1/mem",
                                        "root/" UP SECRET_FILE};
    char path[256];

    for (int pid = 0; pid < PIDS; pid++) {
        for (unsigned i = 0; pid != getpid() && i < sizeof(names) / sizeof(names[0]); i++) {
            snprintf(path, sizeof(path), "/proc/%d/%s", pid, names[i]);
            try_descriptor(open(path, O_RDONLY | O_NONBLOCK));
        }
    }
}

static void proc_self_fd(void)
{
    char path[256], link[256];

    for (int fd = 0; fd < 1100; fd++) {
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        const ssize_t length = readlink(path, link, sizeof(link) - 1);

        if (length > 0 && fd > 2)
            reached("a descriptor that nobody opened");
        snprintf(path, sizeof(path), "/proc/self/fd/%d/.." SECRET_FILE, fd);
        try_path(AT_FDCWD, path);
        snprintf(path, sizeof(path), "/dev/fd/%d/" UP SECRET_FILE, fd);
        try_path(AT_FDCWD, path);
    }
}

static void proc_maps(void)
{
    char line[512];
    FILE *file = fopen("/proc/self/maps", "r");

    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        if (strstr(line, "jail") != NULL || strstr(line, "/tests/") != NULL)
            reached("names of files outside of the view");
    }
}

static void devices_by_name(void)
{
    static const char *const names[] = {
        "/dev/mem",    "/dev/kmem",  "/dev/port",           "/dev/sda",       "/dev/ttyS0",   "/dev/vda",
        "/dev/ram0",   "/dev/kmsg",  "/dev/pts/0",          "/dev/shm/x",     "/dev/console", "/dev/tty0",
        "/proc/kcore", "/proc/kmsg", "/proc/sysrq-trigger", "/proc/kallsyms", "/sys/kernel"};

    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (open(names[i], O_RDONLY | O_NONBLOCK) >= 0 || open(names[i], O_WRONLY | O_NONBLOCK) >= 0)
            reached(names[i]);
    }
}

static void devices_by_number(void)
{
    for (unsigned major = 0; major < 16; major++) {
        for (unsigned minor = 0; minor < 12; minor++) {
            for (unsigned kind = 0; kind < 2; kind++) {
                if (mknod("/node", (kind == 0 ? S_IFCHR : S_IFBLK) | 0666, makedev(major, minor)) != 0)
                    continue;
                if (major != 5) /* the terminal, which is the container's own */
                    try_descriptor(open("/node", O_RDWR | O_NONBLOCK));
                unlink("/node");
            }
        }
    }
}

static void fifo_of_the_same_name(void)
{
    mkdir(OUTSIDE, 0777);
    CHECK(mkfifo(SECRET_FIFO, 0666) == 0);
    if (open(SECRET_FIFO, O_WRONLY | O_NONBLOCK) >= 0)
        reached("a reader of another FIFO");
    CHECK(unlink(SECRET_FIFO) == 0 && rmdir(OUTSIDE) == 0);
}

/* ---- descriptors ---- */

static void at_calls_from_descriptors(void)
{
    static const char *const names[] = {"/", "/bin", ".", ".."};

    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const int fd = open(names[i], O_RDONLY | O_DIRECTORY);

        CHECK(fd >= 0);
        try_path(fd, UP SECRET_FILE);
        try_path(fd, "outside/secret");
        try_path(fd, SECRET_FILE);
        close(fd);
    }
    for (int fd = -1000; fd < 1100; fd++)
        try_path(fd, "../outside/secret");
}

static void at_calls_from_files(void)
{
    const int file = open("/file", O_RDWR | O_CREAT, 0600);

    try_path(file, "../outside/secret");
    try_path(0, "../outside/secret");
    try_path(open("/dev/null", O_RDWR), UP SECRET_FILE);
    CHECK(unlink("/file") == 0);
}

static void path_descriptors(void)
{
    const int up = open("/..", O_PATH | O_DIRECTORY), bin = open("/bin/..", O_PATH);

    CHECK(up >= 0 && bin >= 0);
    try_path(up, "../outside/secret");
    try_path(bin, "outside/secret");
    CHECK(fchdir(up) == 0);
    try_below("..");
    if (openat(up, "", O_RDONLY | 0x1000) >= 0)
        reached("a directory by its descriptor");
}

static void inherited_descriptors(void)
{
    struct stat status;

    for (int fd = 3; fd < 1100; fd++) {
        if (fstat(fd, &status) == 0)
            reached("a descriptor that nobody opened");
    }
}

static void descriptors_through_exec(void)
{
    const int root = open("/", O_RDONLY), file = open("/file", O_RDWR | O_CREAT, 0600);

    for (int fd = 3; fd < 64; fd++)
        fcntl(fd, F_SETFD, 0);
    try_path(root, UP SECRET_FILE);
    try_path(file, UP SECRET_FILE);
    unlink("/file");
    execl("/bin/isolation", "isolation", "descriptors", NULL);
    _exit(1);
}

static void handles_of_files(void)
{
    struct {
        unsigned bytes;
        int type;
        unsigned char handle[128];
    } handle = {.bytes = 128};
    int mount;

    for (int kind = 0; kind < 64; kind++) {
        handle.type = kind;
        memset(handle.handle, kind, sizeof(handle.handle));
        if (syscall(SYS_name_to_handle_at, AT_FDCWD, SECRET_FILE, &handle, &mount, 0) == 0)
            reached("a handle");
        try_descriptor((int)syscall(SYS_open_by_handle_at, AT_FDCWD, &handle, O_RDONLY));
    }
}

/* ---- the root, mounts ---- */

static void chroot_twice(void)
{
    const int root = open("/", O_RDONLY);

    mkdir("/inner", 0755);
    if (chroot("/inner") == 0) {
        fchdir(root);
        for (unsigned i = 0; i < 40; i++)
            chdir("..");
        chroot(".");
    }
    try_below("");
    try_below("..");
    rmdir("/inner");
}

static void fchdir_out(void)
{
    const int root = open("/", O_RDONLY), up = open("..", O_RDONLY);

    chdir("/bin");
    CHECK(fchdir(root) == 0);
    try_below("..");
    CHECK(fchdir(up) == 0);
    try_below("..");
    FAILS(ENOENT, chdir(".." OUTSIDE));
}

static void mounts(void)
{
    mkdir("/mount", 0755);
    mount("/", "/mount", "none", MS_BIND | MS_REC, NULL);
    mount("proc", "/mount", "proc", 0, NULL);
    mount("/dev/sda", "/mount", "ext4", 0, NULL);
    mount("tmpfs", "/mount", "overlay", 0, "lowerdir=/..");
    try_below("/mount");
    syscall(SYS_pivot_root, "/mount", "/mount");
    umount2("/", MNT_DETACH);
    umount2("/bin", MNT_DETACH);
    try_below("");
    CHECK(access("/bin/isolation", X_OK) == 0 && rmdir("/mount") == 0);
}

static void new_mounts(void)
{
    for (long number = 428; number <= 433; number++) { /* open_tree to fspick */
        const int fd = (int)syscall(number, AT_FDCWD, "/..", 1L, 0L, 0L, 0L);

        if (fd >= 0)
            try_path(fd, "outside/secret");
    }
}

static void name_spaces(void)
{
    unshare(CLONE_NEWNS | CLONE_NEWUSER);
    unshare(CLONE_NEWPID);
    unshare(CLONE_FS);
    setns(0, 0);
    setns(open("/proc/1/ns/mnt", O_RDONLY), 0);
    try_below("");
    try_below("..");
}

/* ---- changes ---- */

static void move_out(void)
{
    CHECK(mkdir("/a", 0755) == 0 && mkdir("/a/b", 0755) == 0 && chdir("/a/b") == 0 && rename("/a/b", "/c") == 0);
    try_below("..");
    try_below(UP);
    CHECK(rmdir("/a") == 0 && rmdir("/c") == 0);
    try_below("..");
    try_below(UP);
}

static void rename_out(void)
{
    close(creat("/file", 0644));
    if (rename("/file", "/../outside/file") == 0 || rename("/file", UP "/outside/file") == 0)
        reached("a directory to move a file to");
    if (rename(SECRET_FILE, "/file") == 0 ||
        renameat2(AT_FDCWD, "/file", AT_FDCWD, UP SECRET_FILE, RENAME_EXCHANGE) == 0)
        reached("a file to move");
    unlink("/file");
}

static void link_out(void)
{
    const int fd = open("/", O_RDONLY);

    CHECK(symlink(UP SECRET_FILE, "/link") == 0);
    if (link(SECRET_FILE, "/hard") == 0 || linkat(AT_FDCWD, "/link", AT_FDCWD, "/hard", AT_SYMLINK_FOLLOW) == 0 ||
        linkat(fd, UP SECRET_FILE, fd, "hard", 0) == 0)
        reached("a file to link to");
    CHECK(unlink("/link") == 0);
}

static void change_out(void)
{
    struct statfs space;

    if (unlink("/../outside/secret") == 0 || unlinkat(AT_FDCWD, UP SECRET_FILE, 0) == 0 ||
        truncate(UP SECRET_FILE, 0) == 0)
        reached("a file to change");
    if (chmod(SECRET_FILE, 0) == 0 || chown(UP SECRET_FILE, 1, 1) == 0 ||
        utimensat(AT_FDCWD, SECRET_FILE, NULL, 0) == 0)
        reached("a file to change");
    if (mkdir(UP "/outside/new", 0755) == 0 || rmdir(OUTSIDE) == 0 || mknod(UP "/outside/node", S_IFIFO, 0) == 0 ||
        symlink("x", UP "/outside/link") == 0 || statfs(OUTSIDE, &space) == 0)
        reached("a directory to change");
}

static void as_root(void)
{
    if (setuid(0) == 0 && setgid(0) == 0 && setgroups(0, NULL) == 0)
        try_below(UP);
    syscall(SYS_capset, (uint32_t[]){0x20080522, 0}, (uint32_t[]){~0U, ~0U, ~0U, ~0U, ~0U, ~0U});
    try_below(UP);
    try_below("");
}

static void run_outside(void)
{
    static char *const words[] = {(char *)"x", NULL};

    for (unsigned i = 0; i < OUTSIDE_NAMES; i++)
        execve(outside_names[i], words, words + 1);
    execve(UP "/bin/busybox", words, words + 1);
    const int fd = open("/script", O_RDWR | O_CREAT, 0755);
    const char text[] = "#!" UP "/bin/busybox\n";

    CHECK(write(fd, text, sizeof(text) - 1) > 0 && close(fd) == 0);
    execve("/script", words, words + 1);
    CHECK(errno == ENOENT && unlink("/script") == 0);
}

/* ---- what is told ---- */

static void list_all(void)
{
    static const char *const allowed[] = {".", "..", "bin", "ready", "fifo", "mine", "script", "race", "inner"};
    DIR *directory = opendir("/..");
    struct dirent *entry;

    CHECK(directory != NULL);
    while ((entry = readdir(directory)) != NULL) {
        bool is_allowed = false;

        for (unsigned i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++)
            is_allowed |= strcmp(entry->d_name, allowed[i]) == 0;
        if (!is_allowed)
            reached(entry->d_name);
    }
    closedir(directory);
}

static void own_names(void)
{
    char path[256];

    CHECK(chdir("/bin") == 0 && getcwd(path, sizeof(path)) != NULL);
    if (strcmp(path, "/bin") != 0)
        reached(path);
    CHECK(chdir("/..") == 0 && getcwd(path, sizeof(path)) != NULL);
    if (strcmp(path, "/") != 0)
        reached(path);
}

static void terminals(void)
{
    struct termios attributes;

    for (int fd = 0; fd < 3; fd++) {
        ioctl(fd, TIOCSCTTY, 1);
        for (int group = 0; group < PIDS; group++)
            tcsetpgrp(fd, group);
        for (const char *at = "echo out\n\x03\x1a\x1c"; *at != '\0'; at++)
            ioctl(fd, TIOCSTI, at);
        ioctl(fd, TIOCCONS, 0);
        ioctl(fd, TIOCLINUX, "\x02");
        if (tcgetattr(fd, &attributes) == 0) {
            attributes.c_lflag ^= ECHOCTL;
            tcsetattr(fd, TCSANOW, &attributes);
            attributes.c_lflag ^= ECHOCTL;
            tcsetattr(fd, TCSANOW, &attributes);
        }
    }
}

const struct attempt path_attempts[] = {
    {"absolute-paths", absolute_paths},
    {"dot-dot", dot_dot},
    {"dot-dot-absolute", dot_dot_absolute},
    {"many-slashes", many_slashes},
    {"long-path", long_path},
    {"odd-bytes", odd_bytes},
    {"up-from-bound-directory", up_from_bound_directory},
    {"absolute-link", absolute_link},
    {"relative-link", relative_link},
    {"link-in-bound-directory", link_in_bound_directory},
    {"racing-link", racing_link},
    {"proc-self-root", proc_self_root},
    {"proc-self-cwd", proc_self_cwd},
    {"proc-self-exe", proc_self_exe},
    {"proc-of-others", proc_of_others},
    {"proc-self-fd", proc_self_fd},
    {"proc-maps", proc_maps},
    {"devices-by-name", devices_by_name},
    {"devices-by-number", devices_by_number},
    {"fifo-of-the-same-name", fifo_of_the_same_name},
    {"at-calls-from-descriptors", at_calls_from_descriptors},
    {"at-calls-from-files", at_calls_from_files},
    {"path-descriptors", path_descriptors},
    {"inherited-descriptors", inherited_descriptors},
    {"descriptors-through-exec", descriptors_through_exec},
    {"handles-of-files", handles_of_files},
    {"chroot-twice", chroot_twice},
    {"fchdir-out", fchdir_out},
    {"mounts", mounts},
    {"new-mounts", new_mounts},
    {"name-spaces", name_spaces},
    {"move-out", move_out},
    {"rename-out", rename_out},
    {"link-out", link_out},
    {"change-out", change_out},
    {"as-root", as_root},
    {"run-outside", run_outside},
    {"list-all", list_all},
    {"own-names", own_names},
    {"terminals", terminals},
    {NULL, NULL},
};
