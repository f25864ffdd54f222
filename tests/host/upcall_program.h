/* SPDX-License-Identifier: MIT */
/*
 * For the tests of upcalls: a program with a handler and frames, what its thread does, and what stands in its frames.
 */
#ifndef UPCALL_PROGRAM_H
#define UPCALL_PROGRAM_H

#include "programs.h"

#define FRAMES UINT64_C(0x300000)
#define CALL_FRAME FRAMES
#define FAULT_FRAME (FRAMES + WK_FRAME_BYTES)
#define ENTRY UINT64_C(0x20000)
#define RETURN UINT64_C(0x20040)

enum { PC = 0, T0 = 5, A0 = 10, A7 = 17 };

extern wk_handle frames; /* the memory with the program's frames, as the first process names it */

/* `program` with handler and frames; acts as its thread. */
void make_upcall_program(void);
/* `program` with neither; acts as its thread. */
void make_bare_program(void);

/* What stands in the program's frames. */
#define FIELD(frame, field) ((frame) + offsetof(struct wk_frame, field))
#define CALL(field) user_word(FIELD(CALL_FRAME, field))
#define FAULT(field) user_word(FIELD(FAULT_FRAME, field))

/* Registers that nobody could mistake for another's. */
void set_registers(uint64_t pc, uint64_t salt);
void assert_registers(uint64_t pc, uint64_t salt);

/* The acting thread's code faults; its handler returns on that frame. */
void fault(enum wk_upcall_cause cause, uint64_t detail);
void return_from(uint64_t frame);

#endif
