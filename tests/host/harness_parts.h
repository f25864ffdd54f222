/* SPDX-License-Identifier: MIT */
/* What the parts of the harness know of each other. */
#ifndef HARNESS_PARTS_H
#define HARNESS_PARTS_H

#include "harness.h"

/* Lets the thread's hart choose again, with the thread the most urgent of all. */
void harness_urge(struct thread *thread);
/* The thread's registers, wherever they are. */
const uint64_t *harness_registers(const struct thread *thread);
/* The thread has begun that operation; when it is answered, the operation's interface file says that it may be so, else the
 * test fails. */
void answer_owe(const struct thread *thread, uint64_t number);
void answer_check_owed(const struct thread *thread, enum wk_status status, const uint64_t words[6]);

#endif
