/* SPDX-License-Identifier: MIT */
/* The vDSO: its functions are found as the C library finds them, and tell what the calls tell. (qemu-riscv64 has none before
 * version 8.2.) */
#include "check.h"

#include <elf.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_SECOND 1000000000L

static const char *base;
static const Elf64_Sym *symbols;
static const char *names;
static const Elf64_Word *hash;
static const Elf64_Half *versions;

static void read_dynamic(void)
{
    const Elf64_Ehdr *header = (const Elf64_Ehdr *)base;
    const Elf64_Phdr *segments = (const Elf64_Phdr *)(base + header->e_phoff);

    CHECK(memcmp(header->e_ident, ELFMAG, SELFMAG) == 0 && header->e_type == ET_DYN && header->e_machine == EM_RISCV);
    for (int i = 0; i < header->e_phnum; i++) {
        if (segments[i].p_type != PT_DYNAMIC)
            continue;
        for (const Elf64_Dyn *at = (const Elf64_Dyn *)(base + segments[i].p_vaddr); at->d_tag != DT_NULL; at++) {
            const char *there = base + at->d_un.d_ptr;

            if (at->d_tag == DT_SYMTAB)
                symbols = (const Elf64_Sym *)there;
            else if (at->d_tag == DT_STRTAB)
                names = there;
            else if (at->d_tag == DT_HASH)
                hash = (const Elf64_Word *)there;
            else if (at->d_tag == DT_VERSYM)
                versions = (const Elf64_Half *)there;
        }
    }
    CHECK(symbols != NULL && names != NULL && hash != NULL && versions != NULL);
}

static void *find(const char *name)
{
    for (Elf64_Word i = 0; i < hash[1]; i++) {
        if (strcmp(names + symbols[i].st_name, name) == 0) {
            CHECK(symbols[i].st_shndx != SHN_UNDEF && versions[i] >= 2);
            return (void *)(base + symbols[i].st_value);
        }
    }
    printf("%s is not there\n", name);
    exit(1);
}

static long in_ns(const struct timespec *time)
{
    CHECK(time->tv_nsec >= 0 && time->tv_nsec < NS_PER_SECOND);
    return time->tv_sec * NS_PER_SECOND + time->tv_nsec;
}

/* No clock goes back between the function and the call. */
static void test_clocks(void)
{
    static const int clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW, CLOCK_BOOTTIME, CLOCK_TAI};
    int (*const gettime)(clockid_t, struct timespec *) = find("__vdso_clock_gettime");
    int (*const getres)(clockid_t, struct timespec *) = find("__vdso_clock_getres");
    struct timespec one, other;

    for (unsigned i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++) {
        long last = 0;

        for (unsigned round = 0; round < 100; round++) {
            CHECK(gettime(clocks[i], &one) == 0 && syscall(SYS_clock_gettime, clocks[i], &other) == 0);
            CHECK(in_ns(&one) >= last && in_ns(&other) >= in_ns(&one));
            last = in_ns(&other);
        }
        CHECK(getres(clocks[i], &one) == 0 && syscall(SYS_clock_getres, clocks[i], &other) == 0);
        CHECK(in_ns(&one) == in_ns(&other) && in_ns(&one) > 0);
    }
    CHECK(gettime(CLOCK_THREAD_CPUTIME_ID, &one) == 0 && in_ns(&one) >= 0);
    CHECK(gettime(CLOCK_MONOTONIC_COARSE, &one) == 0 && gettime(CLOCK_REALTIME_COARSE, &one) == 0);
    CHECK(gettime(31, &one) == -EINVAL && gettime(1000, &one) == -EINVAL && getres(31, NULL) == -EINVAL);
    CHECK(getres(CLOCK_REALTIME, NULL) == 0);
}

static void test_time_of_day(void)
{
    int (*const function)(struct timeval *, void *) = find("__vdso_gettimeofday");
    struct timeval one, other;
    struct timezone zone = {1, 1};

    CHECK(function(&one, &zone) == 0 && syscall(SYS_gettimeofday, &other, NULL) == 0 && function(NULL, NULL) == 0);
    CHECK(zone.tz_minuteswest == 0 && zone.tz_dsttime == 0 && one.tv_usec < 1000000);
    CHECK(timercmp(&one, &other, <=));
    CHECK(time(NULL) >= one.tv_sec);
}

static void test_others(void)
{
    long (*const getcpu)(unsigned *, unsigned *, void *) = find("__vdso_getcpu");
    long (*const flush)(uintptr_t, uintptr_t, uintptr_t) = find("__vdso_flush_icache");
    const uint32_t *const sigreturn = find("__vdso_rt_sigreturn");
    unsigned cpu = ~0U, node = ~0U;

    CHECK(getcpu(&cpu, &node, NULL) == 0 && cpu < 64 && node < 64);
    CHECK(flush(0, 0, 0) == 0);
    CHECK(sigreturn[0] == 0x08b00893 && sigreturn[1] == 0x00000073); /* li a7, 139; ecall */
}

static void test_child(void)
{
    int status;
    const pid_t child = fork();

    if (child == 0) {
        test_clocks();
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
}

int main(int argc, char **argv)
{
    base = (const char *)getauxval(AT_SYSINFO_EHDR);
    CHECK(base != NULL);
    read_dynamic();
    test_clocks();
    test_time_of_day();
    test_others();
    test_child();
    if (argc == 1) {
        execl("/proc/self/exe", argv[0], "again", NULL);
        CHECK(false);
    }
    puts("vdso: good");
    return 0;
}
