/* SPDX-License-Identifier: MIT */
/*
 * What operations of Linux cost, measured by an ordinary program of Linux: `linux_operations [NAME...]`. Time is that of
 * CLOCK_MONOTONIC: on an emulator that counts instructions as nanoseconds (-icount shift=0) they are instructions.
 *
 * It prints `bench-linux NAME MINIMUM MEDIAN MAXIMUM` for each, of some batches; or `bench-linux NAME ERROR`, where the system
 * cannot do it.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BATCHES 7
#define WARM_UP 4 /* turns before the clock is read */
#define PAGE_BYTES 4096
#define LARGE_BYTES 65536
#define FILE_NAME "/tmp/bench-file"
#define TINY_NAME "/tmp/bench-tiny"

static char bytes[LARGE_BYTES] __attribute__((aligned(PAGE_BYTES)));

__attribute__((noreturn)) static void fail(const char *name, const char *why)
{
    printf("bench-linux %s %s\n", name, why);
    fflush(stdout);
    _exit(1);
}

static const char *current; /* the name of what is measured */

static long need(long result)
{
    if (result < 0)
        fail(current, strerrorname_np(errno));
    return result;
}

static uint64_t now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000U + (uint64_t)time.tv_nsec;
}

/* How long `count` times the statement take. */
#define TIMED(count, statement)                                                                                        \
    ({                                                                                                                 \
        uint64_t begun = 0;                                                                                            \
        for (unsigned timed = 0; timed < WARM_UP + (count); timed++) {                                                 \
            if (timed == WARM_UP)                                                                                      \
                begun = now();                                                                                         \
            statement;                                                                                                 \
        }                                                                                                              \
        now() - begun;                                                                                                 \
    })

static void reap(pid_t child)
{
    int status;

    need(waitpid(child, &status, 0));
    if (status != 0)
        fail(current, "CHILD");
}

/* ---- calls ---- */

static uint64_t getppid_(unsigned count)
{
    return TIMED(count, getppid());
}

static uint64_t clock_(unsigned count)
{
    struct timespec time;

    return TIMED(count, clock_gettime(CLOCK_MONOTONIC, &time));
}

static uint64_t null_write(unsigned count)
{
    const int fd = (int)need(open("/dev/null", O_WRONLY));
    const uint64_t taken = TIMED(count, need(write(fd, bytes, 1)));

    close(fd);
    return taken;
}

/* ---- to another process or thread, and back ---- */

static void pass(int from, int to)
{
    char byte = 0;

    if (need(read(from, &byte, 1)) != 1)
        fail(current, "END");
    need(write(to, &byte, 1));
}

static uint64_t back_and_forth(const int there[2], const int back[2], unsigned count)
{
    const pid_t child = (pid_t)need(fork());
    char byte = 0;
    uint64_t taken;

    if (child == 0) {
        for (unsigned turn = 0; turn < WARM_UP + count; turn++)
            pass(there[0], back[1]);
        _exit(0);
    }
    taken = TIMED(count, need(write(there[1], &byte, 1)); need(read(back[0], &byte, 1)));
    reap(child);
    return taken;
}

static uint64_t pipe_there_and_back(unsigned count)
{
    int there[2], back[2];
    uint64_t taken;

    need(pipe(there));
    need(pipe(back));
    taken = back_and_forth(there, back, count);
    for (unsigned i = 0; i < 2; i++) {
        close(there[i]);
        close(back[i]);
    }
    return taken;
}

static uint64_t unix_there_and_back(unsigned count)
{
    int ends[2];

    need(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
    return back_and_forth((int[]){ends[1], ends[0]}, (int[]){ends[0], ends[1]}, count);
}

static uint64_t eventfd_there_and_back(unsigned count)
{
    need(eventfd(0, 0));
    (void)count;
    fail(current, "UNMEASURED");
}

static uint32_t words[2][32]; /* each in cache lines of its own */

static void *answer_words(void *count)
{
    for (unsigned turn = 0; turn < WARM_UP + *(unsigned *)count; turn++) {
        while (__atomic_load_n(words[0], __ATOMIC_ACQUIRE) == 0)
            syscall(SYS_futex, words[0], FUTEX_WAIT_PRIVATE, 0, NULL);
        words[0][0] = 0;
        __atomic_store_n(words[1], 1, __ATOMIC_RELEASE);
        syscall(SYS_futex, words[1], FUTEX_WAKE_PRIVATE, 1);
    }
    return NULL;
}

static void ask_words(void)
{
    __atomic_store_n(words[0], 1, __ATOMIC_RELEASE);
    syscall(SYS_futex, words[0], FUTEX_WAKE_PRIVATE, 1);
    while (__atomic_load_n(words[1], __ATOMIC_ACQUIRE) == 0)
        syscall(SYS_futex, words[1], FUTEX_WAIT_PRIVATE, 0, NULL);
    words[1][0] = 0;
}

static uint64_t futex_there_and_back(unsigned count)
{
    pthread_t thread;
    uint64_t taken;

    memset(words, 0, sizeof(words));
    need(-pthread_create(&thread, NULL, answer_words, &count));
    taken = TIMED(count, ask_words());
    pthread_join(thread, NULL);
    return taken;
}

static void take_turn(volatile uint32_t *turn, uint32_t mine)
{
    while (*turn != mine)
        sched_yield();
    *turn = !mine;
}

/* Each turn is two hand-overs. */
static uint64_t yield(unsigned count)
{
    volatile uint32_t *turn = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    const pid_t child = (pid_t)need(fork());
    uint64_t taken;

    if (child == 0) {
        for (unsigned i = 0; i < WARM_UP + count / 2; i++)
            take_turn(turn, 1);
        _exit(0);
    }
    taken = TIMED(count / 2, take_turn(turn, 0));
    while (*turn != 0)
        sched_yield();
    reap(child);
    munmap((void *)turn, PAGE_BYTES);
    return taken;
}

static uint64_t pipe_throughput(unsigned count)
{
    const uint64_t all = (uint64_t)LARGE_BYTES * (WARM_UP + count);
    int ends[2];
    pid_t child;
    uint64_t begun = 0, got = 0;

    need(pipe(ends));
    child = (pid_t)need(fork());
    if (child == 0) {
        close(ends[0]);
        for (unsigned i = 0; i < WARM_UP + count; i++) {
            for (long done = 0; done < LARGE_BYTES;)
                done += need(write(ends[1], bytes + done, (size_t)(LARGE_BYTES - done)));
        }
        _exit(0);
    }
    close(ends[1]);
    while (got < all) {
        got += (uint64_t)need(read(ends[0], bytes, LARGE_BYTES));
        if (begun == 0 && got >= WARM_UP * LARGE_BYTES)
            begun = now();
    }
    begun = now() - begun;
    reap(child);
    close(ends[0]);
    return begun;
}

/* ---- threads and processes ---- */

static void *end_at_once(void *unused)
{
    return unused;
}

static void create_and_join(void)
{
    pthread_t thread;

    need(-pthread_create(&thread, NULL, end_at_once, NULL));
    pthread_join(thread, NULL);
}

static uint64_t threads(unsigned count)
{
    return TIMED(count, create_and_join());
}

static void fork_and_reap(const char *program)
{
    const pid_t child = (pid_t)need(fork());

    if (child == 0) {
        if (program != NULL)
            execve(program, (char *[]){(char *)program, NULL}, (char *[]){NULL});
        _exit(program != NULL);
    }
    reap(child);
}

static uint64_t forks(unsigned count)
{
    return TIMED(count, fork_and_reap(NULL));
}

/* The smallest program: it ends. */
static void write_tiny(void)
{
    static const uint32_t code[] = {0x05d00893 /* li a7, 93 */, 0x00000513 /* li a0, 0 */, 0x00000073 /* ecall */, 0};
    const struct {
        Elf64_Ehdr header;
        Elf64_Phdr segment;
        uint32_t code[4];
    } file = {{.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
               .e_type = ET_EXEC,
               .e_machine = 243,
               .e_version = EV_CURRENT,
               .e_entry = 0x10000 + sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr),
               .e_phoff = sizeof(Elf64_Ehdr),
               .e_ehsize = sizeof(Elf64_Ehdr),
               .e_phentsize = sizeof(Elf64_Phdr),
               .e_phnum = 1},
              {.p_type = PT_LOAD,
               .p_flags = PF_R | PF_X,
               .p_vaddr = 0x10000,
               .p_paddr = 0x10000,
               .p_filesz = sizeof(file),
               .p_memsz = sizeof(file),
               .p_align = PAGE_BYTES},
              {code[0], code[1], code[2], code[3]}};
    const int fd = (int)need(open(TINY_NAME, O_WRONLY | O_CREAT | O_TRUNC, 0755));

    need(write(fd, &file, sizeof(file)));
    close(fd);
}

static uint64_t programs(unsigned count)
{
    write_tiny();
    return TIMED(count, fork_and_reap(TINY_NAME));
}

/* ---- memory and signals ---- */

static void map_and_touch(unsigned pages)
{
    volatile char *at = mmap(NULL, pages * PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (at == MAP_FAILED)
        need(-1);
    for (unsigned page = 0; page < pages; page++)
        at[page * PAGE_BYTES] = 1;
    munmap((void *)at, pages * PAGE_BYTES);
}

static uint64_t map_page(unsigned count)
{
    return TIMED(count, map_and_touch(1));
}

static uint64_t map_pages(unsigned count)
{
    return TIMED(count, map_and_touch(64));
}

static uint64_t faults(unsigned count)
{
    const size_t length = (size_t)(WARM_UP + count) * PAGE_BYTES;
    volatile char *at = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    volatile char *page = at;
    uint64_t taken;

    if (at == MAP_FAILED)
        need(-1);
    taken = TIMED(count, *page = 1; page += PAGE_BYTES);
    munmap((void *)at, length);
    return taken;
}

static void ignore(int number)
{
    (void)number;
}

static uint64_t signals(unsigned count)
{
    const pid_t self = getpid();

    signal(SIGUSR1, ignore);
    return TIMED(count, kill(self, SIGUSR1));
}

/* ---- files ---- */

static int file(void)
{
    const int fd = (int)need(open(FILE_NAME, O_RDWR | O_CREAT | O_TRUNC, 0644));

    need(write(fd, bytes, LARGE_BYTES));
    return fd;
}

static uint64_t reads(unsigned count, size_t length)
{
    const int fd = file();
    const uint64_t taken = TIMED(count, need(pread(fd, bytes, length, 0)));

    close(fd);
    return taken;
}

static uint64_t writes(unsigned count, size_t length)
{
    const int fd = file();
    const uint64_t taken = TIMED(count, need(pwrite(fd, bytes, length, 0)));

    close(fd);
    return taken;
}

static uint64_t read_page(unsigned count)
{
    return reads(count, PAGE_BYTES);
}

static uint64_t read_large(unsigned count)
{
    return reads(count, LARGE_BYTES);
}

static uint64_t write_page(unsigned count)
{
    return writes(count, PAGE_BYTES);
}

static uint64_t write_large(unsigned count)
{
    return writes(count, LARGE_BYTES);
}

static uint64_t opens(unsigned count)
{
    close(file());
    return TIMED(count, close((int)need(open(FILE_NAME, O_RDONLY))));
}

static uint64_t stats(unsigned count)
{
    struct stat status;

    close(file());
    return TIMED(count, need(stat(FILE_NAME, &status)));
}

static uint64_t creates(unsigned count)
{
    return TIMED(count, close((int)need(open("/tmp/bench-new", O_WRONLY | O_CREAT | O_EXCL, 0644)));
                 unlink("/tmp/bench-new"));
}

static uint64_t rings(unsigned count)
{
    need(syscall(SYS_io_uring_setup, 32, bytes));
    (void)count;
    fail(current, "UNMEASURED");
}

/* ---- all of them ---- */

static const struct {
    const char *name;
    unsigned count; /* in a batch */
    uint64_t (*measure)(unsigned count);
} operations[] = {
    {"getppid", 1000, getppid_},
    {"clock_gettime", 1000, clock_},
    {"null_write1", 1000, null_write},
    {"pipe_pp", 100, pipe_there_and_back},
    {"futex_pp", 100, futex_there_and_back},
    {"yield_2p", 200, yield},
    {"pthread_create_join", 20, threads},
    {"fork_exit_wait", 5, forks},
    {"fork_exec_wait_tiny", 5, programs},
    {"mmap_touch_munmap_1", 100, map_page},
    {"mmap_touch_munmap_64", 10, map_pages},
    {"fault_anon", 256, faults},
    {"signal_self", 200, signals},
    {"read_4k", 200, read_page},
    {"read_64k", 50, read_large},
    {"write_4k", 200, write_page},
    {"write_64k", 50, write_large},
    {"open_close", 100, opens},
    {"stat", 200, stats},
    {"creat_close_unlink", 100, creates},
    {"pipe_bw", 20, pipe_throughput},
    {"unix_stream_pp", 100, unix_there_and_back},
    {"eventfd_pp", 100, eventfd_there_and_back},
    {"uring_nop_b32", 100, rings},
};

static int ascending(const void *one, const void *other)
{
    const uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)other;

    return a < b ? -1 : a > b;
}

static void measure(unsigned index)
{
    const unsigned count = operations[index].count;
    uint64_t batches[BATCHES];

    current = operations[index].name;
    for (unsigned i = 0; i < BATCHES; i++)
        batches[i] = (operations[index].measure(count) + count / 2) / count;
    qsort(batches, BATCHES, sizeof(batches[0]), ascending);
    printf("bench-linux %s %lu %lu %lu\n", current, batches[0], batches[BATCHES / 2], batches[BATCHES - 1]);
    fflush(stdout);
}

static int is_wanted(const char *name, int count, char **names)
{
    for (int i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0)
            return 1;
    }
    return count == 0;
}

/* Each in a process of its own: what fails ends that. */
int main(int argc, char **argv)
{
    for (unsigned i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
        pid_t child;

        if (!is_wanted(operations[i].name, argc - 1, argv + 1))
            continue;
        current = operations[i].name;
        child = (pid_t)need(fork());
        if (child == 0) {
            measure(i);
            _exit(0);
        }
        waitpid(child, NULL, 0);
    }
    unlink(FILE_NAME);
    unlink(TINY_NAME);
    return 0;
}
