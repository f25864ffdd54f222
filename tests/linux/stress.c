/* SPDX-License-Identifier: MIT */
/*
 * Processes, signals, threads and pipes under stress, with random kills: `stress SEED ROUNDS`. Each round has a tree of processes that fork,
 * pass bytes around, wait, signal each other and run threads, and kills them at random; after it none is left. The lines that it prints
 * let a native observer (tests/system/containers.c) compare what the services have, once before the storm and once after: then it waits
 * for a line.
 */
#include "check.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORKERS 6
#define ACTS 12

static uint64_t random_state;

static uint64_t random_number(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static volatile sig_atomic_t handled;

static void note(int number)
{
    handled += number;
}

/* ---- what workers do ---- */

static void act_fork(void)
{
    const pid_t pid = fork();

    if (pid == 0)
        _exit((int)(random_number() % 4));
    if (pid > 0 && random_number() % 3 == 0)
        kill(pid, SIGKILL);
    if (random_number() % 4 != 0)
        waitpid(pid, NULL, 0);
}

static void act_exec(void)
{
    const pid_t pid = fork();

    if (pid == 0) {
        execl("/bin/stress", "stress", NULL);
        execl("/tests/stress", "stress", NULL);
        _exit(1);
    }
    if (random_number() % 2 == 0)
        kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static void act_pipe(void)
{
    static char bytes[20000];
    int ends[2];
    pid_t pid;

    if (pipe(ends) != 0)
        return;
    pid = fork();
    if (pid == 0) {
        close(ends[0]);
        for (unsigned i = 0; i < 6; i++) {
            if (write(ends[1], bytes, 1 + random_number() % sizeof(bytes)) < 0)
                break;
        }
        _exit(0);
    }
    close(ends[1]);
    if (random_number() % 3 == 0)
        kill(pid, SIGKILL);
    for (unsigned i = 0; i < 20 && read(ends[0], bytes, 1 + random_number() % sizeof(bytes)) > 0; i++)
        ;
    close(ends[0]);
    waitpid(pid, NULL, 0);
}

static void *add(void *argument)
{
    for (unsigned i = 0; i < 100; i++)
        __atomic_fetch_add((unsigned *)argument, 1, __ATOMIC_RELAXED);
    return NULL;
}

static void act_threads(void)
{
    pthread_t threads[3];
    unsigned count = 0, made = 0;

    while (made < 3 && pthread_create(&threads[made], NULL, add, &count) == 0)
        made++;
    for (unsigned i = 0; i < made; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(count == made * 100);
}

static void act_signals(void)
{
    kill(0, SIGUSR1);
    raise(SIGUSR2);
    alarm(random_number() % 3 == 0 ? 1 : 0);
    usleep((useconds_t)(random_number() % 2000));
}

static void act_stop(void)
{
    const pid_t pid = fork();

    if (pid == 0) {
        raise(SIGSTOP);
        _exit(0);
    }
    waitpid(pid, NULL, WUNTRACED);
    kill(pid, random_number() % 2 == 0 ? SIGCONT : SIGKILL);
    waitpid(pid, NULL, 0);
}

static void act_memory(void)
{
    const size_t bytes = (1 + random_number() % 64) * 4096;
    char *area = mmap(NULL, bytes, PROT_READ | PROT_WRITE, random_number() % 2 == 0 ? MAP_SHARED | MAP_ANONYMOUS : MAP_PRIVATE | MAP_ANONYMOUS,
                      -1, 0);

    if (area == MAP_FAILED)
        return;
    memset(area, 1, bytes);
    if (random_number() % 2 == 0)
        munmap(area, bytes);
}

static void act_files(void)
{
    char path[64];
    int fd;

    snprintf(path, sizeof(path), "/tmp/stress-%d", (int)getpid());
    fd = open(path, O_RDWR | O_CREAT, 0600);
    if (fd < 0)
        return;
    CHECK(write(fd, path, sizeof(path)) == sizeof(path) && lseek(fd, 0, SEEK_SET) == 0);
    unlink(path);
    close(fd);
}

static void work(void)
{
    static void (*const acts[])(void) = {act_fork,    act_exec, act_pipe,   act_threads,
                                         act_signals, act_stop, act_memory, act_files};

    signal(SIGUSR1, note);
    signal(SIGUSR2, note);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGALRM, note);
    setpgid(0, 0);
    for (unsigned i = 0; i < ACTS; i++)
        acts[random_number() % (sizeof(acts) / sizeof(acts[0]))]();
    _exit(0);
}

/* ---- the rounds ---- */

static void storm(void)
{
    pid_t workers[WORKERS];

    for (unsigned i = 0; i < WORKERS; i++) {
        random_number();
        workers[i] = fork();
        CHECK(workers[i] >= 0);
        if (workers[i] == 0)
            work();
    }
    for (unsigned i = 0; i < WORKERS; i++) {
        usleep((useconds_t)(random_number() % 8000));
        kill(workers[random_number() % WORKERS], random_number() % 4 == 0 ? SIGUSR1 : SIGKILL);
        if (random_number() % 8 == 0)
            kill(-1, SIGKILL);
    }
    usleep((useconds_t)(random_number() % 20000));
    kill(-1, SIGKILL);
    while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
        ;
    CHECK(kill(-1, 0) == -1 && errno == ESRCH);
}

static void let_observe(const char *what)
{
    char line[16];

    printf("stress: %s\n", what);
    CHECK(fgets(line, sizeof(line), stdin) != NULL);
}

int main(int argc, char **argv)
{
    unsigned long rounds;

    if (argc == 1)
        return 0;
    CHECK(argc >= 3);
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    random_state = strtoul(argv[1], NULL, 0) * UINT64_C(0x9e3779b97f4a7c15) | 1;
    rounds = strtoul(argv[2], NULL, 0);
    for (unsigned long i = 0; i < rounds; i++) {
        if (argc == 4 && (i == rounds / 4 || i + 1 == rounds))
            let_observe(i + 1 == rounds ? "after" : "before");
        if (argc != 4 || i + 1 != rounds)
            storm();
    }
    puts("stress: good");
    return 0;
}
