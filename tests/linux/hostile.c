/* SPDX-License-Identifier: MIT */
/*
 * Random calls of Linux with hostile pointers and arguments: `hostile SEED CALLS`. Children make them, some hundreds each, and may die of
 * them; so may not the parent, nor may anything else be touched. After each child the parent looks whether it is still served.
 */
#include "check.h"

#include <fcntl.h>
#include <numbers.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define BATCH 500
#define PATIENCE 1 /* second or two for a child that has come to stand, before it is ended */

static const long numbers[] = {LINUX_CALL_NUMBERS};
#define CALLS (sizeof(numbers) / sizeof(numbers[0]))

static uint64_t random_state;
static unsigned *made; /* calls by the child */
static char *pages;    /* one to be written, one to be read, one that is not there */

static void note(int number)
{
    (void)number;
}

/* Neighbours' numbers have nothing in common (the finalizer of SplitMix64). */
static void seed_numbers(uint64_t seed, uint64_t child)
{
    uint64_t mixed = (seed << 32) + child;

    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
    random_state = (mixed ^ mixed >> 31) | 1;
}

static uint64_t random_number(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

/* Into the program, its stack, its pages and their ends, the personality, the kernel, nowhere. */
static uint64_t random_pointer(void)
{
    static const uint64_t wild[] = {0,
                                    1,
                                    8,
                                    0xfff,
                                    UINT64_C(0x3000080000),
                                    UINT64_C(0x3000100000),
                                    UINT64_C(0x300007f000),
                                    UINT64_C(0x3800000000),
                                    UINT64_C(0x3000088000),
                                    UINT64_C(0x3000098000),
                                    UINT64_C(0x300009d000),
                                    UINT64_C(0x3fffffffff),
                                    UINT64_C(0x4000000000),
                                    UINT64_C(0x8000000000000000),
                                    UINT64_C(0xffffffc000000000),
                                    UINT64_C(0xffffffffffffffff),
                                    UINT64_C(0xfffffffffffff000),
                                    UINT64_C(0x80200000)};
    const uint64_t near = random_number() % 64;

    switch (random_number() % 6) {
    case 0:
        return wild[random_number() % (sizeof(wild) / sizeof(wild[0]))] + (random_number() % 2 != 0 ? near : -near);
    case 1:
        return (uint64_t)(uintptr_t)(pages + 4096) - near;
    case 2:
        return (uint64_t)(uintptr_t)(pages + 8192) - near;
    case 3:
        return (uint64_t)(uintptr_t)&near + (random_number() % 4096 & ~UINT64_C(7));
    case 4:
        return random_number() >> random_number() % 64;
    default:
        return (uint64_t)(uintptr_t)pages + random_number() % 4096;
    }
}

static uint64_t random_argument(void)
{
    switch (random_number() % 10) {
    case 0:
        return random_number() % 8;
    case 1:
        return -(random_number() % 200);
    case 2:
        return UINT64_C(1) << random_number() % 64;
    case 3:
        return (UINT64_C(1) << random_number() % 64) - 1;
    case 4:
        return random_number() % 70000;
    case 5:
        return random_number();
    default:
        return random_pointer();
    }
}

/* Among the bytes that pointers lead to are names, structures with pointers, and nonsense. */
static void fill_pages(void)
{
    static const char *const names[] = {
        "/", ".", "..", "/tmp", "/dev/null", "/dev/zero", "/proc/self/maps", "/tmp/hostile/x", "x"};

    for (unsigned i = 0; i < 4096; i += 8) {
        const uint64_t word = random_number() % 3 == 0   ? random_argument()
                              : random_number() % 3 == 0 ? random_number()
                                                         : 0;

        memcpy(pages + i, &word, sizeof(word));
    }
    for (unsigned i = 0; i < 24; i++)
        strcpy(pages + random_number() % 4000, names[random_number() % (sizeof(names) / sizeof(names[0]))]);
}

/* So that no call waits for long; what a call before has done to signals and timers is undone. */
static void keep_awake(void)
{
    const struct itimerval often = {{0, 5000}, {0, 5000}};
    const struct sigaction action = {.sa_handler = note};
    sigset_t none;

    sigemptyset(&none);
    sigaction(SIGALRM, &action, NULL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
}

/* Not only what just ends the process. */
static long random_call(void)
{
    const long number = numbers[random_number() % CALLS];
    const bool just_ends = number == SYS_exit || number == SYS_exit_group || number == SYS_rt_sigreturn;

    return just_ends && random_number() % 32 != 0 ? SYS_getpid : number;
}

static void make_calls(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (i % 25 == 0)
            fill_pages();
        if (i % 5 == 0)
            keep_awake();
        __atomic_fetch_add(made, 1, __ATOMIC_RELAXED);
        syscall(random_call(), random_argument(), random_argument(), random_argument(), random_argument(),
                random_argument(), random_argument());
    }
    _exit(0);
}

/* Whoever has been forked by a child ends with it. */
static unsigned run_child(unsigned count)
{
    const pid_t pid = fork();

    CHECK(pid >= 0);
    *made = 0;
    if (pid == 0)
        make_calls(count);
    end_of_child(pid, PATIENCE);
    kill(-1, SIGKILL);
    while (waitpid(-1, NULL, 0) > 0)
        ;
    return *made < 1 ? 1 : *made > count ? count : *made;
}

/* What the parent has, and what it is served, is as before. */
static void check_served(const char *secret)
{
    char byte;
    int ends[2], status;
    const pid_t pid = fork();

    if (pid == 0)
        _exit(3);
    CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 3);
    CHECK(pipe(ends) == 0 && write(ends[1], "x", 1) == 1 && read(ends[0], &byte, 1) == 1);
    CHECK(strcmp(secret, "mine") == 0 && close(ends[0]) == 0 && close(ends[1]) == 0);
}

int main(int argc, char **argv)
{
    char *secret = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    unsigned long left, seed;

    check_contained();
    CHECK(argc == 3);
    seed = strtoul(argv[1], NULL, 0);
    left = strtoul(argv[2], NULL, 0);
    pages = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    made = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(pages != MAP_FAILED && made != MAP_FAILED && mprotect(pages + 4096, 4096, PROT_READ) == 0 &&
          munmap(pages + 8192, 4096) == 0);
    strcpy(secret, "mine");
    for (int number = 1; number < NSIG; number++) {
        if (number != SIGCHLD)
            syscall(SYS_rt_sigaction, number, (uint64_t[]){1 /* SIG_IGN */, 0, 0}, NULL, 8);
    }
    for (unsigned long child = 1; left > 0; child++) {
        seed_numbers(seed, child);
        left -= run_child(left < BATCH ? (unsigned)left : BATCH);
        check_served(secret);
    }
    close(creat("/done", 0644)); /* for who watches from outside */
    puts("hostile: stands");
    return 0;
}
