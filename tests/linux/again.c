/* SPDX-License-Identifier: MIT */
/*
 * The same bytes of files again and again, by whatever way a system has for that: what is read is what was written last, whoever
 * wrote it, and however the file became shorter or longer meanwhile.
 */
#include "check.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096
#define FILE_BYTES (160 * PAGE) /* some pieces of what may be kept ready at a time */
#define TURNS 6000
#define THREADS 3
#define THREAD_TURNS 2000

static unsigned char mirror[FILE_BYTES], buffer[FILE_BYTES] __attribute__((aligned(PAGE)));
static size_t size;

static unsigned next_random(void)
{
    static unsigned state = 1;

    state = state * 1103515245 + 12345;
    return state >> 8;
}

/* Most often the same few pages, of any place within them. */
static size_t place(void)
{
    const size_t page = next_random() % 8 != 0 ? next_random() % 3 : next_random() % (FILE_BYTES / PAGE - 4);

    return page * PAGE + (next_random() % 2 != 0 ? 0 : next_random() % PAGE);
}

static size_t length(void)
{
    return next_random() % 4 == 0 ? next_random() % (3 * PAGE) + 1 : next_random() % 64 + 1;
}

static void read_and_compare(int fd)
{
    const size_t at = place(), wanted = length(), offset = next_random() % 9;
    const size_t left = at < size ? size - at : 0, expected = wanted < left ? wanted : left;

    buffer[offset + expected] = 0xee;
    CHECK(pread(fd, buffer + offset, wanted, (off_t)at) == (ssize_t)expected);
    CHECK(memcmp(buffer + offset, mirror + at, expected) == 0 && buffer[offset + expected] == 0xee);
}

static void write_both(int fd)
{
    const size_t at = place(), bytes = length(), offset = next_random() % 9;

    for (size_t i = 0; i < bytes; i++)
        buffer[offset + i] = (unsigned char)next_random();
    memcpy(mirror + at, buffer + offset, bytes);
    CHECK(pwrite(fd, buffer + offset, bytes, (off_t)at) == (ssize_t)bytes);
    size = at + bytes > size ? at + bytes : size;
}

static void cut_or_grow(int fd)
{
    const size_t wanted = next_random() % 3 == 0 ? next_random() % FILE_BYTES : next_random() % (4 * PAGE);

    CHECK(ftruncate(fd, (off_t)wanted) == 0);
    if (wanted < size)
        memset(mirror + wanted, 0, size - wanted);
    size = wanted;
}

/* A file that is open thrice, in two processes that take turns at random stretches. */
static void compared(void)
{
    const int both = open("/tmp/again", O_RDWR | O_CREAT | O_TRUNC, 0600), reading = open("/tmp/again", O_RDONLY),
              writing = open("/tmp/again", O_WRONLY);

    CHECK(both >= 0 && reading >= 0 && writing >= 0);
    for (unsigned turn = 0; turn < TURNS; turn++) {
        const unsigned what = next_random() % 64;

        if (what == 0)
            cut_or_grow(next_random() % 2 != 0 ? both : writing);
        else if (what < 24)
            write_both(next_random() % 3 != 0 ? both : writing);
        else
            read_and_compare(next_random() % 3 != 0 ? both : reading);
    }
    close(both);
    close(reading);
    close(writing);
}

/* What the other process did is seen, and what it has open is what it was when it was born. */
static void between_processes(void)
{
    const int fd = open("/tmp/again", O_RDWR | O_TRUNC);
    char byte = 0;

    CHECK(fd >= 0 && ftruncate(fd, PAGE) == 0);
    for (unsigned turn = 0; turn < 16; turn++)
        CHECK(pwrite(fd, "p", 1, 7) == 1 && pread(fd, &byte, 1, 7) == 1 && byte == 'p');
    for (unsigned turn = 0; turn < 12; turn++) {
        const char mark = (char)('a' + turn);
        const pid_t child = fork();

        if (child == 0) {
            for (unsigned i = 0; i < 12; i++)
                CHECK(pread(fd, &byte, 1, 7) == 1 && byte == (turn == 0 ? 'p' : mark - 1));
            for (unsigned i = 0; i < 12; i++)
                CHECK(pwrite(fd, &mark, 1, 7) == 1);
            _exit(0);
        }
        CHECK(end_of_child(child, 60) == 0);
        CHECK(pread(fd, &byte, 1, 7) == 1 && byte == mark);
    }
    CHECK(ftruncate(fd, 3) == 0 && pread(fd, &byte, 1, 7) == 0);
    CHECK(ftruncate(fd, PAGE) == 0 && pread(fd, &byte, 1, 7) == 1 && byte == 0);
    close(fd);
}

/* Memory that cannot be reached is refused as the first time, and moves no position. */
static void refused(void)
{
    const int fd = open("/tmp/again", O_RDWR | O_TRUNC);
    char *page = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    CHECK(fd >= 0 && page != MAP_FAILED && munmap(page + PAGE, PAGE) == 0);
    CHECK(write(fd, mirror, PAGE) == PAGE && lseek(fd, 0, SEEK_SET) == 0);
    for (unsigned turn = 0; turn < 12; turn++)
        CHECK(pread(fd, page, PAGE, 0) == PAGE);
    FAILS(EFAULT, read(fd, page + PAGE, 16));
    FAILS(EFAULT, write(fd, page + PAGE, 16));
    CHECK(lseek(fd, 0, SEEK_CUR) == 0);
    CHECK(mprotect(page, PAGE, PROT_READ) == 0);
    FAILS(EFAULT, pread(fd, page, 16, 0));
    CHECK(pwrite(fd, page, 16, 0) == 16 && mprotect(page, PAGE, PROT_READ | PROT_WRITE) == 0);
    for (unsigned turn = 0; turn < 12; turn++)
        CHECK(read(fd, page, 8) == 8 && lseek(fd, 0, SEEK_CUR) == 8 * (turn + 1));
    close(fd);
    munmap(page, PAGE);
}

static int shared_file;

/* The word at the beginning of each page is its number, wherever the threads read. */
static void *read_pages(void *seed)
{
    unsigned random = (unsigned)(uintptr_t)seed;

    for (unsigned turn = 0; turn < THREAD_TURNS; turn++) {
        uint64_t word = 0;
        uint64_t page;

        random = random * 1103515245 + 12345;
        page = (random >> 16) % 2 * 128 + (turn / 8) % 4;
        CHECK(pread(shared_file, &word, sizeof(word), (off_t)(page * PAGE)) == sizeof(word) && word == page);
        if (turn % 16 == 0)
            sched_yield();
    }
    return NULL;
}

static void between_threads(void)
{
    pthread_t threads[THREADS];

    shared_file = open("/tmp/again", O_RDWR | O_TRUNC);
    for (uint64_t page = 0; page < FILE_BYTES / PAGE; page++)
        CHECK(pwrite(shared_file, &page, sizeof(page), (off_t)(page * PAGE)) == sizeof(page));
    for (uintptr_t i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, read_pages, (void *)(i + 1)) == 0);
    for (unsigned i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    close(shared_file);
}

int main(void)
{
    compared();
    between_processes();
    refused();
    between_threads();
    CHECK(unlink("/tmp/again") == 0);
    printf("again: good\n");
    return 0;
}
