/* SPDX-License-Identifier: MIT */
/* What is refused, and with which error: addresses that are not the program's, ranges that are not mapped, what is no file, limits. */
#include "check.h"

#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096

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
    rest_of_time();
    puts("refusals: good");
    return 0;
}
