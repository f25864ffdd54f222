/* SPDX-License-Identifier: MIT */
/* Attempts by processes, signals and memory, and to take more than there is. */
#include "isolation.h"

#include <sched.h>
#include <signal.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

/* The first process of the container, and this one. */
static bool is_own(pid_t pid)
{
    return pid == 1 || pid == getpid();
}

static void kill_all_numbers(void)
{
    for (pid_t pid = 2; pid < PIDS; pid++) {
        if (!is_own(pid) && kill(pid, SIGKILL) == 0)
            reached("a process by its number");
    }
    for (pid_t pid = 4194000; pid < 4194310; pid++) {
        if (kill(pid, SIGKILL) == 0)
            reached("a process by its number");
    }
}

static void kill_everybody(void)
{
    kill(-1, SIGKILL);
    kill(-1, SIGSTOP);
    kill(-1, SIGTERM);
}

static void kill_groups(void)
{
    for (pid_t group = 2; group < PIDS; group++) {
        if (group != getpgrp() && kill(-group, SIGKILL) == 0)
            reached("a group by its number");
    }
    signal(SIGHUP, SIG_IGN);
    kill(0, SIGHUP);
}

static void kill_first(void)
{
    for (int number = 1; number < NSIG; number++)
        kill(1, number);
}

static void kill_threads(void)
{
    for (pid_t pid = 2; pid < PIDS; pid++) {
        if (is_own(pid))
            continue;
        if (syscall(SYS_tkill, pid, SIGKILL) == 0 || syscall(SYS_tgkill, pid, pid, SIGKILL) == 0)
            reached("a thread by its number");
    }
}

static void queue_signals(void)
{
    for (pid_t pid = 2; pid < PIDS; pid++) {
        if (!is_own(pid) && sigqueue(pid, SIGRTMIN, (union sigval){.sival_int = 1}) == 0)
            reached("a process by its number");
    }
}

static void trace_others(void)
{
    for (pid_t pid = 1; pid < PIDS; pid++) {
        if (ptrace(PTRACE_ATTACH, pid, NULL, NULL) == 0 || ptrace(PTRACE_SEIZE, pid, NULL, NULL) == 0)
            reached("a process by tracing");
        errno = 0;
        if (ptrace(PTRACE_PEEKDATA, pid, (void *)0x10000, NULL) != -1 || errno == 0)
            reached("a process's memory by tracing");
    }
}

static void memory_of_others(void)
{
    char bytes[256];

    for (pid_t pid = 1; pid < PIDS; pid++) {
        for (uintptr_t at = 0x10000; at < 0x20000; at += 0x1000) {
            const struct iovec here = {bytes, sizeof(bytes)}, there = {(void *)at, sizeof(bytes)};

            if (pid != getpid() && (process_vm_readv(pid, &here, 1, &there, 1, 0) > 0 ||
                                    process_vm_writev(pid, &here, 1, &there, 1, 0) > 0))
                reached("a process's memory");
        }
    }
}

static void process_descriptors(void)
{
    for (pid_t pid = 2; pid < PIDS; pid++) {
        const int fd = (int)syscall(SYS_pidfd_open, pid, 0);

        if (fd < 0 || is_own(pid))
            continue;
        if (syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0) == 0 || syscall(438, fd, 0, 0) >= 0)
            reached("a process by a descriptor");
    }
}

static void wait_for_others(void)
{
    for (pid_t pid = 1; pid < PIDS; pid++) {
        siginfo_t info;

        if (waitpid(pid, NULL, WNOHANG) >= 0 || waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG) == 0)
            reached("somebody else's child");
    }
}

static void groups_of_others(void)
{
    for (pid_t pid = 2; pid < PIDS; pid++) {
        if (is_own(pid))
            continue;
        if (getsid(pid) >= 0 || getpgid(pid) >= 0 || setpgid(pid, pid) == 0)
            reached("a process by its number");
        if (pid != getpgrp() && setpgid(0, pid) == 0 && getpgrp() == pid && getpid() != pid)
            reached("a group by its number");
    }
}

static void limits_of_others(void)
{
    const struct rlimit none = {0, 0};
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(0, &set);
    for (pid_t pid = 2; pid < PIDS; pid++) {
        if (is_own(pid))
            continue;
        if (prlimit(pid, RLIMIT_NOFILE, &none, NULL) == 0)
            reached("a process's limits");
        if (sched_setaffinity(pid, sizeof(set), &set) == 0)
            reached("a process's harts");
    }
    setpriority(PRIO_PROCESS, 0, -20);
    setpriority(PRIO_USER, 0, 19);
}

static void adopt_others(void)
{
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    prctl(PR_SET_PTRACER, -1, 0, 0, 0);
    wait_for_others();
}

/* ---- memory that is shared by a name or a number ---- */

static void system_v_memory(void)
{
    for (key_t key = 0; key < 200; key++) {
        const int id = shmget(key, 4096, 0);

        if (id >= 0 || shmat(key, NULL, 0) != (void *)-1 || msgget(key, 0) >= 0)
            reached("memory by its key");
    }
}

static void shared_mappings(void)
{
    const char *area = mmap(NULL, 1 << 20, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    const int fd = open("/memory", O_RDWR | O_CREAT, 0600);

    if (area != MAP_FAILED && has_secret(area, 1 << 20))
        reached("the secret in new memory");
    CHECK(ftruncate(fd, 1 << 20) == 0);
    area = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (area != MAP_FAILED && has_secret(area, 1 << 20))
        reached("the secret in a new file");
    area = mmap(NULL, 1 << 20, PROT_READ, MAP_SHARED, fd, 1 << 20);
    unlink("/memory");
    if (area != MAP_FAILED && has_secret(area, 1 << 20)) /* dies of the first byte */
        reached("the secret behind a file");
}

static void fresh_memory(void)
{
    const size_t bytes = 4 << 20;
    const char *area = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    for (size_t i = 0; area != MAP_FAILED && i < bytes; i += 8) {
        if (*(const uint64_t *)(area + i) != 0)
            reached("what somebody has left in memory");
    }
}

static void fixed_mappings(void)
{
    for (unsigned bit = 12; bit < 64; bit++) {
        for (uint64_t low = 0; low < 2; low++) {
            char *at = (char *)(UINT64_C(1) << bit) - low * 4096;
            char *got = mmap(at, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

            if (got != MAP_FAILED && (has_secret(got, 4096) || (uintptr_t)got >> 38 != 0))
                reached("an address that is nobody's");
        }
    }
}

static void sockets(void)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "\0outside"};

    for (int family = 0; family < 46; family++) {
        for (int kind = 1; kind < 6; kind++) {
            const int fd = socket(family, kind, 0);

            if (fd >= 0 && connect(fd, (struct sockaddr *)&name, sizeof(name)) == 0)
                reached("a socket");
        }
    }
}

/* ---- the machine ---- */

static void calls_for_administrators(void)
{
    static const long numbers[] = {SYS_reboot,
                                   SYS_swapon,
                                   SYS_swapoff,
                                   SYS_sethostname,
                                   SYS_setdomainname,
                                   SYS_acct,
                                   SYS_quotactl,
                                   SYS_syslog,
                                   SYS_vhangup,
                                   SYS_bpf,
                                   SYS_perf_event_open,
                                   SYS_userfaultfd,
                                   SYS_io_setup,
                                   SYS_add_key,
                                   SYS_request_key,
                                   SYS_keyctl,
                                   SYS_kcmp,
                                   SYS_personality,
                                   SYS_lookup_dcookie,
                                   SYS_settimeofday,
                                   SYS_adjtimex,
                                   SYS_fanotify_init,
                                   SYS_inotify_init1,
                                   SYS_epoll_create1,
                                   SYS_signalfd4,
                                   SYS_timerfd_create,
                                   425 /* io_uring_setup */,
                                   SYS_membarrier,
                                   SYS_seccomp};

    for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        for (long argument = 0; argument < 4; argument++) {
            if (syscall(numbers[i], argument, -argument, 0L, 0L, 0L, 0L) == 0 && numbers[i] != SYS_membarrier &&
                numbers[i] != SYS_personality)
                reached("what only administrators may do");
        }
    }
}

static void new_kernel(void)
{
    if (syscall(SYS_kexec_load, 0L, 0L, NULL, 0L) == 0 || syscall(SYS_kexec_file_load, 0L, 0L, 0L, "", 0L) == 0)
        reached("another kernel");
    reboot(RB_AUTOBOOT);
    reboot(RB_POWER_OFF);
    syscall(SYS_reboot, 0xfee1dead, 672274793, 0x4321fedc, NULL);
}

static void modules(void)
{
    if (syscall(SYS_init_module, "x", 1L, "") == 0 || syscall(SYS_finit_module, 0L, "", 0L) == 0 ||
        syscall(SYS_delete_module, "x", 0L) == 0)
        reached("the kernel by a module");
}

static void set_clock(void)
{
    const struct timespec time = {1000000000, 0};

    if (clock_settime(CLOCK_MONOTONIC, &time) == 0)
        reached("the machine's time");
    clock_settime(CLOCK_REALTIME, &time);
}

/* ---- too much ---- */

static void fork_bomb(void)
{
    for (unsigned i = 0; i < 2000; i++) {
        const pid_t pid = fork();

        if (pid < 0)
            return;
        while (pid == 0)
            pause();
    }
}

static void fork_tree(void)
{
    for (unsigned i = 0; i < 5; i++)
        fork();
}

static void memory_bomb(void)
{
    for (;;) {
        char *area = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (area == MAP_FAILED)
            return;
        for (unsigned i = 0; i < 1 << 20; i += 4096)
            area[i] = 1;
    }
}

static void time_bomb(void)
{
    for (unsigned i = 0; i < 3; i++)
        fork();
    for (volatile unsigned long i = 0; i < 20000000; i++)
        ;
}

static void descriptor_bomb(void)
{
    while (open("/bin/isolation", O_RDONLY) >= 0 || open("/", O_RDONLY) >= 0)
        ;
    errno = 0;
    if (fork() == 0) {
        for (int fd = 3; fd < 1024; fd++)
            close(fd);
        while (open("/", O_PATH) >= 0)
            ;
    }
}

static void pipe_bomb(void)
{
    static char bytes[65536];
    int ends[2];

    while (pipe2(ends, O_NONBLOCK) == 0) {
        while (write(ends[1], bytes, sizeof(bytes)) > 0)
            ;
    }
}

static void thread_bomb(void)
{
    static char stacks[256][4096];

    for (unsigned i = 0; i < 256; i++)
        syscall(SYS_clone, CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM,
                &stacks[i][4096], NULL, NULL, NULL); /* each goes on here, on a stack with nothing */
}

static void timer_bomb(void)
{
    const struct itimerval often = {{0, 1}, {0, 1}};

    signal(SIGALRM, SIG_IGN);
    for (unsigned i = 0; i < 4; i++)
        fork();
    setitimer(ITIMER_REAL, &often, NULL);
    usleep(50000);
}

static void signal_bomb(void)
{
    for (unsigned i = 0; i < 3; i++)
        fork();
    signal(SIGUSR1, SIG_IGN);
    for (unsigned i = 0; i < 300; i++) {
        kill(-1, SIGUSR1);
        sigqueue(1, SIGRTMIN + 1, (union sigval){0});
    }
}

static void name_bomb(void)
{
    char path[64];

    CHECK(mkdir("/many", 0755) == 0);
    for (unsigned i = 0; i < 200; i++) {
        snprintf(path, sizeof(path), "/many/%u", i);
        if (mkdir(path, 0755) != 0)
            break;
    }
    for (unsigned i = 0; i < 200; i++) {
        snprintf(path, sizeof(path), "/many/%u", i);
        rmdir(path);
    }
    CHECK(rmdir("/many") == 0);
}

const struct attempt process_attempts[] = {
    {"kill-all-numbers", kill_all_numbers},
    {"kill-everybody", kill_everybody},
    {"kill-groups", kill_groups},
    {"kill-first", kill_first},
    {"kill-threads", kill_threads},
    {"queue-signals", queue_signals},
    {"trace-others", trace_others},
    {"memory-of-others", memory_of_others},
    {"process-descriptors", process_descriptors},
    {"wait-for-others", wait_for_others},
    {"groups-of-others", groups_of_others},
    {"limits-of-others", limits_of_others},
    {"adopt-others", adopt_others},
    {"system-v-memory", system_v_memory},
    {"shared-mappings", shared_mappings},
    {"fresh-memory", fresh_memory},
    {"fixed-mappings", fixed_mappings},
    {"sockets", sockets},
    {"calls-for-administrators", calls_for_administrators},
    {"new-kernel", new_kernel},
    {"modules", modules},
    {"set-clock", set_clock},
    {"fork-bomb", fork_bomb},
    {"fork-tree", fork_tree},
    {"memory-bomb", memory_bomb},
    {"time-bomb", time_bomb},
    {"descriptor-bomb", descriptor_bomb},
    {"pipe-bomb", pipe_bomb},
    {"thread-bomb", thread_bomb},
    {"timer-bomb", timer_bomb},
    {"signal-bomb", signal_bomb},
    {"name-bomb", name_bomb},
    {NULL, NULL},
};
