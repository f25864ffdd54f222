/* SPDX-License-Identifier: MIT */
/*
 * The upcall frame: what the kernel and a process's upcall handler tell each other about a trap. It lies in the process's
 * own memory, in the page named by `thread: set_frames`: the call frame first, the fault frame WK_FRAME_BYTES later.
 *
 * The handler is entered at the process's upcall entry with the frame's address in t0 and every other register as the
 * trapped code left it. It returns by the `ecall` at the process's upcall return address, with t0 again the frame's
 * address and a7 below 4096. What the kernel then loads depends on `full`:
 *   full == 0 (foreign call): pc and t0 only; the handler has preserved or set all other registers itself.
 *   full == 1 (all else):     pc, x1 to x31, and the floating-point registers if `fp_valid` is 1.
 * Everything in the frame is the process's to change; the kernel takes from it user registers and nothing else.
 */
#ifndef WINKLE_FRAME_H
#define WINKLE_FRAME_H

#include <stdint.h>

struct wk_frame {
    uint64_t pc;                /* where the trapped code continues; for a foreign call, after its ecall */
    uint64_t t0;                /* the trapped code's t0 (only if full == 0) */
    uint64_t busy;              /* 1 while the handler runs on this frame */
    uint64_t full;              /* 1 if x[] holds the registers */
    uint64_t cause;             /* enum wk_upcall_cause */
    uint64_t detail;            /* the address, or 0 */
    uint64_t interrupt_masked;  /* call frame only, written by the process: 1 defers interrupts */
    uint64_t interrupt_pending; /* call frame only, written by the kernel: an interrupt is deferred */
    uint64_t x[32];             /* x1 to x31; x[0] is unused */
    uint64_t f[32];             /* f0 to f31, if fp_valid */
    uint64_t fcsr;
    uint64_t fp_valid;
};

_Static_assert(sizeof(struct wk_frame) == 592, "the frame is part of the ABI");

#endif
