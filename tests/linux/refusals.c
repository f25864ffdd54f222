/* SPDX-License-Identifier: MIT */
/* What is refused, and with which error: addresses that are not the program's, ranges that are not mapped, what is no file, limits. */
#include "check.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096
#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

/* Winkle's personality lies in some of these places; in Linux nothing does, or the kernel. */
static void check_address(void *at, int file, int folder)
{
    const char *text = at;

    FAILS(EFAULT, pread(file, at, 8, 0));
    FAILS(EFAULT, pwrite(file, at, 8, 0));
    FAILS(EFAULT, pread(file, at, PAGE, 0));
    FAILS(EFAULT, open(text, O_RDONLY));
    FAILS(EFAULT, (int)syscall(SYS_newfstatat, AT_FDCWD, text, &folder, 0));
    FAILS(EFAULT, (int)syscall(SYS_fstat, file, at));
    FAILS(EFAULT, (int)syscall(SYS_pipe2, at, 0));
    FAILS(EFAULT, (int)syscall(SYS_getdents64, folder, at, 100));
    FAILS(EFAULT, (int)syscall(SYS_getcwd, at, 100));
    FAILS(EFAULT, (int)syscall(SYS_readv, file, at, 1));
    FAILS(EFAULT, (int)syscall(SYS_execve, text, NULL, NULL));
    FAILS(EFAULT, (int)syscall(SYS_execve, "/bin/true", at, NULL));
    FAILS(EFAULT, (int)syscall(SYS_futex, at, 0 /* FUTEX_WAIT */, 0, NULL));
    FAILS(EFAULT, (int)syscall(SYS_nanosleep, at, NULL));
    FAILS(EFAULT, (int)syscall(SYS_clock_gettime, CLOCK_MONOTONIC, at));
    FAILS(EFAULT, (int)syscall(SYS_rt_sigaction, SIGUSR1, at, NULL, 8));
    FAILS(EFAULT, (int)syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, at, 8));
    FAILS(EFAULT, (int)syscall(SYS_ppoll, at, 1, NULL, NULL, 8));
    FAILS(EFAULT, (int)syscall(SYS_getrandom, at, 8, 0));
    FAILS(EFAULT, (int)syscall(SYS_uname, at));
}

static void addresses(void)
{
    static const uint64_t places[] = {8,
                                      UINT64_C(0x3000081000),
                                      UINT64_C(0x3000083100),
                                      UINT64_C(0x300009d000),
                                      UINT64_C(0x3000100008),
                                      UINT64_C(0x3800000000),
                                      UINT64_C(0x4000000000),
                                      UINT64_C(0xffffffffffffff00)};
    const int file = open("/tmp/refusals", O_RDWR | O_CREAT | O_TRUNC, 0600), folder = open("/tmp", O_RDONLY);
    char bytes[PAGE] = {1};

    CHECK(file >= 0 && folder >= 0 && write(file, bytes, PAGE) == PAGE);
    for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++)
        check_address((void *)places[i], file, folder);
    CHECK(close(file) == 0 && close(folder) == 0 && unlink("/tmp/refusals") == 0);
}

static void ranges(void)
{
    char *pages = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    const int folder = open("/tmp", O_RDONLY);

    CHECK(pages != MAP_FAILED && munmap(pages + PAGE, PAGE) == 0);
    memset(pages, 1, PAGE);
    FAILS(ENOMEM, msync(pages, 2 * PAGE, MS_SYNC));
    FAILS(EINVAL, msync(pages, PAGE, MS_SYNC | MS_ASYNC));
    FAILS(EINVAL, msync(pages, PAGE, 64));
    CHECK(msync(pages, PAGE, MS_SYNC) == 0);
    FAILS(EINVAL, madvise(pages, PAGE, 12345));
    FAILS(ENOMEM, madvise(pages, 3 * PAGE, MADV_WILLNEED));
    CHECK(pages[5] == 1);
    FAILS(ENOMEM, madvise(pages, 3 * PAGE, MADV_DONTNEED));
    CHECK(pages[5] == 0 && madvise(pages, PAGE, MADV_SEQUENTIAL) == 0);
    FAILS(EINVAL, mprotect(pages, PAGE, 0x1000));
    FAILS(ENODEV, (int)(intptr_t)mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, folder, 0));
    FAILS(EOVERFLOW, (int)(intptr_t)mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, folder, -PAGE));
    close(folder);
}

static void files(void)
{
    struct stat status;
    int ends[2];

    CHECK(pipe(ends) == 0);
    FAILS(EINVAL, fsync(ends[0]));
    FAILS(EISDIR, open("/tmp", O_RDONLY | O_CREAT, 0600));
    CHECK(mkdir("/tmp/made", 07755) == 0 && stat("/tmp/made", &status) == 0 && (status.st_mode & 07777) == 01755);
    FAILS(ENOENT, mkdir("/proc/made", 0755));
    FAILS(EEXIST, mkdir("/proc", 0755));
    FAILS(EEXIST, mkdir("/proc/self/fd", 0755));
    FAILS(EPERM, unlink("/proc/version"));
    FAILS(EXDEV, rename("/tmp/made", "/proc/made"));
    CHECK(rmdir("/tmp/made") == 0 && close(ends[0]) == 0 && close(ends[1]) == 0);
}

static void limits(void)
{
    struct rlimit before, few, seen;
    int fd;

    CHECK(getrlimit(RLIMIT_NOFILE, &before) == 0);
    few = (struct rlimit){8, before.rlim_max};
    CHECK(setrlimit(RLIMIT_NOFILE, &few) == 0 && getrlimit(RLIMIT_NOFILE, &seen) == 0 && seen.rlim_cur == 8);
    while ((fd = open("/tmp", O_RDONLY)) >= 0)
        CHECK(fd < 8);
    CHECK(errno == EMFILE);
    FAILS(EINVAL, fcntl(0, F_DUPFD, 8));
    FAILS(EBADF, dup2(0, 8));
    for (fd = 3; fd < 8; fd++)
        close(fd);
    CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0 && dup2(0, 8) == 8 && close(8) == 0);
    FAILS(EINVAL, setrlimit(RLIMIT_CORE, &(struct rlimit){5, 4}));
    FAILS(EINVAL, getrlimit(77, &seen));
}

/* Of attributes of a kind that nobody knows. Source: setxattr(2), removexattr(2). */
static void attributes(void)
{
    static const char name[] = "nobody.knows";
    const int folder = open("/tmp", O_RDONLY);

    CHECK(folder >= 0);
    FAILS(EOPNOTSUPP, setxattr("/tmp", name, "", 1, 0));
    FAILS(EOPNOTSUPP, lsetxattr("/tmp", name, "", 1, 0));
    FAILS(EOPNOTSUPP, fsetxattr(folder, name, "", 1, 0));
    FAILS(EOPNOTSUPP, removexattr("/tmp", name));
    FAILS(EOPNOTSUPP, lremovexattr("/tmp", name));
    FAILS(EOPNOTSUPP, fremovexattr(folder, name));
    FAILS(ENOENT, setxattr("/tmp/missing", name, "", 1, 0));
    FAILS(ENOENT, lsetxattr("/tmp/missing", name, "", 1, 0));
    FAILS(ENOENT, removexattr("/tmp/missing", name));
    FAILS(ENOENT, lremovexattr("/tmp/missing", name));
    FAILS(EBADF, fsetxattr(-1, name, "", 1, 0));
    FAILS(EBADF, fremovexattr(-1, name));
    CHECK(close(folder) == 0);
}

/* Source: fchmodat(2), of fchmodat2. */
static void modes(void)
{
    const int fd = open("/tmp/modes", O_RDWR | O_CREAT | O_EXCL, 0600);
    struct stat status;

    CHECK(fd >= 0 && symlink("modes", "/tmp/modes-link") == 0);
    CHECK(syscall(SYS_fchmodat2, AT_FDCWD, "/tmp/modes-link", 0640, 0) == 0 && fstat(fd, &status) == 0);
    CHECK((status.st_mode & 07777) == 0640);
    CHECK(syscall(SYS_fchmodat2, AT_FDCWD, "/tmp/modes", 0604, AT_SYMLINK_NOFOLLOW) == 0 && fstat(fd, &status) == 0);
    CHECK((status.st_mode & 07777) == 0604);
    CHECK(syscall(SYS_fchmodat2, fd, "", 0400, AT_EMPTY_PATH) == 0 && fstat(fd, &status) == 0);
    CHECK((status.st_mode & 07777) == 0400);
    FAILS(EOPNOTSUPP, syscall(SYS_fchmodat2, AT_FDCWD, "/tmp/modes-link", 0600, AT_SYMLINK_NOFOLLOW));
    FAILS(EINVAL, syscall(SYS_fchmodat2, AT_FDCWD, "/tmp/modes", 0600, 1));
    FAILS(ENOENT, syscall(SYS_fchmodat2, AT_FDCWD, "/tmp/missing", 0600, 0));
    FAILS(EBADF, syscall(SYS_fchmodat2, -1, "missing", 0600, 0));
    CHECK(close(fd) == 0 && unlink("/tmp/modes") == 0 && unlink("/tmp/modes-link") == 0);
}

/* A call's arguments, and what may follow them in a newer one. */
struct many_arguments {
    struct clone_args known;
    uint64_t more;
};

static long clone3(const struct many_arguments *arguments, size_t bytes)
{
    return syscall(SYS_clone3, arguments, bytes);
}

#define THREAD (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD)

static void clones(void)
{
    static const struct clone_args refused[] = {
        {.exit_signal = 65},
        {.flags = SIGCHLD},
        {.flags = 0x00400000 /* CLONE_DETACHED */},
        {.flags = CLONE_THREAD, .exit_signal = 0},
        {.flags = CLONE_SIGHAND},
        {.flags = THREAD, .exit_signal = SIGCHLD},
        {.flags = THREAD | CLONE_NEWNS},
        {.flags = THREAD | CLONE_CLEAR_SIGHAND},
        {.exit_signal = SIGCHLD, .stack = 4096},
        {.exit_signal = SIGCHLD, .stack_size = 4096},
        {.exit_signal = SIGCHLD, .set_tid_size = 1},
        {.flags = UINT64_C(1) << 40, .exit_signal = SIGCHLD},
    };
    struct many_arguments given = {.known = {.exit_signal = SIGCHLD}, .more = 1};
    int32_t number = 0;
    pid_t pid;

    for (unsigned i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        FAILS(EINVAL, clone3(&(struct many_arguments){.known = refused[i]}, sizeof(struct clone_args)));
    FAILS(EINVAL, clone3(&given, CLONE_ARGS_SIZE_VER0 - 8));
    FAILS(E2BIG, clone3(&given, sizeof(given)));
    FAILS(E2BIG, clone3(&given, PAGE + 8));
    FAILS(EFAULT, clone3((void *)8, CLONE_ARGS_SIZE_VER0));
    given = (struct many_arguments){
        .known = {.flags = CLONE_PARENT_SETTID, .parent_tid = (uint64_t)&number, .exit_signal = SIGCHLD}};
    pid = (pid_t)clone3(&given, sizeof(given));
    if (pid == 0)
        _exit(5);
    CHECK(pid > 0 && number == pid && WEXITSTATUS(end_of_child(pid, 10)) == 5);
}

/* Linux tells what is left of the time-out. Source: select(2), pselect6. */
static void rest_of_time(void)
{
    struct timespec time = {.tv_sec = 5};
    int ends[2];
    fd_set set;

    CHECK(pipe(ends) == 0 && write(ends[1], "x", 1) == 1);
    FD_ZERO(&set);
    FD_SET(ends[0], &set);
    CHECK(syscall(SYS_pselect6, ends[0] + 1, &set, NULL, NULL, &time, NULL) == 1 && FD_ISSET(ends[0], &set));
    CHECK(time.tv_sec == 4);
    time = (struct timespec){.tv_nsec = 1000000};
    FD_ZERO(&set);
    CHECK(syscall(SYS_pselect6, 0, &set, NULL, NULL, &time, NULL) == 0 && time.tv_sec == 0 && time.tv_nsec == 0);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    addresses();
    ranges();
    files();
    limits();
    attributes();
    modes();
    clones();
    rest_of_time();
    puts("refusals: good");
    return 0;
}
