/* SPDX-License-Identifier: MIT */
/*
 * Mailboxes: see mailbox.c.
 *
 * INV-MAILBOX-1 a posted capability has an object that is no mailbox, and no children; it is not doomed when the lock is
 *               released.
 * INV-MAILBOX-2 its ticket is last_ticket or less, and its place among the slots is its ticket's remainder.
 */
#ifndef MAILBOX_H
#define MAILBOX_H

#include "capability.h"

struct mailbox {
    struct object object;
    uint64_t slots;
    uint64_t last_ticket;       /* given out; the slot after its own is the first that is tried */
    struct capability posted[]; /* as many as slots; the object of a free one is NULL */
};

enum wk_status mailbox_dismantle(struct object *object, struct operation *operation);

#endif
