/* SPDX-License-Identifier: MIT */
/* What the files of calls know of each other: endpoint.c, call.c, answer.c. Nobody else includes this. */
#ifndef ENDPOINT_PARTS_H
#define ENDPOINT_PARTS_H

#include "endpoint.h"
#include "invoke.h"

/* Answers a call that is being served. */
void endpoint_answer_caller(struct thread *caller, uint64_t operation, const uint64_t words[6]);
/* The thread goes on without a call. */
void endpoint_serve_no_more(struct thread *thread);
/* Whether the thread may call. */
enum wk_status endpoint_check_call(struct endpoint *endpoint, const struct thread *thread);
/* The thread, whose message stands where its kind of call has it, calls. Requires: endpoint_check_call. */
void endpoint_make_call(struct endpoint *endpoint, struct session *session, struct thread *thread);
/* The thread's call waits for a receiver. */
void endpoint_queue_call(struct thread *thread, struct endpoint *endpoint, struct session *session);
/* The call, in no queue, goes to the receiver, which waits: at once, or when what it carries has been brought. */
void endpoint_begin_call(struct endpoint *endpoint, struct thread *caller, struct thread *receiver);
/* The receiver takes a call, whose caller is in no queue. */
void endpoint_hand_over(struct thread *caller, struct thread *receiver);
/* Gives a receiver a message, and has it go on. */
void endpoint_deliver(struct thread *thread, enum wk_message_kind kind, uint64_t operation, uint64_t badge,
                      const uint64_t words[6]);
/* Nobody brings the receiver anything any more. */
void endpoint_forget_partner(struct thread *receiver);
/* Gives a receiver what there is for it. */
void endpoint_give_next(struct endpoint *endpoint, struct thread *receiver);
/* Whether the thread may receive from the endpoint. */
enum wk_status endpoint_check_receive(const struct thread *thread, const struct endpoint *endpoint);
/* The thread receives from now on by the capability, which has that handle. Requires: endpoint_check_receive. */
enum wk_status endpoint_begin_receive(struct thread *thread, const struct capability *capability, uint64_t handle,
                                      uint64_t deadline_ns);

#endif
