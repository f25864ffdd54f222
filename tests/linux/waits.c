/* SPDX-License-Identifier: MIT */
/*
 * Waits end when what they wait for is there, and neither later nor before: not for signals that are ignored, for what was told of
 * something else, for the news of another thread's child, or for a time of day that has been.
 */
#include "check.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>

#define FIFO "/tmp/waits"
#define SLEEP_MS 400
#define PEST_MS 100
#define PEST_TIMES 12

static int64_t now_ms(void)
{
    struct timespec now;

    CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void end_well(pid_t pid)
{
    CHECK(pid > 0 && end_of_child(pid, 30) == 0);
}

/* ---- signals that nobody hears ---- */

static uint32_t word;

static void sleep_by_clock(void)
{
    CHECK(clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){.tv_nsec = SLEEP_MS * 1000000L}, NULL) == 0);
}

static void sleep_by_poll(void)
{
    CHECK(poll(NULL, 0, SLEEP_MS) == 0);
}

static void sleep_by_futex(void)
{
    FAILS(ETIMEDOUT,
          syscall(SYS_futex, &word, 0 /* FUTEX_WAIT */, 0, &(struct timespec){.tv_nsec = SLEEP_MS * 1000000L}));
}

static void sleep_by_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    FAILS(EAGAIN, sigtimedwait(&set, NULL, &(struct timespec){.tv_nsec = SLEEP_MS * 1000000L}));
}

/* Another process sends signals all the time, twice as long as the sleep is. */
static void sleeps_beside(void (*sleeps)(void), int signal, int other)
{
    const pid_t self = getpid(), pid = fork();
    const int64_t begun = now_ms();
    int64_t took;

    if (pid == 0) {
        for (unsigned i = 0; i < PEST_TIMES; i++) {
            usleep(PEST_MS * 1000);
            CHECK(kill(self, signal) == 0 && (other == 0 || kill(self, other) == 0));
        }
        _exit(0);
    }
    sleeps();
    took = now_ms() - begun;
    CHECK(took >= SLEEP_MS && took < PEST_MS * PEST_TIMES);
    end_well(pid);
}

static void unheard_signals(void)
{
    static void (*const ways[])(void) = {sleep_by_clock, sleep_by_poll, sleep_by_futex, sleep_by_signals};

    CHECK(signal(SIGUSR1, SIG_IGN) == SIG_DFL);
    for (unsigned i = 0; i < 4; i++)
        sleeps_beside(ways[i], SIGUSR1, 0);
    sleeps_beside(sleep_by_clock, SIGWINCH, 0);
    CHECK(signal(SIGUSR1, SIG_DFL) == SIG_IGN);
}

/* Nor does it sleep longer that was stopped meanwhile. The first process of a container is not stopped: it is a child. */
static void stopped_sleeps(void)
{
    const pid_t pid = fork();

    if (pid == 0) {
        sleeps_beside(sleep_by_clock, SIGSTOP, SIGCONT);
        _exit(0);
    }
    end_well(pid);
}

/* ---- what was told of something else ---- */

/* Has the thread's next wait be told of a pipe's byte, which it does not wait for. The child is to be waited for. */
static pid_t be_told_of_pipe(int ends[2])
{
    pid_t pid;
    char byte;

    CHECK(pipe(ends) == 0);
    pid = fork();
    if (pid == 0) {
        usleep(20000);
        _exit(write(ends[1], "a", 1) != 1);
    }
    CHECK(read(ends[0], &byte, 1) == 1 && write(ends[1], "b", 1) == 1 && read(ends[0], &byte, 1) == 1);
    CHECK(write(ends[1], "c", 1) == 1);
    return pid;
}

static void fifos(void)
{
    int ends[2], fd;
    char byte = 0;
    pid_t pid, other;

    CHECK(mkfifo(FIFO, 0600) == 0);
    pid = fork();
    if (pid == 0) {
        usleep(100000);
        fd = open(FIFO, O_WRONLY);
        _exit(fd < 0 || write(fd, "x", 1) != 1);
    }
    other = be_told_of_pipe(ends);
    fd = open(FIFO, O_RDONLY);
    CHECK(fd >= 0 && read(fd, &byte, 1) == 1 && byte == 'x');
    CHECK(close(fd) == 0 && close(ends[0]) == 0 && close(ends[1]) == 0 && unlink(FIFO) == 0);
    end_well(pid);
    end_well(other);
}

/* What there is, is read, though there is room for more. */
static void parts(void)
{
    char first[4] = "", second[4] = "";
    const struct iovec both[2] = {{first, 4}, {second, 4}};
    int ends[2];

    CHECK(pipe(ends) == 0 && write(ends[1], "abcd", 4) == 4);
    alarm(10);
    CHECK(readv(ends[0], both, 2) == 4 && memcmp(first, "abcd", 4) == 0);
    CHECK(write(ends[1], "abcdef", 6) == 6 && readv(ends[0], both, 2) == 6 && memcmp(second, "ef", 2) == 0);
    CHECK(alarm(0) != 0 && close(ends[1]) == 0 && readv(ends[0], both, 2) == 0 && close(ends[0]) == 0);
}

/* ---- threads ---- */

static pid_t start(useconds_t first)
{
    const pid_t pid = fork();

    CHECK(pid >= 0);
    if (pid == 0) {
        usleep(first);
        _exit(0);
    }
    return pid;
}

#define WAITING 12 /* more than may wait for one event of Winkle's */

static void *wait_for_one(void *pid)
{
    CHECK(waitpid((pid_t)(intptr_t)pid, NULL, 0) == (pid_t)(intptr_t)pid);
    return NULL;
}

/* Each thread waits for another child, in an order in which they do not end. */
static void children_of_threads(void)
{
    pthread_t threads[WAITING];

    alarm(30);
    for (unsigned i = 0; i < WAITING; i++) {
        const pid_t pid = start(100000 + (WAITING - i) * 20000);

        CHECK(pthread_create(&threads[i], NULL, wait_for_one, (void *)(intptr_t)pid) == 0);
    }
    for (unsigned i = 0; i < WAITING; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(alarm(0) != 0);
}

static int handshake[2];

static void *take_signal(void *argument)
{
    sigset_t set;
    int signal;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    CHECK(sigwait(&set, &signal) == 0 && signal == SIGUSR1 && write(handshake[1], "", 1) == 1);
    return argument;
}

/* A signal that another thread takes is passed on while the first waits for the very child that sent it. */
static void signal_beside_wait(void)
{
    pthread_t thread;
    sigset_t set;
    pid_t pid;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    alarm(30);
    CHECK(pipe(handshake) == 0 && sigprocmask(SIG_BLOCK, &set, NULL) == 0);
    pid = fork();
    if (pid == 0) {
        char byte;

        usleep(100000);
        CHECK(kill(getppid(), SIGUSR1) == 0);
        _exit(read(handshake[0], &byte, 1) != 1);
    }
    CHECK(pthread_create(&thread, NULL, take_signal, NULL) == 0);
    CHECK(waitpid(pid, NULL, 0) == pid && pthread_join(thread, NULL) == 0 && alarm(0) != 0);
    CHECK(sigprocmask(SIG_UNBLOCK, &set, NULL) == 0 && close(handshake[0]) == 0 && close(handshake[1]) == 0);
}

/* ---- times of day ---- */

static void times_of_day(void)
{
    const struct timespec past = {.tv_sec = 1000000};
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t never = PTHREAD_COND_INITIALIZER;

    alarm(10);
    CHECK(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &past, NULL) == 0);
    CHECK(pthread_mutex_lock(&lock) == 0 && pthread_cond_timedwait(&never, &lock, &past) == ETIMEDOUT);
    CHECK(alarm(0) != 0);
    /* As far as the seconds go is for ever. */
    alarm(1);
    errno = 0;
    CHECK(syscall(SYS_futex, &word, 9 /* FUTEX_WAIT_BITSET */, 0, &(struct timespec){.tv_sec = INT64_MAX}, NULL, 1) ==
              -1 &&
          errno == EINTR);
}

static volatile sig_atomic_t alarms;

static void on_alarm(int signal)
{
    (void)signal;
    alarms = alarms + 1;
}

/* What a timer has left: nothing when it is over, or in a child; until the next time if it goes on. */
static void timers(void)
{
    const struct itimerval once = {.it_value = {.tv_usec = 10000}}, long_one = {.it_value = {.tv_sec = 100}};
    const struct itimerval again = {.it_value = {.tv_usec = 10000}, .it_interval = {.tv_sec = 50}};
    struct itimerval left;
    pid_t pid;

    alarms = 0;
    CHECK(setitimer(ITIMER_REAL, &once, NULL) == 0);
    while (alarms == 0)
        usleep(1000);
    CHECK(getitimer(ITIMER_REAL, &left) == 0 && left.it_value.tv_sec == 0 && left.it_value.tv_usec == 0);
    alarms = 0;
    CHECK(setitimer(ITIMER_REAL, &again, NULL) == 0);
    while (alarms == 0)
        usleep(1000);
    CHECK(getitimer(ITIMER_REAL, &left) == 0 && left.it_value.tv_sec >= 40 && left.it_interval.tv_sec == 50);
    CHECK(setitimer(ITIMER_REAL, &long_one, NULL) == 0);
    pid = fork();
    if (pid == 0) {
        CHECK(getitimer(ITIMER_REAL, &left) == 0 && left.it_value.tv_sec == 0 && left.it_value.tv_usec == 0);
        _exit(0);
    }
    end_well(pid);
    CHECK(alarm(0) >= 98);
}

/* ---- the last ones ---- */

#define LOCKS 1500

static char stack[16384] __attribute__((aligned(16)));

static struct {
    uint64_t first, offset, pending; /* Documentation/locking/robust-futex-ABI.rst */
    struct {
        uint64_t next;
        uint32_t word;
    } locks[LOCKS];
} * robust;

static int end_beside(void *argument)
{
    while ((*(volatile uint32_t *)&robust->locks[0].word & 0x40000000 /* FUTEX_OWNER_DIED */) == 0)
        sched_yield();
    return argument == NULL ? 0 : 1;
}

/* A thread that ends while another does, without a library that counts them: together they end the process. The end of the first takes long,
 * for it holds many robust locks. */
static void last_ones(void)
{
    const int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;
    const pid_t pid = fork();

    if (pid == 0) {
        robust = mmap(NULL, sizeof(*robust), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        CHECK(robust != MAP_FAILED);
        for (unsigned i = 0; i < LOCKS; i++) {
            robust->locks[i].next = i + 1 < LOCKS ? (uint64_t)&robust->locks[i + 1] : (uint64_t)robust;
            robust->locks[i].word = (uint32_t)getpid() | 0x80000000 /* FUTEX_WAITERS */;
        }
        robust->first = (uint64_t)&robust->locks[0];
        robust->offset = (uint64_t)&robust->locks[0].word - robust->first;
        CHECK(syscall(SYS_set_robust_list, robust, 24) == 0);
        CHECK(clone(end_beside, stack + sizeof(stack), flags, NULL) > 0);
        syscall(SYS_exit, 0);
    }
    end_well(pid);
}

int main(void)
{
    CHECK(sigaction(SIGALRM, &(struct sigaction){.sa_handler = on_alarm}, NULL) == 0);
    unheard_signals();
    stopped_sleeps();
    fifos();
    parts();
    children_of_threads();
    signal_beside_wait();
    times_of_day();
    timers();
    last_ones();
    puts("waits: good");
    return 0;
}
