/* SPDX-License-Identifier: MIT */
/* vfork, and what the C library makes of it: posix_spawn, system, popen. (qemu-riscv64 makes a fork of it, with a copy of the
 * memory; on machines that Linux itself runs this passes.) */
#include "check.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LARGE (1 << 20)

extern char **environ;
static volatile int stored, handled;
static volatile unsigned long turns;
static char *volatile made, *volatile mapped;
static pid_t volatile inner;
static volatile int *volatile nowhere;

/* In the child, where nothing may be printed by way of a buffer. */
#define MUST(condition)                                                                                                \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            _exit(100 + __LINE__ % 100);                                                                               \
    } while (0)

static int end_of(pid_t pid)
{
    int status;

    CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
    return status;
}

static void pause_a_moment(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
}

static void on_signal(int signal)
{
    (void)signal;
    handled++;
}

/* ---- vfork ---- */

static void test_stores(void)
{
    const pid_t parent = getpid();
    pid_t pid;

    stored = 0;
    pid = vfork();
    if (pid == 0) {
        MUST(getpid() != parent && getppid() == parent);
        pause_a_moment();
        stored = 1;
        _exit(3);
    }
    CHECK(pid > 0 && stored == 1 && getpid() == parent);
    CHECK(WEXITSTATUS(end_of(pid)) == 3);
    while (stored < 51) {
        pid = vfork();
        if (pid == 0) {
            stored++;
            _exit(0);
        }
        CHECK(end_of(pid) == 0);
    }
}

/* What is the child's own: descriptors, handlers, folder, mask. */
static void test_own(void)
{
    char folder[256], before[256];
    struct sigaction action;
    sigset_t set;
    pid_t pid;
    int fd;

    signal(SIGUSR1, on_signal);
    CHECK(getcwd(before, sizeof(before)) != NULL);
    fd = open("/dev/null", O_WRONLY);
    pid = vfork();
    if (pid == 0) {
        MUST(close(fd) == 0 && dup2(2, 77) == 77 && chdir("/dev") == 0);
        MUST(signal(SIGUSR1, SIG_IGN) == on_signal);
        sigfillset(&set);
        MUST(sigprocmask(SIG_SETMASK, &set, NULL) == 0);
        _exit(0);
    }
    CHECK(end_of(pid) == 0 && write(fd, "x", 1) == 1 && close(fd) == 0);
    FAILS(EBADF, close(77));
    CHECK(getcwd(folder, sizeof(folder)) != NULL && strcmp(folder, before) == 0);
    CHECK(sigaction(SIGUSR1, NULL, &action) == 0 && action.sa_handler == on_signal);
    CHECK(sigprocmask(SIG_BLOCK, NULL, &set) == 0 && !sigismember(&set, SIGUSR2));
}

static void test_exec(const char *path)
{
    char text[16] = {0};
    int ends[2];
    pid_t pid;

    CHECK(pipe2(ends, O_CLOEXEC) == 0);
    pid = vfork();
    if (pid == 0) {
        MUST(dup2(ends[1], 9) == 9);
        execl(path, "vfork", "tell", NULL);
        _exit(1);
    }
    CHECK(close(ends[1]) == 0 && read(ends[0], text, sizeof(text)) == 4 && strcmp(text, "told") == 0);
    CHECK(WEXITSTATUS(end_of(pid)) == 7 && read(ends[0], text, 1) == 0 && close(ends[0]) == 0);
    pid = vfork();
    if (pid == 0) {
        execl("/nowhere", "nowhere", NULL);
        stored = errno;
        _exit(127);
    }
    CHECK(stored == ENOENT && WEXITSTATUS(end_of(pid)) == 127);
}

/* Signals to the parent wait; a child that is killed lets it go on. */
static void test_signals(void)
{
    pid_t pid;

    handled = stored = 0;
    signal(SIGUSR1, on_signal);
    pid = vfork();
    if (pid == 0) {
        MUST(kill(getppid(), SIGUSR1) == 0);
        pause_a_moment();
        stored = handled;
        _exit(0);
    }
    CHECK(end_of(pid) == 0 && stored == 0 && handled == 1);
    pid = vfork();
    if (pid == 0) {
        kill(getpid(), SIGKILL);
        _exit(1);
    }
    CHECK(WTERMSIG(end_of(pid)) == SIGKILL);
    pid = vfork();
    if (pid == 0)
        *nowhere = 0;
    CHECK(WTERMSIG(end_of(pid)) == SIGSEGV);
}

/* What the child maps and allocates is there for the parent, and what it takes away is not. */
static void test_memory(void)
{
    char *given = mmap(NULL, LARGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    void *const end = sbrk(0);
    pid_t pid;

    CHECK(given != MAP_FAILED);
    memset(given, 1, LARGE);
    pid = vfork();
    if (pid == 0) {
        MUST(sbrk(LARGE) == end);
        memset(end, 2, LARGE);
        mapped = mmap(NULL, LARGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        MUST(mapped != MAP_FAILED);
        memset(mapped, 3, LARGE);
        MUST(mprotect(mapped, 4096, PROT_READ) == 0 && munmap(given, LARGE) == 0);
        made = malloc(3 * LARGE);
        MUST(made != NULL);
        memset(made, 4, 3 * LARGE);
        _exit(0);
    }
    CHECK(end_of(pid) == 0 && (char *)sbrk(0) >= (char *)end + LARGE);
    CHECK(((char *)end)[LARGE - 1] == 2 && mapped[LARGE - 1] == 3 && made[3 * LARGE - 1] == 4);
    FAILS(ENOMEM, mprotect(given, LARGE, PROT_READ));
    CHECK(mprotect(mapped, 4096, PROT_READ | PROT_WRITE) == 0 && munmap(mapped, LARGE) == 0);
    free(made);
}

static void test_children(void)
{
    pid_t pid = vfork();

    if (pid == 0) {
        inner = vfork();
        if (inner == 0) {
            stored = 5;
            _exit(5);
        }
        MUST(stored == 5 && WEXITSTATUS(end_of(inner)) == 5);
        inner = fork();
        if (inner == 0) {
            MUST(stored == 5);
            stored = 6;
            MUST(malloc(LARGE) != NULL);
            _exit(6);
        }
        MUST(WEXITSTATUS(end_of(inner)) == 6 && stored == 5);
        _exit(0);
    }
    CHECK(end_of(pid) == 0 && stored == 5);
}

static void *turn(void *argument)
{
    while (!stored) {
        turns++;
        sched_yield();
    }
    return argument;
}

/* Other threads go on. */
static void test_threads(void)
{
    pthread_t thread;
    pid_t pid;

    stored = 0;
    CHECK(pthread_create(&thread, NULL, turn, NULL) == 0);
    pid = vfork();
    if (pid == 0) {
        const unsigned long before = turns;

        while (turns < before + 10)
            pause_a_moment();
        stored = 1;
        _exit(0);
    }
    CHECK(end_of(pid) == 0 && pthread_join(thread, NULL) == 0);
}

/* ---- the C library ---- */

static int store_argument(void *argument)
{
    stored = *(int *)argument;
    return 4;
}

static void test_clone(void)
{
    char *stack = malloc(LARGE);
    int value = 9;
    pid_t pid;

    CHECK(stack != NULL);
    pid = clone(store_argument, stack + LARGE, CLONE_VM | CLONE_VFORK | SIGCHLD, &value);
    CHECK(pid > 0 && stored == 9 && WEXITSTATUS(end_of(pid)) == 4);
    free(stack);
}

static void test_library(const char *path)
{
    char name[] = "vfork", word[] = "end", *const arguments[] = {name, word, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    char line[32];
    FILE *stream;
    pid_t pid;

    CHECK(posix_spawn(&pid, path, NULL, NULL, arguments, environ) == 0 && WEXITSTATUS(end_of(pid)) == 7);
    CHECK(posix_spawn(&pid, "/nowhere", NULL, NULL, arguments, environ) == ENOENT);
    CHECK(posix_spawnattr_init(&attributes) == 0 && posix_spawn_file_actions_init(&actions) == 0);
    CHECK(posix_spawn_file_actions_addopen(&actions, 5, "/nowhere/at/all", O_RDONLY, 0) == 0);
    CHECK(posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF) == 0);
    CHECK(posix_spawn(&pid, path, &actions, &attributes, arguments, environ) == ENOENT);
    CHECK(posix_spawn(&pid, path, NULL, &attributes, arguments, environ) == 0 && WEXITSTATUS(end_of(pid)) == 7);
    CHECK(waitpid(-1, NULL, 0) == -1 && errno == ECHILD);
    CHECK(WEXITSTATUS(system("exit 3")) == 3);
    stream = popen("echo a line", "r");
    CHECK(stream != NULL && fgets(line, sizeof(line), stream) != NULL && strcmp(line, "a line\n") == 0);
    CHECK(pclose(stream) == 0);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "tell") == 0)
        return write(9, "told", 4) == 4 ? 7 : 1;
    if (argc > 1)
        return 7;
    test_stores();
    test_own();
    test_exec(argv[0]);
    test_signals();
    test_memory();
    test_children();
    test_threads();
    test_clone();
    test_library(argv[0]);
    puts("vfork: good");
    return 0;
}
