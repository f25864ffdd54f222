/* SPDX-License-Identifier: MIT */
/* Processes, pipes, signals and memory. */
#include "check.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t seen, seen_value;
static volatile int *volatile nowhere = (volatile int *)8;

static void note(int number, siginfo_t *info, void *context)
{
    (void)context;
    seen = number;
    seen_value = (int)info->si_pid;
}

static void set_handler(int number, int flags)
{
    struct sigaction action = {.sa_sigaction = note, .sa_flags = SA_SIGINFO | flags};

    CHECK(sigaction(number, &action, NULL) == 0);
}

static int end_of(pid_t pid)
{
    int status;

    CHECK(waitpid(pid, &status, 0) == pid);
    return status;
}

static void children(void)
{
    static int mine = 1;
    pid_t pid = fork();

    if (pid == 0) {
        mine = 2;
        _exit(getppid() > 0 ? 7 : 1);
    }
    CHECK(pid > 0);
    CHECK(WEXITSTATUS(end_of(pid)) == 7 && mine == 1);
    FAILS(ECHILD, waitpid(-1, NULL, 0));
    pid = fork();
    if (pid == 0) {
        *nowhere = 1;
        _exit(0);
    }
    CHECK(WTERMSIG(end_of(pid)) == SIGSEGV);
    pid = fork();
    if (pid == 0) {
        execl("/bin/busybox", "busybox", "false", NULL);
        _exit(2);
    }
    CHECK(WEXITSTATUS(end_of(pid)) == 1);
    FAILS(ENOENT, execl("/nothing", "nothing", NULL));
}

static void pipes(void)
{
    int ends[2];
    char buffer[8192] = {0};
    struct pollfd polled;
    pid_t pid;

    CHECK(pipe(ends) == 0);
    polled = (struct pollfd){.fd = ends[0], .events = POLLIN};
    CHECK(poll(&polled, 1, 0) == 0);
    pid = fork();
    if (pid == 0) {
        close(ends[0]);
        for (unsigned i = 0; i < 100; i++)
            CHECK(write(ends[1], buffer, sizeof(buffer)) == sizeof(buffer));
        _exit(0);
    }
    close(ends[1]);
    size_t got = 0;
    for (ssize_t count; (count = read(ends[0], buffer, 1000)) != 0; got += (size_t)count)
        CHECK(count > 0);
    CHECK(got == 100 * sizeof(buffer) && WEXITSTATUS(end_of(pid)) == 0);
    close(ends[0]);
    CHECK(pipe(ends) == 0 && close(ends[0]) == 0);
    set_handler(SIGPIPE, 0);
    FAILS(EPIPE, write(ends[1], "x", 1));
    CHECK(seen == SIGPIPE);
    close(ends[1]);
}

static void signals(void)
{
    sigset_t set, before;
    pid_t pid;

    set_handler(SIGUSR1, 0);
    CHECK(raise(SIGUSR1) == 0 && seen == SIGUSR1);
    CHECK(kill(getpid(), SIGUSR1) == 0 && seen_value == getpid());
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    set_handler(SIGUSR2, 0);
    CHECK(sigprocmask(SIG_BLOCK, &set, &before) == 0 && raise(SIGUSR2) == 0 && seen == SIGUSR1);
    CHECK(sigprocmask(SIG_SETMASK, &before, NULL) == 0 && seen == SIGUSR2);
    pid = fork();
    if (pid == 0) {
        for (;;)
            pause();
    }
    usleep(20000);
    CHECK(kill(pid, SIGUSR1) == 0); /* its handler runs, and it waits on */
    usleep(20000);
    CHECK(waitpid(pid, NULL, WNOHANG) == 0);
    CHECK(kill(pid, SIGTERM) == 0 && WTERMSIG(end_of(pid)) == SIGTERM);
    pid = fork();
    if (pid == 0) {
        usleep(50000);
        kill(getppid(), SIGUSR1);
        _exit(0);
    }
    seen = 0;
    errno = 0;
    CHECK(pause() == -1 && errno == EINTR && seen == SIGUSR1);
    end_of(pid);
    set_handler(SIGALRM, 0);
    CHECK(alarm(1) == 0 && pause() == -1 && seen == SIGALRM);
}

static void memory(void)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *area = mmap(NULL, 4 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int *shared = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pid;
    int fd;

    CHECK(area != MAP_FAILED && shared != MAP_FAILED && area[0] == 0);
    area[page] = 5;
    CHECK(munmap(area, page) == 0 && area[page] == 5);
    CHECK(mprotect(area + page, page, PROT_READ) == 0);
    pid = fork();
    if (pid == 0) {
        *shared = 42;
        area[page] = 6; /* may not be stored to */
        _exit(0);
    }
    CHECK(WTERMSIG(end_of(pid)) == SIGSEGV && *shared == 42);
    CHECK(mprotect(area + page, page, PROT_READ | PROT_WRITE) == 0);
    area = mremap(area + page, 3 * page, 64 * page, MREMAP_MAYMOVE);
    CHECK(area != MAP_FAILED && area[0] == 5);
    fd = open("/tmp/mapped", O_RDWR | O_CREAT, 0600);
    CHECK(ftruncate(fd, (off_t)page) == 0);
    char *file = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(file != MAP_FAILED);
    strcpy(file, "mapped");
    char buffer[8];
    CHECK(pread(fd, buffer, 7, 0) == 7 && strcmp(buffer, "mapped") == 0);
    CHECK(unlink("/tmp/mapped") == 0);
}

int main(void)
{
    struct timespec now, later;

    children();
    pipes();
    signals();
    memory();
    CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0 && usleep(10000) == 0 &&
          clock_gettime(CLOCK_MONOTONIC, &later) == 0);
    CHECK((later.tv_sec - now.tv_sec) * 1000000000 + later.tv_nsec - now.tv_nsec >= 10000000);
    puts("processes: good");
    return 0;
}
