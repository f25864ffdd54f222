/* SPDX-License-Identifier: MIT */
/* Handlers of signals: what they see and may change, and that everything else is as it was when they return. */
#include "check.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#define REG_A0 10
#define REG_T0 5
#define REG_A7 17

static volatile int count, depth, deepest;
static volatile siginfo_t seen;
static volatile uintptr_t stack_at;

static void on_signal(int signal, siginfo_t *info, void *context)
{
    volatile char here = 0;

    (void)context;
    CHECK(info->si_signo == signal);
    count++;
    seen = *info;
    stack_at = (uintptr_t)&here;
    /* What the interrupted code has in registers goes. */
    __asm__ volatile("fcvt.d.l ft0, zero\nfcvt.d.l fa0, zero\nfcvt.d.l fs0, zero\nfcvt.d.l ft11, zero\nli t0, 0\nli "
                     "t6, 0\nfsflags zero"
                     :
                     :
                     : "ft0", "fa0", "ft11", "t0", "t6");
}

static void handle(int signal, int flags, void (*handler)(int, siginfo_t *, void *))
{
    CHECK(sigaction(signal, &(struct sigaction){.sa_sigaction = handler, .sa_flags = flags | SA_SIGINFO}, NULL) == 0);
}

/* ---- registers ---- */

/* Calls kill(pid, signal) with a known value in each register that a call keeps: how many have changed. */
static long kill_with_registers(long pid, long signal)
{
    register long a0 __asm__("a0") = pid;
    register long a1 __asm__("a1") = signal;
    long wrong = 0;

    __asm__ volatile("addi sp, sp, -16\n sd s0, 0(sp)\n fsd fs0, 8(sp)\n"
                     "li a7, 129\n li t0, 5\n li t1, 6\n li t2, 7\n li s0, 8\n li a2, 12\n li a6, 16\n li t6, 31\n"
                     "fcvt.d.l ft0, t0\n fcvt.d.l fa0, t1\n fcvt.d.l fs0, t2\n fcvt.d.l ft11, s0\n"
                     "fsflagsi 3\n"
                     "ecall\n"
                     "mv %0, a0\n"
                     "frflags a3\n addi a3, a3, -3\n or %0, %0, a3\n"
                     "addi a3, a7, -129\n or %0, %0, a3\n addi a3, t0, -5\n or %0, %0, a3\n"
                     "addi a3, t1, -6\n or %0, %0, a3\n addi a3, t2, -7\n or %0, %0, a3\n"
                     "addi a3, s0, -8\n or %0, %0, a3\n addi a3, a2, -12\n or %0, %0, a3\n"
                     "addi a3, a6, -16\n or %0, %0, a3\n addi a3, t6, -31\n or %0, %0, a3\n"
                     "fcvt.l.d a3, ft0\n sub a3, a3, t0\n or %0, %0, a3\n"
                     "fcvt.l.d a3, fa0\n sub a3, a3, t1\n or %0, %0, a3\n"
                     "fcvt.l.d a3, fs0\n sub a3, a3, t2\n or %0, %0, a3\n"
                     "fcvt.l.d a3, ft11\n sub a3, a3, s0\n or %0, %0, a3\n"
                     "ld s0, 0(sp)\n fld fs0, 8(sp)\n addi sp, sp, 16\n"
                     : "=&r"(wrong), "+r"(a0), "+r"(a1)
                     :
                     : "a2", "a3", "a6", "a7", "t0", "t1", "t2", "t6", "ft0", "fa0", "ft11", "memory");
    return wrong;
}

/* The same in the midst of code, with a number in a7 that no call of Linux has: what is changed when a handler has run. */
static long spin_with_registers(void)
{
    long wrong = 0;
    const volatile int *counter = &count;

    __asm__ volatile("li a7, 0x12345678\n li t0, 5\n li t6, 31\n fcvt.d.l ft0, t0\n fcvt.d.l ft11, t6\n"
                     "1: lw a3, (%1)\n beqz a3, 1b\n"
                     "li a3, 0x12345678\n sub %0, a7, a3\n addi a3, t0, -5\n or %0, %0, a3\n"
                     "addi a3, t6, -31\n or %0, %0, a3\n"
                     "fcvt.l.d a3, ft0\n sub a3, a3, t0\n or %0, %0, a3\n"
                     "fcvt.l.d a3, ft11\n sub a3, a3, t6\n or %0, %0, a3\n"
                     : "=&r"(wrong)
                     : "r"(counter)
                     : "a3", "a7", "t0", "t6", "ft0", "ft11", "memory");
    return wrong;
}

static void test_registers(void)
{
    handle(SIGUSR1, 0, on_signal);
    count = 0;
    for (unsigned i = 0; i < 100; i++)
        CHECK(kill_with_registers(getpid(), SIGUSR1) == 0);
    CHECK(count == 100 && seen.si_code == SI_USER && seen.si_pid == getpid());
    handle(SIGALRM, 0, on_signal);
    for (unsigned i = 0; i < 5; i++) {
        count = 0;
        ualarm(2000, 0);
        CHECK(spin_with_registers() == 0 && count == 1);
    }
}

/* ---- what a handler changes ---- */

static void change_result(int signal, siginfo_t *info, void *argument)
{
    ucontext_t *context = argument;

    (void)signal;
    (void)info;
    CHECK(context->uc_mcontext.__gregs[REG_A7] == SYS_tgkill && context->uc_mcontext.__gregs[REG_A0] == 0);
    context->uc_mcontext.__gregs[REG_A0] = 77;
    sigaddset(&context->uc_sigmask, SIGUSR2);
}

extern char trap_instruction[], behind_trap[];

static void skip_trap(int signal, siginfo_t *info, void *argument)
{
    ucontext_t *context = argument;

    CHECK(signal == SIGTRAP && context->uc_mcontext.__gregs[0] == (unsigned long)trap_instruction);
    (void)info;
    context->uc_mcontext.__gregs[0] = (unsigned long)behind_trap;
    context->uc_mcontext.__fpregs.__d.__f[10] = 0x4045000000000000; /* 42.0 */
    count++;
}

static void test_changes(void)
{
    sigset_t set;
    double fa0;

    handle(SIGUSR1, 0, change_result);
    CHECK(syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGUSR1) == 77);
    CHECK(sigprocmask(SIG_BLOCK, NULL, &set) == 0 && sigismember(&set, SIGUSR2) && !sigismember(&set, SIGUSR1));
    sigemptyset(&set);
    CHECK(sigprocmask(SIG_SETMASK, &set, NULL) == 0);
    handle(SIGTRAP, 0, skip_trap);
    count = 0;
    __asm__ volatile(".option push\n .option norvc\n .globl trap_instruction, behind_trap\n"
                     "trap_instruction: ebreak\n behind_trap: fmv.d %0, fa0\n .option pop"
                     : "=f"(fa0)
                     :
                     : "fa0", "memory");
    CHECK(count == 1 && fa0 == 42.0);
}

/* ---- masks, nesting, stacks ---- */

static void nest(int signal, siginfo_t *info, void *context)
{
    (void)info;
    (void)context;
    count++;
    depth++;
    if (depth > deepest)
        deepest = depth;
    if (count < 5)
        raise(signal);
    depth--;
}

static void test_nesting(void)
{
    char *stack = malloc(1 << 16);
    struct sigaction action;

    count = depth = deepest = 0;
    handle(SIGUSR1, 0, nest);
    raise(SIGUSR1);
    CHECK(count == 5 && deepest == 1); /* blocked while it runs: again right after */
    count = depth = deepest = 0;
    handle(SIGUSR1, SA_NODEFER, nest);
    raise(SIGUSR1);
    CHECK(count == 5 && deepest == 5);
    handle(SIGUSR1, (int)SA_RESETHAND, on_signal);
    raise(SIGUSR1);
    CHECK(seen.si_code == SI_TKILL && sigaction(SIGUSR1, NULL, &action) == 0 && action.sa_handler == SIG_DFL);
    CHECK(stack != NULL && sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = 1 << 16}, NULL) == 0);
    handle(SIGUSR1, SA_ONSTACK, on_signal);
    raise(SIGUSR1);
    CHECK(stack_at - (uintptr_t)stack < 1 << 16);
    CHECK(sigaltstack(&(stack_t){.ss_flags = SS_DISABLE}, NULL) == 0);
    raise(SIGUSR1);
    CHECK(stack_at - (uintptr_t)stack >= 1 << 16);
    free(stack);
}

static void test_blocked(void)
{
    sigset_t set, pending;

    handle(SIGUSR1, 0, on_signal);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    count = 0;
    CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0 && kill(getpid(), SIGUSR1) == 0 && kill(getpid(), SIGUSR1) == 0);
    CHECK(count == 0 && sigpending(&pending) == 0 && sigismember(&pending, SIGUSR1));
    CHECK(sigprocmask(SIG_UNBLOCK, &set, NULL) == 0 && count == 1);
    CHECK(kill(getpid(), 0) == 0);
    FAILS(EINVAL, kill(getpid(), 65));
    FAILS(ESRCH, syscall(SYS_tgkill, getpid(), 4000000, SIGUSR1));
}

/* From 32 on they queue, however they are sent. */
static void test_queue(void)
{
    const union sigval value = {.sival_int = 42};
    struct timespec none = {.tv_nsec = 0}, wrong = {.tv_nsec = 1000000000}, negative = {.tv_sec = -1};
    siginfo_t info;
    sigset_t set;

    handle(SIGRTMIN, 0, on_signal);
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
    count = 0;
    CHECK(raise(SIGRTMIN) == 0 && kill(getpid(), SIGRTMIN) == 0 && sigqueue(getpid(), SIGRTMIN, value) == 0 &&
          pthread_sigqueue(pthread_self(), SIGRTMIN, value) == 0);
    CHECK(sigwaitinfo(&set, &info) == SIGRTMIN && info.si_code == SI_USER && info.si_pid == getpid());
    CHECK(sigtimedwait(&set, &info, &none) ==
          SIGRTMIN); /* what is for the thread may come before what is for the process */
    CHECK(sigprocmask(SIG_UNBLOCK, &set, NULL) == 0 && count == 2);
    CHECK(seen.si_code == SI_QUEUE && seen.si_value.sival_int == 42);
    FAILS(EAGAIN, sigtimedwait(&set, &info, &none));
    FAILS(EINVAL, sigtimedwait(&set, &info, &wrong));
    FAILS(EINVAL, sigtimedwait(&set, &info, &negative));
}

/* ---- stacks that cannot be written ---- */

/* What comes to be ignored is not pending any more, whoever sent it, though it is blocked. */
static void test_discarded(int signal, void (*ignored)(int))
{
    sigset_t set, pending;
    pid_t pid;

    sigemptyset(&set);
    sigaddset(&set, signal);
    handle(signal, 0, on_signal);
    CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0 && raise(signal) == 0);
    pid = fork();
    if (pid == 0)
        _exit(kill(getppid(), signal) != 0);
    CHECK(end_of_child(pid, 10) == 0 && sigpending(&pending) == 0 && sigismember(&pending, signal));
    CHECK(sigaction(signal, &(struct sigaction){.sa_handler = ignored}, NULL) == 0);
    CHECK(sigpending(&pending) == 0 && !sigismember(&pending, signal));
    count = 0;
    handle(signal, 0, on_signal);
    CHECK(sigprocmask(SIG_UNBLOCK, &set, NULL) == 0 && count == 0);
    CHECK(sigaction(signal, &(struct sigaction){.sa_handler = SIG_DFL}, NULL) == 0);
}

static long queue_info(pid_t to, int signal, int code)
{
    siginfo_t info = {.si_signo = signal, .si_code = code};

    return syscall(SYS_rt_sigqueueinfo, to, signal, &info);
}

/* Source: sigqueue(3), rt_sigqueueinfo(2). */
static void test_what_may_be_said(void)
{
    const pid_t pid = fork();

    CHECK(pid >= 0);
    while (pid == 0)
        pause();
    CHECK(sigqueue(pid, 0, (union sigval){0}) == 0 && sigqueue(getpid(), 0, (union sigval){0}) == 0);
    FAILS(EPERM, queue_info(pid, SIGUSR1, SI_USER));
    FAILS(EPERM, queue_info(pid, SIGUSR1, SI_KERNEL));
    FAILS(EPERM, queue_info(pid, SIGUSR1, SI_TKILL));
    FAILS(EINVAL, queue_info(pid, 65, SI_QUEUE));
    handle(SIGUSR1, 0, on_signal);
    count = 0;
    CHECK(queue_info(getpid(), SIGUSR1, SI_USER) == 0 && count == 1 && seen.si_code == SI_USER);
    CHECK(sigqueue(pid, SIGTERM, (union sigval){0}) == 0 && WTERMSIG(end_of_child(pid, 10)) == SIGTERM);
    FAILS(ESRCH, sigqueue(pid, 0, (union sigval){0}));
}

static void without_stack(void)
{
    register long a0 __asm__("a0") = getpid();
    register long a1 __asm__("a1") = SIGUSR1;
    register long a7 __asm__("a7") = SYS_kill;

    __asm__ volatile("li sp, 64\n ecall" : "+r"(a0) : "r"(a1), "r"(a7) : "memory");
    __builtin_unreachable();
}

static void return_from_nowhere(void)
{
    __asm__ volatile("li sp, 64\n li a7, 139\n ecall" ::: "memory");
    __builtin_unreachable();
}

/* A page that can be written right below one that cannot: the frame lies across both. */
static void across_stacks(void)
{
    char *pages = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    register long a0 __asm__("a0") = getpid();
    register long a1 __asm__("a1") = SIGUSR1;
    register long a7 __asm__("a7") = SYS_kill;
    char *sp = pages + 2 * 4096 + 512;

    if (pages == MAP_FAILED || mprotect(pages + 2 * 4096, 4096, PROT_READ) != 0)
        _exit(1);
    __asm__ volatile("mv sp, %3\n ecall" : "+r"(a0) : "r"(a1), "r"(a7), "r"(sp) : "memory");
    __builtin_unreachable();
}

static void check_segv(void (*work)(void))
{
    int status;
    const pid_t child = fork();

    if (child == 0) {
        handle(SIGUSR1, 0, on_signal);
        work();
    }
    CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

static char stacks[2][1 << 15]
    __attribute__((aligned(16))); /* nothing is to be stored to the first, below the second */

static void exit_well(int signal, siginfo_t *info, void *context)
{
    (void)info;
    (void)context;
    _exit(signal == SIGSEGV ? 0 : 1);
}

/* The handler has no stack; the fault that this is has one of its own. */
static void with_another(void)
{
    CHECK(sigaltstack(&(stack_t){.ss_sp = stacks[1], .ss_size = sizeof(stacks[1])}, NULL) == 0);
    handle(SIGSEGV, SA_ONSTACK, exit_well);
    without_stack();
}

static void run_down(int signal, siginfo_t *info, void *context)
{
    (void)info;
    (void)context;
    raise(signal);
}

/* An alternate stack ends where it ends: handlers upon handlers do not go on in what lies below. */
static void below_alternate(void)
{
    CHECK(sigaltstack(&(stack_t){.ss_sp = stacks[1], .ss_size = sizeof(stacks[1])}, NULL) == 0);
    handle(SIGUSR1, SA_ONSTACK | SA_NODEFER, run_down);
    raise(SIGUSR1);
}

static void note_fault(int signal, siginfo_t *info, void *context)
{
    (void)signal;
    (void)context;
    _exit(info->si_code);
}

static int code_of_store(volatile char *at)
{
    int status;
    const pid_t child = fork();

    if (child == 0) {
        handle(SIGSEGV, 0, note_fault);
        *at = 1;
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void test_faults(void)
{
    char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int status;
    const pid_t child = fork();

    if (child == 0)
        with_another();
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    check_segv(below_alternate);
    CHECK(page != MAP_FAILED && code_of_store(page) == SEGV_ACCERR);
    CHECK(munmap(page, 4096) == 0 && code_of_store(page) == SEGV_MAPERR);
}

/* ---- threads ---- */

static volatile pid_t taken_by;

static void note_thread(int signal, siginfo_t *info, void *context)
{
    (void)signal;
    (void)info;
    (void)context;
    taken_by = (pid_t)syscall(SYS_gettid);
}

static void *wait_for_note(void *argument)
{
    *(volatile pid_t *)argument = (pid_t)syscall(SYS_gettid);
    while (taken_by == 0)
        usleep(1000);
    return NULL;
}

static void test_thread(void)
{
    volatile pid_t tid = 0;
    pthread_t thread;

    handle(SIGUSR2, SA_RESTART, note_thread);
    CHECK(pthread_create(&thread, NULL, wait_for_note, (void *)&tid) == 0);
    while (tid == 0)
        usleep(1000);
    CHECK(pthread_kill(thread, SIGUSR2) == 0 && pthread_join(thread, NULL) == 0 && taken_by == tid);
}

/* ---- signals to the process, of which not every thread is the one ---- */

static void *take_waiting(void *argument)
{
    siginfo_t info;
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    CHECK(sigwaitinfo(&set, &info) == SIGUSR1 && info.si_pid == getpid());
    return argument;
}

static void *take_handling(void *argument)
{
    sigset_t none;

    sigemptyset(&none);
    CHECK(pthread_sigmask(SIG_SETMASK, &none, NULL) == 0);
    wait_for_note(argument);
    return argument;
}

/* The first thread has it blocked; another waits for it, or handles it. */
static void test_others(void)
{
    volatile pid_t tid = 0;
    pthread_t thread;
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    CHECK(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
    CHECK(pthread_create(&thread, NULL, take_waiting, NULL) == 0);
    usleep(5000);
    CHECK(kill(getpid(), SIGUSR1) == 0 && pthread_join(thread, NULL) == 0);

    taken_by = 0;
    handle(SIGUSR1, SA_RESTART, note_thread);
    CHECK(pthread_create(&thread, NULL, take_handling, (void *)&tid) == 0);
    while (tid == 0)
        usleep(1000);
    CHECK(kill(getpid(), SIGUSR1) == 0 && pthread_join(thread, NULL) == 0 && taken_by == tid);
    CHECK(pthread_sigmask(SIG_UNBLOCK, &set, NULL) == 0);
}

static void exit_by_signal(int signal, siginfo_t *info, void *context)
{
    (void)info;
    (void)context;
    _exit(signal);
}

static int ready[2]; /* a pipe */

static void *outlive(void *argument)
{
    CHECK(write(ready[1], "", 1) == 1);
    for (;;)
        pause();
    return argument;
}

static const char *own_name; /* /proc/self/exe is nothing any more when the first thread has ended */

static void *execute(void *argument)
{
    char end[12];

    snprintf(end, sizeof(end), "%d", ready[1]);
    execl(own_name, "signals", end, NULL);
    return argument;
}

/* The first thread has ended, or another one has begun a program: the signal comes all the same. */
static void lose_first_thread(void *(*begin)(void *))
{
    pthread_t thread;

    handle(SIGUSR1, 0, exit_by_signal);
    CHECK(pthread_create(&thread, NULL, begin, NULL) == 0);
    pthread_exit(NULL);
}

static void check_reached(void *(*begin)(void *))
{
    pid_t child;
    char byte;
    int status;

    CHECK(pipe(ready) == 0);
    child = fork();
    if (child == 0)
        lose_first_thread(begin);
    CHECK(close(ready[1]) == 0 && read(ready[0], &byte, 1) == 1 && close(ready[0]) == 0);
    usleep(5000); /* in which the first thread ends */
    CHECK(kill(child, SIGUSR1) == 0 && waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == SIGUSR1);
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        ready[1] = atoi(argv[1]);
        handle(SIGUSR1, 0, exit_by_signal);
        outlive(NULL);
    }
    own_name = argv[0];
    test_registers();
    test_changes();
    test_nesting();
    test_blocked();
    test_queue();
    test_discarded(SIGUSR2, SIG_IGN);
    test_discarded(SIGRTMIN, SIG_IGN);
    test_discarded(SIGURG, SIG_DFL);
    test_discarded(SIGCHLD, SIG_DFL);
    test_what_may_be_said();
    check_segv(without_stack);
    check_segv(return_from_nowhere);
    check_segv(across_stacks);
    test_faults();
    test_thread();
    test_others();
    check_reached(outlive);
    check_reached(execute);
    puts("signals: good");
    return 0;
}
