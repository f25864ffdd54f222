/* SPDX-License-Identifier: MIT */
/*
 * Pipes between processes that wait for each other byte by byte: whoever has waited and emptied the pipe is as free afterwards as
 * anybody to find it filled, closed, read by others, or not to be waited for.
 */
#include "check.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>

#define TURNS 2000
#define SOON_US 20000

static int ends[2];

static void end_well(pid_t pid)
{
    int status;

    CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void put(const int *pipe, char byte)
{
    CHECK(write(pipe[1], &byte, 1) == 1);
}

static void get(const int *pipe, char expected)
{
    char byte = 0;

    CHECK(read(pipe[0], &byte, 1) == 1 && byte == expected);
}

/* Another process writes a byte a moment later. */
static pid_t put_soon(const int *pipe, char byte)
{
    const pid_t pid = fork();

    if (pid != 0)
        return pid;
    usleep(SOON_US);
    put(pipe, byte);
    _exit(0);
}

/* Has waited twice for a byte, which was all there was. */
static void wait_and_empty(const int *pipe)
{
    for (char byte = '0'; byte < '2'; byte++) {
        const pid_t pid = put_soon(pipe, byte);

        get(pipe, byte);
        end_well(pid);
    }
}

static void begin(void)
{
    CHECK(pipe(ends) == 0);
    wait_and_empty(ends);
}

static void end(void)
{
    close(ends[0]);
    close(ends[1]);
}

static void it_is_filled(void)
{
    char bytes[200];
    pid_t pid;

    begin();
    put(ends, 'a');
    get(ends, 'a');
    put(ends, 'b');
    put(ends, 'c');
    get(ends, 'b');
    get(ends, 'c');
    wait_and_empty(ends);
    memset(bytes, 'x', sizeof(bytes));
    CHECK(write(ends[1], bytes, 100) == 100 && read(ends[0], bytes, sizeof(bytes)) == 100);
    wait_and_empty(ends);
    pid = put_soon(ends, 'd');
    CHECK(read(ends[0], bytes, sizeof(bytes)) == 1 && bytes[0] == 'd');
    end_well(pid);
    end();
}

static void it_is_polled(void)
{
    struct pollfd wanted;

    begin();
    wanted = (struct pollfd){.fd = ends[0], .events = POLLIN};
    CHECK(poll(&wanted, 1, 10) == 0);
    put(ends, 'a');
    CHECK(poll(&wanted, 1, 10) == 1);
    get(ends, 'a');
    wait_and_empty(ends);
    put(ends, 'b');
    CHECK(poll(&wanted, 1, -1) == 1);
    get(ends, 'b');
    CHECK(poll(&wanted, 1, 0) == 0);
    end();
}

static void another_reads_it(void)
{
    pid_t pid;

    begin();
    put(ends, 'a');
    pid = fork();
    if (pid == 0) {
        get(ends, 'a');
        _exit(0);
    }
    end_well(pid);
    pid = put_soon(ends, 'b');
    get(ends, 'b');
    end_well(pid);
    pid = put_soon(ends, 'c'); /* and a child does not know what its parent knew */
    if (fork() == 0) {
        get(ends, 'c');
        _exit(0);
    }
    end_well(pid);
    CHECK(wait(NULL) > 0);
    end();
}

static void it_is_not_waited_for(void)
{
    pid_t pid;
    int flags;
    char byte;

    begin();
    flags = fcntl(ends[0], F_GETFL);
    pid = fork();
    if (pid == 0) {
        CHECK(fcntl(ends[0], F_SETFL, flags | O_NONBLOCK) == 0);
        _exit(0);
    }
    end_well(pid);
    FAILS(EAGAIN, read(ends[0], &byte, 1));
    CHECK(fcntl(ends[0], F_SETFL, flags) == 0);
    wait_and_empty(ends);
    CHECK(fcntl(ends[0], F_SETFL, flags | O_NONBLOCK) == 0);
    FAILS(EAGAIN, read(ends[0], &byte, 1));
    put(ends, 'a');
    get(ends, 'a');
    FAILS(EAGAIN, read(ends[0], &byte, 1));
    end();
}

static void it_is_closed(void)
{
    char byte;

    begin();
    close(ends[1]);
    CHECK(read(ends[0], &byte, 1) == 0 && read(ends[0], &byte, 1) == 0);
    close(ends[0]);
    begin();
    end(); /* the next one has the same descriptors */
    CHECK(pipe(ends) == 0);
    put(ends, 'a');
    get(ends, 'a');
    end();
}

static void there_are_two(void)
{
    int others[2];

    begin();
    CHECK(pipe(others) == 0);
    wait_and_empty(others);
    put(ends, 'a');
    get(ends, 'a');
    put(others, 'b');
    get(others, 'b');
    wait_and_empty(ends);
    wait_and_empty(others);
    put(others, 'c');
    put(ends, 'd');
    get(ends, 'd');
    get(others, 'c');
    close(others[0]);
    close(others[1]);
    end();
}

static void on_alarm(int signal)
{
    (void)signal;
}

static void a_signal_comes(void)
{
    struct sigaction action = {.sa_handler = on_alarm};
    char byte;

    CHECK(sigaction(SIGALRM, &action, NULL) == 0);
    begin();
    ualarm(SOON_US, 0);
    FAILS(EINTR, read(ends[0], &byte, 1));
    put(ends, 'a');
    get(ends, 'a');
    end();
}

static void *echo(void *pipes)
{
    int(*both)[2] = pipes;
    char byte;

    while (read(both[0][0], &byte, 1) == 1)
        CHECK(write(both[1][1], &byte, 1) == 1);
    return NULL;
}

/* With a process, or with a thread. */
static void there_and_back(bool is_process)
{
    int both[2][2];
    pthread_t thread;
    pid_t pid = 0;

    CHECK(pipe(both[0]) == 0 && pipe(both[1]) == 0);
    if (is_process && (pid = fork()) == 0) {
        close(both[0][1]);
        echo(both);
        _exit(0);
    }
    CHECK(is_process || pthread_create(&thread, NULL, echo, both) == 0);
    for (int i = 0; i < TURNS; i++) {
        put(both[0], (char)i);
        if (i % 100 == 0)
            usleep(100);
        get(both[1], (char)i);
    }
    close(both[0][1]);
    if (is_process)
        end_well(pid);
    else
        CHECK(pthread_join(thread, NULL) == 0);
    close(both[0][0]);
    close(both[1][0]);
    close(both[1][1]);
}

int main(void)
{
    it_is_filled();
    it_is_polled();
    another_reads_it();
    it_is_not_waited_for();
    it_is_closed();
    there_are_two();
    a_signal_comes();
    there_and_back(true);
    there_and_back(false);
    printf("pipes: good\n");
    return 0;
}
