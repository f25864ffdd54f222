/* SPDX-License-Identifier: MIT */
/* What the files of the checker call of each other. */
#ifndef CHECK_PARTS_H
#define CHECK_PARTS_H

#include "budget.h"
#include "capability.h"
#include "endpoint.h"
#include "event.h"
#include "operation.h"
#include "process.h"
#include "ring.h"
#include "thread.h"
#include "timer.h"

/* A member of a list is linked with its neighbours. */
void check_link(const struct list *link);
void check_node(const struct capability *node, const struct capability *parent);
void for_each_operation(void (*visit)(const struct operation *operation));

/* check_memory.c */
void check_process(const struct process *process);
void check_memory(const struct memory *memory);

/* check_threads.c */
void check_thread(const struct thread *thread);
void check_event(const struct event *event);
void check_binding(const struct event_binding *binding);
void check_timer(const struct timer *timer);
void check_deadline(const struct deadline *deadline);
void check_harts(void);
void check_event_counts(const struct object *object);

/* check_ring.c */
void check_ring(const struct ring *ring);
void check_worker(const struct thread *worker);

/* check_calls.c */
void check_endpoint(const struct endpoint *endpoint);
void check_session(const struct session *session);
void check_reply(const struct reply *reply);
void check_thread_calls(const struct thread *thread);
void check_budget(const struct budget *budget);

#endif
