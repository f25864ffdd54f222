/* SPDX-License-Identifier: MIT */
/* Threads of the program: each with a stack on demand, its ends guarded by unmapped pages. */
#ifndef WINKLE_THREADS_H
#define WINKLE_THREADS_H

#include <winkle/abi.h>

struct wk_upcall_area;

struct wk_thread {
    wk_handle handle; /* to the thread, with all rights */
    wk_handle ended;  /* event: bit 0 when the function has returned */
    wk_handle stack;  /* memory */
    void *stack_address;
    uint64_t stack_pages;
    void (*function)(void *argument);
    void *argument;
    struct wk_upcall_area *upcalls; /* where its upcalls are delivered, or NULL; see upcalls.h */
};

/* Runs `function` in a new thread of this process. The struct is the caller's, and stays until wk_thread_join.
 * It runs on `budget` if that is not 0, else on wk_budget_in_turn() (harts.h); `priority` is at most that one's. Errors: WK_NO_MEMORY, WK_TABLE_FULL, WK_NO_RIGHT; then nothing is
 * left. */
enum wk_status wk_thread_run_on(wk_handle budget, struct wk_thread *thread, void (*function)(void *), void *argument,
                                uint64_t stack_pages, uint64_t priority);
static inline enum wk_status wk_thread_run(struct wk_thread *thread, void (*function)(void *), void *argument,
                                           uint64_t stack_pages, uint64_t priority)
{
    return wk_thread_run_on(0, thread, function, argument, stack_pages, priority);
}
/* Waits for the function's end (or `deadline_ns`, absolute: WK_TIMED_OUT, and the thread goes on), then gives back all
 * that wk_thread_run took. */
enum wk_status wk_thread_join(struct wk_thread *thread, uint64_t deadline_ns);
/* Ends a thread wherever it is, and gives back all that wk_thread_run took. What it was doing stays half done. */
void wk_thread_abandon(struct wk_thread *thread);
/* Ends the calling thread, which wk_thread_run made. */
__attribute__((noreturn)) void wk_thread_finish(void);

/* The calling thread. */
static inline struct wk_thread *wk_thread_self(void)
{
    struct wk_thread *self;

    __asm__("mv %0, tp" : "=r"(self));
    return self;
}

/* For start-up code. */
static inline void wk_thread_set_self(struct wk_thread *thread)
{
    __asm__ volatile("mv tp, %0" : : "r"(thread));
}

#endif
