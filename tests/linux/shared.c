/* SPDX-License-Identifier: MIT */
/* What processes share: memory, and futexes, locks and semaphores in it; and what is left of a lock whose owner ends. */
#include "check.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE_BYTES 4096
#define CHILDREN 3
#define ROUNDS 100

static struct {
    pthread_mutex_t lock, robust, alone;
    pthread_cond_t changed;
    pthread_barrier_t barrier;
    sem_t there, back;
    volatile unsigned count, turn;
    uint32_t word, other;
} * shared;
static bool has_robust; /* qemu-riscv64 has no robust lists, and then the C library refuses such locks */

static long futex(uint32_t *word, int operation, uint32_t value, unsigned long timeout, uint32_t *second,
                  uint32_t third)
{
    return syscall(SYS_futex, word, operation, value, timeout, second, third);
}

static void make_shared(void)
{
    pthread_mutexattr_t mutex;
    pthread_condattr_t cond;
    pthread_barrierattr_t barrier;

    shared = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED);
    CHECK(pthread_mutexattr_init(&mutex) == 0 && pthread_condattr_init(&cond) == 0 &&
          pthread_barrierattr_init(&barrier) == 0);
    CHECK(pthread_mutexattr_setpshared(&mutex, PTHREAD_PROCESS_SHARED) == 0);
    CHECK(pthread_condattr_setpshared(&cond, PTHREAD_PROCESS_SHARED) == 0);
    CHECK(pthread_barrierattr_setpshared(&barrier, PTHREAD_PROCESS_SHARED) == 0);
    CHECK(pthread_mutex_init(&shared->lock, &mutex) == 0 && pthread_cond_init(&shared->changed, &cond) == 0 &&
          pthread_barrier_init(&shared->barrier, &barrier, CHILDREN + 1) == 0);
    CHECK(pthread_mutexattr_setrobust(&mutex, PTHREAD_MUTEX_ROBUST) == 0);
    has_robust = pthread_mutex_init(&shared->robust, &mutex) == 0 && pthread_mutex_init(&shared->alone, &mutex) == 0;
    CHECK(sem_init(&shared->there, 1, 0) == 0 && sem_init(&shared->back, 1, 0) == 0);
}

static pid_t child_does(void (*work)(void))
{
    const pid_t child = fork();

    CHECK(child >= 0);
    if (child == 0) {
        work();
        _exit(0);
    }
    return child;
}

static void check_ended(pid_t child)
{
    int status;

    CHECK(waitpid(child, &status, 0) == child && status == 0);
}

/* Gives another process time to block; right also if it did not. */
static void pause_a_moment(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
}

/* ---- locks ---- */

static void count_up(void)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        CHECK(pthread_mutex_lock(&shared->lock) == 0);
        const unsigned before = shared->count;

        sched_yield();
        shared->count = before + 1;
        CHECK(pthread_mutex_unlock(&shared->lock) == 0);
    }
    pthread_barrier_wait(&shared->barrier);
}

static void take_turns(unsigned mine)
{
    CHECK(pthread_mutex_lock(&shared->lock) == 0);
    for (unsigned i = 0; i < ROUNDS; i++) {
        while (shared->turn % 2 != mine)
            CHECK(pthread_cond_wait(&shared->changed, &shared->lock) == 0);
        shared->turn++;
        CHECK(pthread_cond_broadcast(&shared->changed) == 0);
    }
    CHECK(pthread_mutex_unlock(&shared->lock) == 0);
}

static void take_odd_turns(void)
{
    take_turns(1);
}

static void answer(void)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        CHECK(sem_wait(&shared->there) == 0);
        CHECK(sem_post(&shared->back) == 0);
    }
}

static void test_locks(void)
{
    pid_t children[CHILDREN], child;
    struct timespec soon;

    for (unsigned i = 0; i < CHILDREN; i++)
        children[i] = child_does(count_up);
    count_up();
    CHECK(shared->count == (CHILDREN + 1) * ROUNDS);
    for (unsigned i = 0; i < CHILDREN; i++)
        check_ended(children[i]);

    child = child_does(take_odd_turns);
    take_turns(0);
    check_ended(child);
    CHECK(shared->turn == 2 * ROUNDS);

    child = child_does(answer);
    for (unsigned i = 0; i < ROUNDS; i++) {
        CHECK(sem_post(&shared->there) == 0);
        CHECK(sem_wait(&shared->back) == 0);
    }
    check_ended(child);
    CHECK(clock_gettime(CLOCK_REALTIME, &soon) == 0);
    soon.tv_sec += soon.tv_nsec >= 990000000;
    soon.tv_nsec = (soon.tv_nsec + 10000000) % 1000000000;
    FAILS(ETIMEDOUT, sem_timedwait(&shared->back, &soon));
}

/* ---- owners that end ---- */

static void take_and_end(void)
{
    CHECK(pthread_mutex_lock(&shared->robust) == 0 && pthread_mutex_lock(&shared->alone) == 0);
    sem_post(&shared->back);
    CHECK(sem_wait(&shared->there) == 0);
}

static void take_and_abort(void)
{
    CHECK(pthread_mutex_lock(&shared->robust) == 0);
    signal(SIGABRT, SIG_DFL);
    abort();
}

static void *take_in_thread(void *argument)
{
    CHECK(pthread_mutex_lock(&shared->robust) == 0);
    return argument;
}

static void take_and_pause(void)
{
    sigset_t all;

    sigfillset(&all);
    CHECK(sigprocmask(SIG_SETMASK, &all, NULL) == 0 && pthread_mutex_lock(&shared->robust) == 0);
    sem_post(&shared->back);
    for (;;)
        pause();
}

static void take_and_spin(void)
{
    CHECK(pthread_mutex_lock(&shared->robust) == 0);
    sem_post(&shared->back);
    for (volatile unsigned turns = 0;; turns++)
        ;
}

static void *pause_in_thread(void *argument)
{
    take_and_pause();
    return argument;
}

static void have_thread_take_and_spin(void)
{
    pthread_t thread;

    CHECK(pthread_create(&thread, NULL, pause_in_thread, NULL) == 0);
    for (volatile unsigned turns = 0;; turns++)
        ;
}

static void have_thread_take_and_abort(void)
{
    pthread_t thread;

    CHECK(pthread_create(&thread, NULL, pause_in_thread, NULL) == 0);
    CHECK(sem_wait(&shared->back) == 0);
    signal(SIGABRT, SIG_DFL);
    abort();
}

static void take_and_exec(void)
{
    CHECK(pthread_mutex_lock(&shared->robust) == 0);
    execl("/proc/self/exe", "shared", "end", NULL);
    CHECK(false);
}

static void inherit(void)
{
    CHECK(pthread_mutex_lock(&shared->robust) == EOWNERDEAD);
    CHECK(pthread_mutex_consistent(&shared->robust) == 0 && pthread_mutex_unlock(&shared->robust) == 0);
}

/* Whoever waits for what a killed process has is told, whatever that one did. */
static void test_killed(void (*owns)(void), bool is_stopped)
{
    const pid_t owner = child_does(owns);
    pid_t heir;
    int status;

    CHECK(sem_wait(&shared->back) == 0);
    heir = child_does(inherit);
    pause_a_moment();
    if (is_stopped)
        CHECK(kill(owner, SIGSTOP) == 0 && waitpid(owner, &status, WUNTRACED) == owner && WIFSTOPPED(status));
    CHECK(kill(owner, SIGKILL) == 0 && waitpid(owner, &status, 0) == owner && WIFSIGNALED(status) &&
          WTERMSIG(status) == SIGKILL);
    check_ended(heir);
    CHECK(pthread_mutex_lock(&shared->robust) == 0 && pthread_mutex_unlock(&shared->robust) == 0);
}

static void test_robust(void)
{
    pthread_t thread;
    pid_t owner, heir;
    int status;

    owner = child_does(take_and_end);
    CHECK(sem_wait(&shared->back) == 0);
    CHECK(pthread_mutex_trylock(&shared->robust) == EBUSY);
    heir = child_does(inherit); /* it waits when the owner ends */
    pause_a_moment();
    CHECK(sem_post(&shared->there) == 0);
    check_ended(heir);
    check_ended(owner);
    CHECK(pthread_mutex_lock(&shared->robust) == 0 && pthread_mutex_unlock(&shared->robust) == 0);
    CHECK(pthread_mutex_lock(&shared->alone) == EOWNERDEAD && pthread_mutex_unlock(&shared->alone) == 0);
    CHECK(pthread_mutex_lock(&shared->alone) == ENOTRECOVERABLE);

    owner = child_does(take_and_abort);
    CHECK(waitpid(owner, &status, 0) == owner && WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    inherit();
    owner = child_does(have_thread_take_and_abort);
    CHECK(waitpid(owner, &status, 0) == owner && WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    inherit();
    check_ended(child_does(take_and_exec));
    inherit();
    CHECK(pthread_create(&thread, NULL, take_in_thread, NULL) == 0 && pthread_join(thread, NULL) == 0);
    inherit();
    for (unsigned i = 0; i < 2; i++) {
        test_killed(take_and_pause, i != 0);
        test_killed(take_and_spin, i != 0);
        test_killed(have_thread_take_and_spin, i != 0);
    }
}

/* ---- futexes themselves ---- */

static void wait_for_word(void)
{
    while (__atomic_load_n(&shared->word, __ATOMIC_ACQUIRE) == 0)
        futex(&shared->word, FUTEX_WAIT, 0, 0, NULL, 0);
}

static void wait_for_other(void)
{
    __atomic_add_fetch(&shared->count, 1, __ATOMIC_SEQ_CST);
    CHECK(futex(&shared->other, FUTEX_WAIT_BITSET, 0, 0, NULL, 2) == 0);
}

static void on_alarm(int signal)
{
    (void)signal;
}

static void test_words(void)
{
    pid_t children[CHILDREN];
    long woken;

    shared->word = shared->other = shared->count = 0;
    FAILS(EAGAIN, futex(&shared->word, FUTEX_WAIT, 1, 0, NULL, 0));
    FAILS(EINVAL, futex((uint32_t *)((char *)&shared->word + 1), FUTEX_WAIT, 0, 0, NULL, 0));
    FAILS(EINVAL, futex(&shared->word, FUTEX_WAIT_BITSET, 0, 0, NULL, 0));
    FAILS(ETIMEDOUT, futex(&shared->word, FUTEX_WAIT, 0, (unsigned long)&(struct timespec){.tv_nsec = 1000}, NULL, 0));
    CHECK(futex(&shared->word, FUTEX_WAKE, INT_MAX, 0, NULL, 0) == 0);

    children[0] = child_does(wait_for_word);
    pause_a_moment();
    __atomic_store_n(&shared->word, 1, __ATOMIC_RELEASE);
    CHECK(futex(&shared->word, FUTEX_WAKE, 1, 0, NULL, 0) <= 1);
    check_ended(children[0]);

    /* With other bits nobody is meant; then one is woken, others move to the first word, and one more comes from there. */
    for (unsigned i = 0; i < CHILDREN; i++)
        children[i] = child_does(wait_for_other);
    while (__atomic_load_n(&shared->count, __ATOMIC_SEQ_CST) != CHILDREN)
        sched_yield();
    pause_a_moment();
    CHECK(futex(&shared->other, FUTEX_WAKE_BITSET, INT_MAX, 0, NULL, 1) == 0);
    FAILS(EAGAIN, futex(&shared->other, FUTEX_CMP_REQUEUE, 1, INT_MAX, &shared->word, 7));
    for (woken = 0; woken == 0; sched_yield())
        woken = futex(&shared->other, FUTEX_CMP_REQUEUE, 1, INT_MAX, &shared->word, 0);
    CHECK(woken == CHILDREN);
    CHECK(futex(&shared->other, FUTEX_WAKE, INT_MAX, 0, NULL, 0) == 0);
    /* The word becomes 5, and since it was 1 before, one is woken there. */
    CHECK(futex(&shared->other, FUTEX_WAKE_OP, 1, 1, &shared->word, FUTEX_OP(FUTEX_OP_SET, 5, FUTEX_OP_CMP_EQ, 1)) ==
          1);
    CHECK(shared->word == 5 && futex(&shared->word, FUTEX_WAKE, INT_MAX, 0, NULL, 0) == CHILDREN - 2);
    for (unsigned i = 0; i < CHILDREN; i++)
        check_ended(children[i]);

    sigaction(SIGALRM, &(struct sigaction){.sa_handler = on_alarm}, NULL);
    ualarm(5000, 5000); /* more than one, for the first may come before the wait */
    FAILS(EINTR, futex(&shared->word, FUTEX_WAIT, 5, 0, NULL, 0));
    ualarm(0, 0);
    sigaction(SIGALRM, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
}

/* ---- a file, at different addresses ---- */

static void test_file(void)
{
    const int file = open("/tmp/shared", O_RDWR | O_CREAT | O_TRUNC, 0600);
    uint32_t *word, *again;
    pid_t child;

    CHECK(file >= 0 && ftruncate(file, 2 * PAGE_BYTES) == 0);
    word = mmap(NULL, 2 * PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    again = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, file, PAGE_BYTES);
    CHECK(word != MAP_FAILED && again != MAP_FAILED);
    word += PAGE_BYTES / sizeof(*word) + 3;
    again += 3;
    child = fork();
    if (child == 0) {
        while (__atomic_load_n(again, __ATOMIC_ACQUIRE) == 0)
            futex(again, FUTEX_WAIT, 0, 0, NULL, 0);
        *again = 2;
        _exit(0);
    }
    pause_a_moment();
    __atomic_store_n(word, 1, __ATOMIC_RELEASE);
    CHECK(futex(word, FUTEX_WAKE, 1, 0, NULL, 0) <= 1);
    check_ended(child);
    CHECK(*word == 2);
    CHECK(munmap(again - 3, PAGE_BYTES) == 0 && close(file) == 0 && unlink("/tmp/shared") == 0);
}

/* ---- what ends while it waits, or is waited for ---- */

static void wait_there(void)
{
    CHECK(sem_wait(&shared->there) == 0);
}

static void *end_with_word(void *argument)
{
    syscall(SYS_set_tid_address, &shared->word);
    syscall(SYS_exit, 0);
    return argument;
}

static void have_thread_end(void)
{
    pthread_t thread;

    CHECK(pthread_create(&thread, NULL, end_with_word, NULL) == 0);
    wait_there();
}

static void test_ends(void)
{
    pid_t killed, waiting;
    int status;

    killed = child_does(wait_there);
    pause_a_moment();
    waiting = child_does(wait_there);
    pause_a_moment();
    CHECK(kill(killed, SIGKILL) == 0 && waitpid(killed, &status, 0) == killed && WIFSIGNALED(status));
    CHECK(sem_post(&shared->there) == 0); /* it does not go to the one that has ended */
    check_ended(waiting);

    shared->word = 1;
    waiting = child_does(have_thread_end);
    while (__atomic_load_n(&shared->word, __ATOMIC_ACQUIRE) != 0)
        futex(&shared->word, FUTEX_WAIT, 1, 0, NULL, 0);
    CHECK(sem_post(&shared->there) == 0);
    check_ended(waiting);
}

static void test_named(void)
{
    sem_t *named = sem_open("/test", O_CREAT | O_EXCL, 0600, 1), *same = sem_open("/test", 0);

    CHECK(named != SEM_FAILED && same != SEM_FAILED && sem_trywait(named) == 0);
    FAILS(EAGAIN, sem_trywait(same));
    CHECK(sem_post(same) == 0 && sem_wait(named) == 0);
    CHECK(sem_close(same) == 0 && sem_close(named) == 0 && sem_unlink("/test") == 0);
}

int main(int argc, char **argv)
{
    (void)argv;
    if (argc > 1)
        return 0;
    make_shared();
    test_locks();
    if (has_robust)
        test_robust();
    test_words();
    test_file();
    test_ends();
    test_named();
    printf("shared: good, %s robust locks\n", has_robust ? "with" : "without");
    return 0;
}
