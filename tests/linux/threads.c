/* SPDX-License-Identifier: MIT */
/* Threads of a process: locks, conditions, and their ends. */
#include "check.h"

#include <pthread.h>
#include <stdint.h>
#include <unistd.h>

#define THREADS 4
#define ROUNDS 1000

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static unsigned long count, turn;
static __thread int own;

static void *work(void *argument)
{
    own = (int)(long)argument;
    for (unsigned i = 0; i < ROUNDS; i++) {
        CHECK(pthread_mutex_lock(&lock) == 0);
        count++;
        CHECK(pthread_mutex_unlock(&lock) == 0);
    }
    CHECK(own == (int)(long)argument);
    return argument;
}

/* Two take turns. */
static void *take_turns(void *argument)
{
    const unsigned long mine = (unsigned long)argument;

    CHECK(pthread_mutex_lock(&lock) == 0);
    for (unsigned i = 0; i < 100; i++) {
        while (turn % 2 != mine)
            CHECK(pthread_cond_wait(&changed, &lock) == 0);
        turn++;
        CHECK(pthread_cond_broadcast(&changed) == 0);
    }
    CHECK(pthread_mutex_unlock(&lock) == 0);
    return NULL;
}

/* ---- a thread that comes after another ---- */

#define SIGNAL_STACK_BYTES 65536
#define MANY 12 /* more than are kept */
#define ROUND_DOWN 2
#define ROUND_UP 3
static volatile sig_atomic_t handled;

static unsigned long rounding(void)
{
    unsigned long mode;

    __asm__ volatile("frrm %0" : "=r"(mode));
    return mode;
}

static void set_rounding(unsigned long mode)
{
    __asm__ volatile("fsrm %0" : : "r"(mode));
}

static void on_signal(int signal)
{
    (void)signal;
    handled = handled + 1;
}

static sigset_t set_of(int signal)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, signal);
    return set;
}

static int is_blocked(int signal)
{
    sigset_t set;

    CHECK(pthread_sigmask(SIG_BLOCK, NULL, &set) == 0);
    return sigismember(&set, signal);
}

/* Leaves as much behind as it can: a mask, a stack for signals, a rounding mode, a signal that it never takes. */
static void *litter(void *argument)
{
    static char stack[SIGNAL_STACK_BYTES];
    const stack_t alternate = {.ss_sp = stack, .ss_size = sizeof(stack)};
    const sigset_t blocked = set_of(SIGUSR1);

    CHECK(pthread_sigmask(SIG_BLOCK, &blocked, NULL) == 0 && sigaltstack(&alternate, NULL) == 0);
    CHECK(pthread_kill(pthread_self(), SIGUSR1) == 0);
    set_rounding(ROUND_UP);
    return argument;
}

/* Finds nothing of that, but its creator's mask and rounding mode. */
static void *look_round(void *argument)
{
    stack_t alternate;

    CHECK(!is_blocked(SIGUSR1) && is_blocked(SIGUSR2) && handled == 0);
    CHECK(sigaltstack(NULL, &alternate) == 0 && (alternate.ss_flags & SS_DISABLE) != 0);
    CHECK(rounding() == ROUND_DOWN && own == 0);
    return argument;
}

static void run_one(void *(*function)(void *), void *argument)
{
    pthread_t thread;

    CHECK(pthread_create(&thread, NULL, function, argument) == 0 && pthread_join(thread, NULL) == 0);
}

static void one_after_another(void)
{
    const struct sigaction action = {.sa_handler = on_signal};
    const sigset_t blocked = set_of(SIGUSR2);

    CHECK(sigaction(SIGUSR1, &action, NULL) == 0 && pthread_sigmask(SIG_BLOCK, &blocked, NULL) == 0);
    set_rounding(ROUND_DOWN);
    for (unsigned i = 0; i < MANY; i++) {
        run_one(litter, NULL);
        run_one(look_round, NULL);
    }
    set_rounding(0);
}

/* It is sent as soon as the thread is there: the thread gets it, and no other. */
static void *expect_signal(void *argument)
{
    while (handled == (sig_atomic_t)(intptr_t)argument)
        usleep(100);
    return NULL;
}

static void signal_at_once(void)
{
    for (intptr_t i = 0; i < 3 * MANY; i++) {
        const int before = handled;
        pthread_t thread;

        CHECK(pthread_create(&thread, NULL, expect_signal, (void *)(intptr_t)before) == 0);
        CHECK(pthread_kill(thread, SIGUSR1) == 0 && pthread_join(thread, NULL) == 0 && handled == before + 1);
    }
}

static void *nothing(void *argument)
{
    return argument;
}

static void many_at_a_time(void)
{
    pthread_t many[MANY];

    for (unsigned round = 0; round < 10; round++) {
        for (unsigned i = 0; i < MANY; i++)
            CHECK(pthread_create(&many[i], NULL, nothing, NULL) == 0);
        for (unsigned i = 0; i < MANY; i++)
            CHECK(pthread_join(many[i], NULL) == 0);
    }
}

/* However many there have been, a thread's number is one that a futex's word can name (futex(2)), and no other thread's. */
#define NUMBERED 17000 /* more than Winkle has numbers for; Linux, which gives others, is not kept busy so long */
#define NUMBERED_ON_LINUX 100

static void *tell_number(void *number)
{
    *(pid_t *)number = gettid();
    CHECK(pthread_kill(pthread_self(), 0) == 0);
    return NULL;
}

static void numbers(void)
{
    struct utsname name;
    pid_t number = 0;
    unsigned many;

    CHECK(uname(&name) == 0);
    many = strstr(name.release, "winkle") != NULL ? NUMBERED : NUMBERED_ON_LINUX;
    for (unsigned i = 0; i < many; i++) {
        const pid_t before = number;

        run_one(tell_number, &number);
        CHECK(number > 0 && number < 0x3fffffff && number != before && number != getpid());
    }
}

/* Those that have ended are not there for a child, nor for another program. */
static void others_begin(char *name)
{
    for (unsigned i = 0; i < 4; i++) {
        const pid_t pid = fork();

        if (pid == 0) {
            many_at_a_time();
            if (i % 2 != 0)
                execl(name, name, "once", NULL);
            _exit(0);
        }
        CHECK(pid > 0 && end_of_child(pid, 60) == 0);
    }
}

int main(int count_of_arguments, char **arguments)
{
    pthread_t threads[THREADS];

    many_at_a_time();
    if (count_of_arguments > 1)
        return 0;
    one_after_another();
    signal_at_once();
    others_begin(arguments[0]);
    numbers();

    for (unsigned round = 0; round < 20; round++) {
        for (long i = 0; i < THREADS; i++)
            CHECK(pthread_create(&threads[i], NULL, work, (void *)i) == 0);
        for (long i = 0; i < THREADS; i++) {
            void *result;

            CHECK(pthread_join(threads[i], &result) == 0 && result == (void *)i);
        }
    }
    CHECK(count == 20UL * THREADS * ROUNDS);
    for (long i = 0; i < 2; i++)
        CHECK(pthread_create(&threads[i], NULL, take_turns, (void *)i) == 0);
    for (long i = 0; i < 2; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(turn == 200);
    puts("threads: good");
    return 0;
}
