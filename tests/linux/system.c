/* SPDX-License-Identifier: MIT */
/* What a process asks about itself and the system, and may change of it. */
#include "check.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

/* In a child, whose root and niceness are its own. */
static void in_child(void (*act)(void))
{
    const pid_t pid = fork();
    int status;

    CHECK(pid >= 0);
    if (pid == 0) {
        act();
        exit(0);
    }
    CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void nothing_above(void)
{
    FAILS(ENOENT, access("/tmp", F_OK));
    CHECK(access("/../../file", F_OK) == 0);
}

static void other_root(void)
{
    char text[64];

    FAILS(ENOENT, chroot("/tmp/missing"));
    FAILS(ENOTDIR, chroot("/tmp/new-root/file"));
    CHECK(chdir("/tmp/new-root") == 0 && chroot(".") == 0);
    CHECK(getcwd(text, sizeof(text)) != NULL && strcmp(text, "/") == 0);
    nothing_above();
    FAILS(ENOENT, access("/proc/self/stat", F_OK));
    FAILS(ENOENT, access("/link", F_OK)); /* absolute links begin at the new root */
    in_child(nothing_above);
    CHECK(chdir("/inner") == 0 && chroot("/inner") == 0 && chdir("/") == 0 && chdir("..") == 0);
    FAILS(ENOENT, access("file", F_OK));
}

static void roots(void)
{
    int fd;

    CHECK(mkdir("/tmp/new-root", 0755) == 0 && mkdir("/tmp/new-root/inner", 0755) == 0);
    CHECK(symlink("/tmp/new-root/file", "/tmp/new-root/link") == 0);
    fd = open("/tmp/new-root/file", O_CREAT | O_WRONLY, 0644);
    CHECK(fd >= 0 && close(fd) == 0);
    in_child(other_root);
    CHECK(access("/tmp/new-root/link", F_OK) == 0);
    CHECK(unlink("/tmp/new-root/link") == 0 && unlink("/tmp/new-root/file") == 0 && rmdir("/tmp/new-root/inner") == 0 &&
          rmdir("/tmp/new-root") == 0);
}

static void attributes(void)
{
    char list[16];
    const int fd = open("/tmp", O_RDONLY);

    CHECK(listxattr("/tmp", list, sizeof(list)) == 0 && flistxattr(fd, list, sizeof(list)) == 0 && close(fd) == 0);
    FAILS(ENOENT, listxattr("/tmp/missing", list, sizeof(list)));
    FAILS(ENOENT, lgetxattr("/tmp/missing", "user.a", list, sizeof(list)));
    FAILS(EBADF, fgetxattr(fd, "user.a", list, sizeof(list)));
    CHECK(getxattr("/tmp", "user.a", list, sizeof(list)) == -1 && (errno == EOPNOTSUPP || errno == ENODATA));
}

static void nice_child(void)
{
    CHECK(getpriority(PRIO_PROCESS, 0) == 3);
}

static void nicer(void)
{
    FAILS(EINVAL, getpriority(9, 0));
    CHECK(getpriority(PRIO_PROCESS, 0) == 0);
    CHECK(nice(3) == 3 && getpriority(PRIO_PROCESS, getpid()) == 3);
    in_child(nice_child);
    CHECK(setpriority(PRIO_PROCESS, 0, 100) == 0 && getpriority(PRIO_PROCESS, 0) == 19);
}

static void harts(void)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    FAILS(EINVAL, sched_setaffinity(0, sizeof(set), &set));
    CPU_SET(0, &set);
    CHECK(sched_setaffinity(0, sizeof(set), &set) == 0);
    CPU_ZERO(&set);
    CHECK(sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_ISSET(0, &set));
    CHECK(sched_getaffinity(getpid(), sizeof(set), &set) == 0);
    FAILS(ESRCH, sched_setaffinity(1 << 29, sizeof(set), &set));
}

static void versions(void)
{
    struct __user_cap_header_struct header = {.version = 0};
    struct __user_cap_data_struct data[2];

    CHECK(syscall(SYS_capget, &header, NULL) == 0 && header.version == _LINUX_CAPABILITY_VERSION_3);
    header.version = 0;
    FAILS(EINVAL, (int)syscall(SYS_capget, &header, data));
    CHECK(syscall(SYS_capget, &header, data) == 0);
    CHECK(personality(0xffffffff) == PER_LINUX && personality(PER_LINUX) == PER_LINUX);
    CHECK(unshare(0) == 0);
}

int main(void)
{
    roots();
    attributes();
    in_child(nicer);
    harts();
    versions();
    puts("system: good");
    return 0;
}
