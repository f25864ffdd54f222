/* SPDX-License-Identifier: MIT */
/* Threads of a process: locks, conditions, and their ends. */
#include "check.h"

#include <pthread.h>
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

int main(void)
{
    pthread_t threads[THREADS];

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
