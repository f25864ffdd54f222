/* SPDX-License-Identifier: MIT */
/* What is asked of a process, its system and its files, in the ways in which programs ask less often. */
#include "check.h"

#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define FOLDER "/tmp/questions"

static void files(void)
{
    char first[4] = "", second[4] = "";
    const struct iovec parts[2] = {{first, 3}, {second, 3}};
    const int folder = (mkdir(FOLDER, 0755), open(FOLDER, O_RDONLY | O_DIRECTORY));
    struct statx told;
    struct statfs space;
    struct stat status;
    int fd;

    CHECK(folder >= 0 && fchdir(folder) == 0);
    CHECK(umask(077) == 022 && umask(022) == 077);
    fd = open("f", O_RDWR | O_CREAT, 0666);
    CHECK(fd >= 0 && write(fd, "abcdefgh", 8) == 8 && preadv(fd, parts, 2, 1) == 6);
    CHECK(memcmp(first, "bcd", 3) == 0 && memcmp(second, "efg", 3) == 0);
    CHECK(truncate("f", 5) == 0 && fchmod(fd, 0604) == 0 && fchown(fd, 5, 6) == 0 && fstat(fd, &status) == 0);
    CHECK(status.st_size == 5 && (status.st_mode & 07777) == 0604 && status.st_uid == 5 && status.st_gid == 6);
    CHECK(statx(folder, "f", 0, STATX_BASIC_STATS, &told) == 0 && told.stx_size == 5 && told.stx_uid == 5);
    CHECK((told.stx_mode & 07777) == 0604 && told.stx_ino == status.st_ino && told.stx_nlink == 1);
    CHECK(fstatfs(fd, &space) == 0 && space.f_bsize >= 512 && space.f_namelen == 255);
    CHECK(fdatasync(fd) == 0 && (sync(), 1));
    FAILS(EINVAL, truncate("f", -1));
    FAILS(ENOENT, truncate("missing", 1));
    FAILS(ENOTDIR, fchdir(fd));
    FAILS(EBADF, fchmod(-1, 0));
    CHECK(close(fd) == 0 && unlink("f") == 0 && chdir("/") == 0 && close(folder) == 0 && rmdir(FOLDER) == 0);
}

/* In a child, for who has given up being user 0 stays so. */
static void be_somebody(void)
{
    uid_t user, effective, saved;
    gid_t group, effective_group, saved_group, groups[8];

    CHECK(getgroups(8, groups) >= 0);
    FAILS(EINVAL, getgroups(-1, groups));
    CHECK(setgroups(0, NULL) == 0 && getgroups(8, groups) == 0);
    CHECK(setregid(7, 8) == 0 && getgid() == 7 && getegid() == 8 && setgid(9) == 0 && getgid() == 9);
    CHECK(setresgid(10, 11, 12) == 0 && getresgid(&group, &effective_group, &saved_group) == 0);
    CHECK(group == 10 && effective_group == 11 && saved_group == 12);
    CHECK(setreuid(0, 20) == 0 && geteuid() == 20 && setreuid((uid_t)-1, 0) == 0 && geteuid() == 0);
    CHECK(setresuid(20, 21, 22) == 0 && getresuid(&user, &effective, &saved) == 0);
    CHECK(user == 20 && effective == 21 && saved == 22);
    CHECK(setuid(22) == 0 && getuid() == 20 && geteuid() == 22);
    FAILS(EPERM, setuid(0));
    FAILS(EPERM, setresuid(0, 0, 0));
    FAILS(EPERM, setgroups(0, NULL));
}

static volatile int woken;

static void on_alarm(int signal)
{
    woken = signal;
}

static void times_and_waits(void)
{
    struct itimerval value = {.it_value = {.tv_sec = 100}}, left;
    struct rusage used;
    struct sysinfo system;
    struct tms spent;
    sigset_t set, none;

    CHECK(times(&spent) != (clock_t)-1 && spent.tms_utime >= 0 && getrusage(RUSAGE_SELF, &used) == 0);
    CHECK(used.ru_utime.tv_usec >= 0 && used.ru_utime.tv_usec < 1000000 && getrusage(RUSAGE_CHILDREN, &used) == 0);
    FAILS(EINVAL, getrusage((__rusage_who_t)77, &used));
    CHECK(sysinfo(&system) == 0 && system.procs >= 1 && system.mem_unit >= 1 && system.totalram >= system.freeram &&
          system.freeram > 0);
    CHECK(setitimer(ITIMER_REAL, &value, NULL) == 0 && getitimer(ITIMER_REAL, &left) == 0);
    CHECK(left.it_value.tv_sec >= 98 && left.it_value.tv_sec <= 100 && left.it_interval.tv_sec == 0);
    value = (struct itimerval){.it_value = {.tv_usec = 5000}};
    sigemptyset(&none);
    sigemptyset(&set);
    sigaddset(&set, SIGALRM);
    CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0 && signal(SIGALRM, on_alarm) == SIG_DFL);
    CHECK(setitimer(ITIMER_REAL, &value, NULL) == 0);
    usleep(20000);
    CHECK(woken == 0);
    FAILS(EINTR, sigsuspend(&none));
    CHECK(woken == SIGALRM && sigprocmask(SIG_BLOCK, NULL, &set) == 0 && sigismember(&set, SIGALRM));
}

int main(void)
{
    pid_t pid;

    files();
    pid = fork();
    if (pid == 0) {
        be_somebody();
        _exit(0);
    }
    CHECK(end_of_child(pid, 20) == 0);
    times_and_waits();
    puts("questions: good");
    return 0;
}
