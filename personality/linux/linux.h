/* SPDX-License-Identifier: MIT */
/*
 * The process and its threads as the personality sees them. Calls that touch what threads share hold `linux_lock`; none waits
 * with it.
 */
#ifndef LINUX_LINUX_H
#define LINUX_LINUX_H

#include <winkle/abi.h>
#include <winkle/lock.h>
#include <winkle/posix_page.h>
#include <winkle/start.h>

#include <asm/errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "entry.h"
#include "layout.h"

#define PAGE_MASK ((uint64_t)WK_PAGE_BYTES - 1)
#define NAME_BYTES 16

/* What a call answers in place of an error number while a signal is to be handled first; linux_leave makes of it the call anew,
 * if no handler ran or its action says so, or EINTR; the second is EINTR whatever the action says. Never seen by a program. */
#define RESTART 512
#define RESTART_IF_UNHANDLED 514

/* Why linux_leave is to look. */
enum attention {
    ATTENTION_SIGNAL = 1,  /* a signal may be pending that is not blocked */
    ATTENTION_RETURN = 2,  /* the call was a return from a signal's handler */
    ATTENTION_CLONE = 8,   /* the call was a clone, which needs all registers: thread.clone */
    ATTENTION_PROGRAM = 4, /* a program begins: at linux_process.entry, on linux_process.stack */
};

/* By which number a service knows the thread's event, and the session that keeps it so; see waiters.h. */
struct waiter {
    wk_handle session;
    uint64_t number;
};

/* What clone was asked for, for a thread. */
struct clone_request {
    uint64_t flags, stack, parent_tid, tls, child_tid;
};

/* How a thread waits for news of children, process_calls.c. */
enum child_wait { CHILD_WAIT_NONE, CHILD_WAIT_LISTENS, CHILD_WAIT_FOLLOWS };

struct thread {
    struct entry_frame *frame; /* the call frame, where the kernel delivers calls */
    uint64_t attention;        /* not 0: linux_leave is to look, before the program goes on */
    struct thread *next;       /* of all threads of the process */
    wk_handle handle;
    wk_handle frames;         /* memory: the page with both frames */
    wk_handle event;          /* where it waits for whatever it waits */
    struct waiter waiters[4]; /* by enum waiter_kind */
    wk_handle told_of;        /* an empty pipe's end: its event will be signalled when there is something; 0 */
    uint64_t stack;           /* its stacks in the arena, THREAD_STACK_BYTES each for calls and for faults */
    uint64_t blocked;         /* signals, signal 1 as bit 0 */
    uint64_t pending;         /* those that the personality itself has for it */
    uint64_t awaited;         /* those that it waits for, blocked or not */
    uint64_t saved_mask;      /* of rt_sigsuspend and ppoll, back after the handler */
    uint64_t alternate, alternate_bytes; /* stack for signals */
    uint64_t clear_at_end;               /* set_tid_address */
    uint64_t robust_list;
    struct clone_request clone;
    int32_t tid;
    enum child_wait child_wait;
    bool has_saved_mask;
    bool moves_own_bytes; /* what it writes is the personality's, not the program's */
};

struct process {
    struct thread *threads;
    struct thread *told;              /* whom the process service interrupts when a signal comes */
    wk_handle posix;                  /* the process service's session for it */
    const struct wk_posix_page *page; /* what that service tells it */
    wk_handle page_memory;
    wk_handle children; /* event: bit 0, a child's state has changed */
    uint32_t user, effective_user, saved_user, group, effective_group, saved_group;
    uint32_t umask;
    uint64_t priority;                   /* of its threads */
    bool is_watched;                     /* --strace: what is not served is told on the console */
    bool is_first;                       /* it has no parent here: when it ends, so may the machine */
    bool has_notice;                     /* it shares memory: it is told of SIGKILL, and ends itself */
    bool has_terminal;                   /* the terminal is the controlling one of its session */
    uint64_t alarm_at, alarm_interval;   /* as setitimer was last told */
    uint64_t arguments, arguments_bytes; /* of the program, on its stack */
    uint64_t entry, stack;               /* of a program that begins */
    uint64_t vdso;                       /* where it has the vDSO's ELF header; 0 */
    char name[NAME_BYTES];
};

extern struct process linux_process;
extern struct wk_lock linux_lock;

static inline struct thread *current(void)
{
    struct thread *thread;

    __asm__("mv %0, tp" : "=r"(thread));
    return thread;
}

/* The error number for a status that a service or the kernel answered, negative; 0 for WK_OK. */
int64_t error_of(enum wk_status status);

/* Bytes of the program's memory: 0, or -EFAULT if one cannot be reached; part may have been copied. */
int64_t copy_in(void *to, uint64_t from, size_t bytes);
int64_t copy_out(uint64_t to, const void *from, size_t bytes);
/* A struct timespec as nanoseconds: 0, -EFAULT, or -EINVAL if it is none. */
int64_t copy_time_in(uint64_t address, uint64_t *ns);
/* When, by the system's clock, it is that time of day; 0 if that has been before. */
uint64_t clock_of_day(uint64_t ns);
/* Makes an aligned word of the program's memory another in one go, if it is as expected; *was is what it was. 0 or -EFAULT. */
int64_t swap_word(uint64_t address, uint32_t expected, uint32_t desired, uint32_t *was);
/* A string with its zero byte: its length, -EFAULT, or -ENAMETOOLONG if it does not fit. */
int64_t copy_text_in(char *to, uint64_t from, size_t bytes);

/* A line for whoever watches the machine's console. */
#define linux_log wk_print

/* Ends the process at once, with what the personality has found wrong with itself. */
__attribute__((noreturn)) void linux_die(const char *what, enum wk_status status);

#endif
