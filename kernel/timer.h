/* SPDX-License-Identifier: MIT */
#ifndef TIMER_H
#define TIMER_H

#include "deadline.h"
#include "event.h"

struct timer {
    struct object object;
    struct deadline deadline;
    struct event_binding binding;
    uint64_t period_ns; /* 0: once */
    bool is_signalled;  /* this expiry has signalled the event, and is still to be taken out of the deadlines */
};

enum wk_status timer_dismantle(struct object *object, struct operation *operation);

#endif
