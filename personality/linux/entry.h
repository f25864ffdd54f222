/* SPDX-License-Identifier: MIT */
/* What entry.S and C agree on: the thread, what is kept behind its frames, and what fork keeps. */
#ifndef LINUX_ENTRY_H
#define LINUX_ENTRY_H

#define LINUX_TABLE_COUNT 512

#define FRAME_PC 0
#define FRAME_FULL 24
#define FRAME_X 64
#define FRAME_F 320
#define FRAME_FCSR 576
#define FRAME_FP_VALID 584

/* struct context, behind a struct wk_frame */
#define CONTEXT 592
#define CONTEXT_STACK_TOP (CONTEXT + 0)
#define CONTEXT_THREAD (CONTEXT + 8)
#define CONTEXT_A (CONTEXT + 16)
#define CONTEXT_RA (CONTEXT + 80)
#define CONTEXT_SP (CONTEXT + 88)
#define CONTEXT_GP (CONTEXT + 96)
#define CONTEXT_TP (CONTEXT + 104)
#define CONTEXT_T1 (CONTEXT + 112)

#define THREAD_FRAME 0
#define THREAD_ATTENTION 8

#define CAPTURE_X 0
#define CAPTURE_F 256
#define CAPTURE_FCSR 512

/* struct sigcontext of Linux: pc in place of x0, then the other registers; the header of extensions, of which there are none. */
#define SIGCONTEXT_F 256
#define SIGCONTEXT_FCSR 512
#define SIGCONTEXT_EXTENSIONS 772

#ifndef __ASSEMBLER__

#include <winkle/frame.h>

#include <stddef.h>

struct thread;

struct context {
    uint64_t stack_top;
    struct thread *thread;
    uint64_t a[8]; /* of a call: its arguments and number */
    uint64_t ra, sp, gp, tp;
    uint64_t t1_to_t6[6];
};

/* A frame of a thread and what is kept with it. The call frame comes first in a page, the fault frame in its middle. */
struct entry_frame {
    struct wk_frame frame;
    struct context context;
};
_Static_assert(offsetof(struct wk_frame, pc) == FRAME_PC && offsetof(struct wk_frame, full) == FRAME_FULL &&
                   offsetof(struct wk_frame, x) == FRAME_X && offsetof(struct wk_frame, f) == FRAME_F &&
                   offsetof(struct wk_frame, fcsr) == FRAME_FCSR &&
                   offsetof(struct wk_frame, fp_valid) == FRAME_FP_VALID && sizeof(struct wk_frame) == CONTEXT,
               "FRAME_... and CONTEXT");
_Static_assert(offsetof(struct entry_frame, context.stack_top) == CONTEXT_STACK_TOP &&
                   offsetof(struct entry_frame, context.thread) == CONTEXT_THREAD &&
                   offsetof(struct entry_frame, context.a) == CONTEXT_A &&
                   offsetof(struct entry_frame, context.ra) == CONTEXT_RA &&
                   offsetof(struct entry_frame, context.tp) == CONTEXT_TP &&
                   offsetof(struct entry_frame, context.t1_to_t6) == CONTEXT_T1,
               "CONTEXT_...");

struct capture {
    uint64_t x[32], f[32], fcsr;
};
_Static_assert(offsetof(struct capture, x) == CAPTURE_X && offsetof(struct capture, f) == CAPTURE_F &&
                   offsetof(struct capture, fcsr) == CAPTURE_FCSR,
               "CAPTURE_...");

/* entry.S */
extern const char linux_entry[], linux_return[], linux_resume[], linux_signal_return[];
__attribute__((noreturn)) void linux_leave_by_frame(void);
/* Answers 0; and what it was given as second argument where a copy of the process begins at linux_resume. */
__attribute__((returns_twice)) uint64_t linux_capture(struct capture *capture);

extern const char linux_guarded_begin[], linux_guarded_end[], linux_guarded_failed[];
uint64_t linux_push_registers(uint64_t context, const struct wk_frame *frame);
uint64_t linux_pop_registers(uint64_t context, struct wk_frame *frame);
/* The program's, which are where they were when it was left, into the frame. */
void linux_save_floats(struct wk_frame *frame);

/* Called by entry.S. */
typedef int64_t (*linux_handler)(const uint64_t a[static 8]);
extern const linux_handler *linux_table; /* LINUX_TABLE_COUNT and one for what has no number there */
void linux_leave(struct entry_frame *frame);
void linux_deliver(struct entry_frame *frame);

#endif
#endif
