/* SPDX-License-Identifier: MIT */
/*
 * The first program of a Linux in the emulator: what goes between two processes on two harts by a pipe and by a pair of
 * sockets, each with the room that it has by default. The same as programs/bench/throughput.c, and printed alike.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BATCHES 11
#define MESSAGE_BYTES 64
#define MESSAGES 2000
#define TRANSFER_BYTES 65536
#define TRANSFERS 64
#define DATA_WORDS (TRANSFER_BYTES / sizeof(uint64_t))

/* What one process has of both directions. */
struct end {
    int in, out;
};

static uint64_t data[DATA_WORDS];

static void expect(const char *what, int is_well)
{
    if (is_well)
        return;
    perror(what);
    reboot(RB_POWER_OFF);
}

static void run_on(size_t hart)
{
    cpu_set_t harts;

    CPU_ZERO(&harts);
    CPU_SET(hart, &harts);
    expect("a hart", sched_setaffinity(0, sizeof(harts), &harts) == 0);
}

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void send_bytes(const struct end *end, size_t bytes)
{
    size_t done = 0;

    while (done < bytes) {
        const ssize_t count = write(end->out, (const char *)data + done, bytes - done);

        expect("writing", count > 0);
        done += (size_t)count;
    }
}

static void receive_bytes(const struct end *end, size_t bytes)
{
    size_t done = 0;

    while (done < bytes) {
        const ssize_t count = read(end->in, (char *)data + done, bytes - done);

        expect("reading", count > 0);
        done += (size_t)count;
    }
}

/* Receives batches, and says after each that it has. */
static void sink(const struct end *end, size_t bytes, uint64_t count)
{
    run_on(1);
    for (;;) {
        for (uint64_t i = 0; i < count; i++) {
            receive_bytes(end, bytes);
            expect("other data came than were sent", data[0] == i && data[bytes / sizeof(uint64_t) - 1] == ~i);
        }
        send_bytes(end, 1);
    }
}

static uint64_t batch_ns(const struct end *end, size_t bytes, uint64_t count)
{
    const uint64_t before = now_ns();

    for (uint64_t i = 0; i < count; i++) {
        data[0] = i;
        data[bytes / sizeof(uint64_t) - 1] = ~i;
        send_bytes(end, bytes);
    }
    receive_bytes(end, 1);
    return (now_ns() - before) / count;
}

static int is_more(const void *first, const void *second)
{
    const uint64_t one = *(const uint64_t *)first, other = *(const uint64_t *)second;

    return (one > other) - (one < other);
}

static void measure(const char *name, const struct end ends[2], size_t bytes, uint64_t count)
{
    uint64_t batches[BATCHES];
    const pid_t child = fork();

    expect("a process", child >= 0);
    if (child == 0)
        sink(&ends[1], bytes, count);
    batch_ns(&ends[0], bytes, count);
    for (unsigned i = 0; i < BATCHES; i++)
        batches[i] = batch_ns(&ends[0], bytes, count);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    qsort(batches, BATCHES, sizeof(batches[0]), is_more);
    printf("bench %s ns %lu %lu %lu -\n", name, batches[0], batches[BATCHES / 2], batches[BATCHES - 1]);
}

int main(void)
{
    struct end pipes[2], sockets[2];
    int there[2], back[2], pair[2];

    mkdir("/dev", 0755);
    mount("devices", "/dev", "devtmpfs", 0, NULL);
    expect("the console", dup2(open("/dev/console", O_RDWR), 1) == 1);
    dup2(1, 2);
    expect("pipes", pipe(there) == 0 && pipe(back) == 0);
    expect("sockets", socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    pipes[0] = (struct end){.in = back[0], .out = there[1]};
    pipes[1] = (struct end){.in = there[0], .out = back[1]};
    for (unsigned side = 0; side < 2; side++)
        sockets[side] = (struct end){.in = pair[side], .out = pair[side]};
    run_on(0);
    measure("throughput-message-linux-pipe", pipes, MESSAGE_BYTES, MESSAGES);
    measure("throughput-message-linux-socket", sockets, MESSAGE_BYTES, MESSAGES);
    measure("throughput-bulk-linux-pipe", pipes, TRANSFER_BYTES, TRANSFERS);
    measure("throughput-bulk-linux-socket", sockets, TRANSFER_BYTES, TRANSFERS);
    fflush(stdout);
    reboot(RB_POWER_OFF);
    return 1;
}
