/* SPDX-License-Identifier: MIT */
/* What the parts of the harness know of each other. */
#ifndef HARNESS_PARTS_H
#define HARNESS_PARTS_H

#include "harness.h"

/* Lets the thread's hart choose again, with the thread the most urgent of all; nothing if nobody pays for it. */
void harness_urge(struct thread *thread);
/* Whose turn it has to be for the thread to run; NULL: nobody's, it is passive and nobody waits for it, or there is no
 * capacity and never will be. */
struct thread *harness_payer(struct thread *thread);
/* Lets time pass until the payer has capacity. */
void harness_wait_for_means(const struct thread *payer);
/* The thread's registers, wherever they are. */
const uint64_t *harness_registers(const struct thread *thread);
/* t0 of the next invocation, if it is not 0. */
extern uint64_t harness_deadline;
/* The thread has begun that operation; when it is answered, the operation's interface file says that it may be so, else the
 * test fails. */
void answer_owe(const struct thread *thread, uint64_t number);
void answer_check_owed(const struct thread *thread, enum wk_status status, const uint64_t words[6]);

#endif
