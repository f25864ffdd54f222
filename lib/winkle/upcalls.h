/* SPDX-License-Identifier: MIT */
/*
 * The program's own handlers for its traps: foreign calls, faults, and interrupts from other threads. Handlers are C
 * functions that run on the trapped thread, on stacks of their own: one for foreign calls and interrupts, one for
 * faults, so that a handler may fault. A fault in a fault handler ends the process.
 */
#ifndef WINKLE_UPCALLS_H
#define WINKLE_UPCALLS_H

#include <winkle/frame.h>
#include <winkle/threads.h>

#include <stdbool.h>

/* A foreign call: the registers a0 to a7 as the caller set them, for the handler to read and change. The caller finds
 * all its other registers as they were. */
struct wk_foreign_call {
    uint64_t a[8];
};

struct wk_upcall_handlers {
    /* An `ecall` with a number below 4096 in a7. */
    void (*foreign_call)(struct wk_foreign_call *call);
    /* A fault; cause, address and all registers are in the frame. True: go on as the frame now says. False: it is not
     * answered, and the process ends by it as if there were no handler. */
    bool (*fault)(struct wk_frame *frame);
    /* Somebody invoked `thread: interrupt`. */
    void (*interrupt)(struct wk_frame *frame);
};

/* Registers the process's handlers; those left NULL are as if there were none. The struct must stay. Then as
 * wk_upcalls_attach. */
enum wk_status wk_upcalls_open(const struct wk_upcall_handlers *handlers);
/* Gives the calling thread the frames and stacks on which upcalls are delivered to it, unless it has them: five pages, on
 * demand. Errors: WK_NO_MEMORY, WK_TABLE_FULL. A thread without frames has no upcalls: what it does wrong ends the process. */
enum wk_status wk_upcalls_attach(void);
/* For memory that others may take back (borrowed.h): `answer` is asked about each fault before the program's own handler. The
 * calling thread gets frames if it has none, and the process handlers without any function if it has none. */
enum wk_status wk_upcalls_answer_missing_memory(bool (*answer)(const struct wk_frame *frame));
/* For wk_thread_join. */
void wk_upcalls_release(struct wk_thread *thread);

/* The calling thread's call frame (for its interrupt mask) and fault frame; wk_upcalls_attach came before. */
struct wk_frame *wk_upcalls_call_frame(void);
struct wk_frame *wk_upcalls_fault_frame(void);

/* Copies from memory that a peer may take back at any time, or to it. WK_REVOKED if a byte could not be reached: part
 * may have been copied. WK_NOT_AVAILABLE if the thread has no frames. Bound: linear. */
enum wk_status wk_copy_guarded(void *to, const void *from, size_t bytes);

#endif
