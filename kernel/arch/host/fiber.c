/* SPDX-License-Identifier: MIT */
/*
 * Stacks for the harts of the simulated machine: each hart is a coroutine that yields to the test. The switch is a few
 * instructions of x86-64; ucontext would enter the real kernel each time, and confuse the address sanitizer.
 */
#include "host.h"

#include <stdlib.h>
#include <sys/mman.h>

#define FIBER_STACK_BYTES (512 * 1024)

#if defined(__SANITIZE_ADDRESS__)
#define FIBER_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FIBER_SANITIZED 1
#endif
#endif

#ifdef FIBER_SANITIZED
#include <sanitizer/common_interface_defs.h>
#define start_switch __sanitizer_start_switch_fiber
#define finish_switch __sanitizer_finish_switch_fiber
#else
static void start_switch(void **saved, const void *bottom, size_t bytes)
{
    (void)saved;
    (void)bottom;
    (void)bytes;
}

static void finish_switch(void *saved, const void **bottom, size_t *bytes)
{
    (void)saved;
    (void)bottom;
    (void)bytes;
}
#endif

struct host_fiber {
    void *stack_pointer; /* while it does not run */
    void (*run)(void);
    char *stack;
    void *sanitizer_stack; /* what the address sanitizer keeps of a fiber that does not run */
};

static struct host_fiber *running;
static void *outside_pointer;
static const void *outside_stack;
static size_t outside_stack_bytes;

/* Saves the callee-saved registers and the stack pointer at *save, and continues where `load` was saved. */
void host_fiber_switch(void **save, void *load);
__asm__(".text\n"
        ".globl host_fiber_switch\n"
        ".type host_fiber_switch, @function\n"
        "host_fiber_switch:\n"
        "    pushq %rbp\n"
        "    pushq %rbx\n"
        "    pushq %r12\n"
        "    pushq %r13\n"
        "    pushq %r14\n"
        "    pushq %r15\n"
        "    movq %rsp, (%rdi)\n"
        "    movq %rsi, %rsp\n"
        "    popq %r15\n"
        "    popq %r14\n"
        "    popq %r13\n"
        "    popq %r12\n"
        "    popq %rbx\n"
        "    popq %rbp\n"
        "    ret\n"
        ".size host_fiber_switch, . - host_fiber_switch\n");

static void fiber_begin(void)
{
    finish_switch(NULL, &outside_stack, &outside_stack_bytes);
    running->run();
    abort();
}

struct host_fiber *host_fiber_make(void (*run)(void))
{
    struct host_fiber *fiber = calloc(1, sizeof(*fiber));
    char *area = mmap(NULL, FIBER_STACK_BYTES + 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    void **top;

    /* The lowest page stays inaccessible: a guard. */
    if (fiber == NULL || area == MAP_FAILED || mprotect(area + 4096, FIBER_STACK_BYTES, PROT_READ | PROT_WRITE) != 0)
        abort();
    fiber->run = run;
    fiber->stack = area + 4096;
    /* What the first switch pops: six registers and where to begin, at the alignment that a call would leave. */
    top = (void **)(void *)(fiber->stack + FIBER_STACK_BYTES) - 1;
    *--top = (void *)(uintptr_t)fiber_begin;
    fiber->stack_pointer = top - 6;
    return fiber;
}

void host_fiber_resume(struct host_fiber *fiber)
{
    void *saved = NULL;

    running = fiber;
    start_switch(&saved, fiber->stack, FIBER_STACK_BYTES);
    host_fiber_switch(&outside_pointer, fiber->stack_pointer);
    finish_switch(saved, NULL, NULL);
    running = NULL;
}

void host_fiber_yield(void)
{
    struct host_fiber *fiber = running;

    start_switch(&fiber->sanitizer_stack, outside_stack, outside_stack_bytes);
    host_fiber_switch(&fiber->stack_pointer, outside_pointer);
    finish_switch(fiber->sanitizer_stack, &outside_stack, &outside_stack_bytes);
}

bool host_fiber_runs(void)
{
    return running != NULL;
}
