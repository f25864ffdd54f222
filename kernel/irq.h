/* SPDX-License-Identifier: MIT */
/*
 * INV-IRQ-1 a line's object is the only one of that line, and stands in the table of lines from irq_claim on.
 * INV-IRQ-2 while `waiting`, the line is claimed at the controller, which keeps it silent.
 */
#ifndef IRQ_H
#define IRQ_H

#include "event.h"

struct bank;

#define IRQ_LINES_MAX 256 /* lines beyond are not available: no machine that Winkle runs on has them */

struct irq {
    struct object object;
    struct event_binding binding;
    unsigned line;
    bool waiting; /* claimed from the controller, not acknowledged yet */
};

/* Makes the object of a line, or says why not: WK_NOT_AVAILABLE, WK_NO_MEMORY. Takes one frame. */
enum wk_status irq_claim(struct bank *bank, uint64_t line, struct irq **irq);
/* Takes one interrupt that waits at this hart's controller; false if there was none. Requires: the lock. */
bool irq_deliver(void);

enum wk_status irq_dismantle(struct object *object, struct operation *operation);

#endif
