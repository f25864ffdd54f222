/* SPDX-License-Identifier: MIT */
/*
 * Calls, in registers: what a client, the kernel and a server tell each other beside the six words.
 *
 *                    call                     received                    answer            answered
 *   a0               session                  status, kind, capabilities  endpoint          status, capabilities
 *   a1 to a6         words                    words                       words             words
 *   a7               operation, see below     operation                   see below         0
 *   t0               deadline, if flagged     badge                       deadline, if fl.  0
 *
 * A word that is marked as a capability names one in the sender's table; the receiver finds there the handle of what it
 * got. It is lent, or given if that is marked too. What was lent with a call ends with the call.
 */
#ifndef WINKLE_MESSAGE_H
#define WINKLE_MESSAGE_H

#include <stdint.h>

/* In a7 of who sends: bits 0 to 15 are the operation; */
#define WK_MESSAGE_OPERATION UINT64_C(0xffff)
/* a hint: the kernel looks for a straight way, where it has one, before anything else; it means nothing; */
#define WK_MESSAGE_QUICK (UINT64_C(1) << 30)
/* the kernel is to answer by itself, else `wrong_type`; */
#define WK_MESSAGE_KERNEL_ONLY (UINT64_C(1) << 16)
/* t0 is the absolute time in ns at which waiting ends with `timed_out`; */
#define WK_MESSAGE_DEADLINE (UINT64_C(1) << 17)
/* that word, 0 to 5, is a capability, and it is given rather than lent; */
#define WK_MESSAGE_CAPABILITY(word) (UINT64_C(1) << (18 + (word)))
#define WK_MESSAGE_GIVE(word) (UINT64_C(1) << (24 + (word)))
#define WK_MESSAGE_CAPABILITIES(a7) ((a7) >> 18 & 0x3f)
#define WK_MESSAGE_GIVEN(a7) ((a7) >> 24 & 0x3f)
/* call: the types of capabilities that the answer may carry, a bit each by number; answer: the status. */
#define WK_MESSAGE_ACCEPT(types) ((uint64_t)(types) << 32)
#define WK_MESSAGE_STATUS(status) ((uint64_t)(status) << 32)
#define WK_MESSAGE_HIGH(a7) ((a7) >> 32 & 0xffff)

/* In a0 of who receives: the status, an enum wk_message_kind, and which words are capabilities. */
#define WK_RECEIVED(kind, capabilities) ((uint64_t)(kind) << 16 | (uint64_t)(capabilities) << 20)
#define WK_RECEIVED_STATUS(a0) ((a0)&0xffff)
#define WK_RECEIVED_KIND(a0) ((a0) >> 16 & 0xf)
#define WK_RECEIVED_CAPABILITIES(a0) ((a0) >> 20 & 0x3f)

#endif
