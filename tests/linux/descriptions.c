/* SPDX-License-Identifier: MIT */
/* What all have in common who share an open file: its flags, and that what is appended is appended whole. */
#include "check.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define NAME "/tmp/described"
#define WRITERS 3
#define RECORDS 60
#define RECORD_BYTES 24

static void end_well(pid_t pid)
{
    int status;

    CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void set_in_child(int fd, int flags, bool is_set)
{
    const pid_t pid = fork();
    const int before = fcntl(fd, F_GETFL);

    CHECK(pid >= 0);
    if (pid == 0) {
        CHECK(fcntl(fd, F_SETFL, is_set ? before | flags : before & ~flags) == 0);
        _exit(0);
    }
    end_well(pid);
}

static bool has(int fd, int flags)
{
    return (fcntl(fd, F_GETFL) & flags) == flags;
}

static void flags_of_files(void)
{
    const int fd = open(NAME, O_RDWR | O_CREAT | O_TRUNC, 0600), same = dup(fd),
              other = open(NAME, O_RDWR | O_NONBLOCK);
    char bytes[8];

    CHECK(has(other, O_NONBLOCK) && !has(fd, O_NONBLOCK) && (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR);
    CHECK(write(fd, "abcd", 4) == 4 && lseek(fd, 0, SEEK_SET) == 0);
    set_in_child(fd, O_APPEND, true);
    CHECK(has(fd, O_APPEND) && has(same, O_APPEND) && !has(other, O_APPEND));
    CHECK(write(fd, "ef", 2) == 2 && write(other, "AB", 2) == 2);
    set_in_child(same, O_APPEND, false);
    CHECK(!has(fd, O_APPEND) && lseek(fd, 2, SEEK_SET) == 2 && write(same, "C", 1) == 1);
    CHECK(pread(fd, bytes, 8, 0) == 6 && memcmp(bytes, "ABCdef", 6) == 0);
    close(fd);
    close(same);
    close(other);
}

static void flags_of_pipes(void)
{
    int ends[2], yes = 1;
    char byte;

    CHECK(pipe2(ends, O_NONBLOCK) == 0 && has(ends[0], O_NONBLOCK) && has(ends[1], O_NONBLOCK));
    FAILS(EAGAIN, read(ends[0], &byte, 1));
    set_in_child(ends[1], O_NONBLOCK, false);
    CHECK(has(ends[0], O_NONBLOCK) && !has(ends[1], O_NONBLOCK));
    close(ends[0]);
    close(ends[1]);
    CHECK(pipe(ends) == 0 && !has(ends[0], O_NONBLOCK));
    set_in_child(ends[0], O_NONBLOCK, true);
    FAILS(EAGAIN, read(ends[0], &byte, 1));
    CHECK(ioctl(ends[1], FIONBIO, &yes) == 0 && has(ends[1], O_NONBLOCK));
    while (write(ends[1], "0123456789abcdef", 16) == 16)
        ;
    CHECK(errno == EAGAIN);
    yes = 0;
    CHECK(ioctl(ends[0], FIONBIO, &yes) == 0 && !has(ends[0], O_NONBLOCK) && read(ends[0], &byte, 1) == 1);
    close(ends[0]);
    close(ends[1]);
}

/* A record in three parts, all of one letter. */
static void append(char letter)
{
    const int fd = open(NAME, O_WRONLY | O_APPEND);
    char record[RECORD_BYTES];
    struct iovec parts[3] = {{record, 5}, {record + 5, 11}, {record + 16, RECORD_BYTES - 16}};

    memset(record, letter, sizeof(record));
    for (unsigned i = 0; i < RECORDS; i++) {
        CHECK(lseek(fd, 0, SEEK_SET) == 0 && writev(fd, parts, 3) == RECORD_BYTES);
        if (i % 16 == 0)
            usleep(100);
    }
}

static void appends_are_whole(void)
{
    const int fd = open(NAME, O_RDWR | O_TRUNC);
    char record[RECORD_BYTES];
    unsigned counts[WRITERS] = {0};
    pid_t pids[WRITERS];

    for (unsigned i = 0; i < WRITERS; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            append((char)('a' + i));
            _exit(0);
        }
    }
    for (unsigned i = 0; i < WRITERS; i++)
        end_well(pids[i]);
    while (read(fd, record, sizeof(record)) == sizeof(record)) {
        CHECK(record[0] >= 'a' && record[0] < 'a' + WRITERS);
        counts[record[0] - 'a']++;
        for (unsigned i = 1; i < RECORD_BYTES; i++)
            CHECK(record[i] == record[0]);
    }
    for (unsigned i = 0; i < WRITERS; i++)
        CHECK(counts[i] == RECORDS);
    CHECK(lseek(fd, 0, SEEK_END) == (off_t)WRITERS * RECORDS * RECORD_BYTES);
    close(fd);
}

static void many_parts(void)
{
    const int fd = open(NAME, O_RDWR | O_TRUNC);
    struct iovec parts[20];
    char letters[20], back[20] = {0};

    for (unsigned i = 0; i < 20; i++) {
        letters[i] = (char)('A' + i);
        parts[i] = (struct iovec){&letters[i], 1};
    }
    CHECK(writev(fd, parts, 20) == 20 && pwritev(fd, parts, 2, 30) == 2);
    CHECK(pread(fd, back, 20, 0) == 20 && memcmp(back, letters, 20) == 0);
    parts[1].iov_base = (void *)8;
    CHECK(pwritev(fd, parts, 20, 0) <= 1); /* EFAULT, or what came before it */
    FAILS(EINVAL, writev(fd, parts, -1));
    FAILS(EBADF, writev(-1, parts, 1));
    close(fd);
}

/* As Linux has it, which POSIX leaves open: it waits for nobody, and is never at its end. Source: fifo(7). */
static void fifo_for_both(void)
{
    struct pollfd both, end;
    char text[8] = "";
    int writer;

    unlink(NAME);
    CHECK(mkfifo(NAME, 0600) == 0);
    both = (struct pollfd){.fd = open(NAME, O_RDWR), .events = POLLIN | POLLOUT};
    CHECK(both.fd >= 0 && (fcntl(both.fd, F_GETFL) & O_ACCMODE) == O_RDWR);
    CHECK(poll(&both, 1, 0) == 1 && both.revents == POLLOUT);
    writer = open(NAME, O_WRONLY | O_NONBLOCK); /* there is who reads */
    CHECK(writer >= 0 && write(writer, "one", 3) == 3 && close(writer) == 0);
    CHECK(write(both.fd, "two", 3) == 3 && poll(&both, 1, 0) == 1 && both.revents == (POLLIN | POLLOUT));
    CHECK(read(both.fd, text, sizeof(text)) == 6 && memcmp(text, "onetwo", 6) == 0);
    CHECK(fcntl(both.fd, F_SETFL, O_NONBLOCK) == 0 && has(both.fd, O_NONBLOCK));
    FAILS(EAGAIN, read(both.fd, text, sizeof(text)));
    while (write(both.fd, text, 1) == 1)
        continue;
    CHECK(errno == EAGAIN && poll(&both, 1, 0) == 1 && both.revents == POLLIN);
    end = (struct pollfd){.fd = open(NAME, O_RDONLY | O_NONBLOCK), .events = POLLIN};
    CHECK(end.fd >= 0 && read(end.fd, text, 1) == 1 && close(both.fd) == 0);
    CHECK(poll(&end, 1, 0) == 1 && end.revents == (POLLIN | POLLHUP) && close(end.fd) == 0);
    CHECK(unlink(NAME) == 0);
}

int main(void)
{
    flags_of_files();
    flags_of_pipes();
    appends_are_whole();
    many_parts();
    fifo_for_both();
    puts("descriptions: good");
    return 0;
}
