/* SPDX-License-Identifier: MIT */
/*
 * Mailboxes: slots in which capabilities stand between two tables. Owns struct mailbox. Guarded by the kernel lock.
 * Invariants: see mailbox.h.
 *
 * A posted capability is a node of the derivation forest like any other: it is taken back with what it was lent from, and
 * if it is owned it keeps its object. No handle names it, so nobody maps through it, waits by it or lends it on: it is a leaf,
 * and to free it takes one step.
 */
#include "mailbox.h"

#include "assert.h"
#include "bank.h"
#include "handlers.h"
#include "invoke.h"
#include "operation.h"
#include "process.h"

static inline size_t mailbox_bytes(uint64_t slots)
{
    return offsetof(struct mailbox, posted) + slots * sizeof(struct capability);
}

_Static_assert(offsetof(struct mailbox, posted) + WK_MAILBOX_SLOTS_MAX * sizeof(struct capability) <=
                   BANK_RECORD_BYTES_MAX,
               "a mailbox is one record");

enum wk_status mailbox_create(struct invocation *invocation, struct bank *bank, const struct wk_mailbox_create_in *in,
                              struct wk_mailbox_create_out *out)
{
    enum wk_status status = capability_reserve(&invocation->process->table, invocation->process);
    struct mailbox *mailbox;

    if (status != WK_OK)
        return status;
    mailbox = object_create(WK_TYPE_MAILBOX, mailbox_bytes(in->slots), bank);
    if (mailbox == NULL)
        return WK_NO_MEMORY;

    op_commit();
    mailbox->slots = in->slots;
    out->mailbox = capability_handle(capability_make(invocation->process, &mailbox->object, WK_RIGHTS_ALL, NULL));
    return WK_OK;
}

static inline struct capability *slot_of_ticket(struct mailbox *mailbox, uint64_t ticket)
{
    return &mailbox->posted[ticket % mailbox->slots];
}

/* The slot of the first ticket after the last one that is free, or NULL. Bound: WK_MAILBOX_SLOTS_MAX looks. */
static inline struct capability *free_slot(struct mailbox *mailbox, uint64_t *ticket)
{
    const uint64_t first = mailbox->last_ticket + 1;
    struct capability *slot = slot_of_ticket(mailbox, first);

    for (uint64_t i = 0; i < mailbox->slots; i++) {
        *ticket = first + i;
        if (slot->object == NULL)
            return slot;
        slot = slot + 1 == mailbox->posted + mailbox->slots ? mailbox->posted : slot + 1;
    }
    return NULL;
}

/* What the posted capability will be a child of, if it is not given; NULL: it will be owned. */
static inline struct capability *parent_of_posted(struct capability *capability, enum wk_transfer transfer)
{
    return transfer == WK_TRANSFER_DUP && capability->parent == NULL ? NULL : capability;
}

/* Whether it may be posted in that way, wherever. */
static enum wk_status check_transfer(struct capability *capability, enum wk_transfer transfer)
{
    struct capability *parent;

    if (capability->type == WK_TYPE_MAILBOX)
        return WK_NOT_ACCEPTED;
    if (transfer == WK_TRANSFER_GIVE) {
        if (!list_is_empty(&capability->children))
            return WK_IS_LENT;
        return capability_is_waited_by(capability) ? WK_BUSY : WK_OK;
    }
    parent = parent_of_posted(capability, transfer);
    return parent == NULL ? WK_OK : capability_check_derive(parent);
}

/* Fills a free slot: what is given moves there, and else a new one is made. */
static inline void fill(struct invocation *invocation, struct capability *slot, struct capability *capability,
                        const struct wk_mailbox_post_in *in)
{
    struct capability *parent = parent_of_posted(capability, (enum wk_transfer)in->transfer);
    const uint32_t narrowed = capability->word & (CAPABILITY_INHERITED | (uint32_t)in->rights) & ~CAPABILITY_IN_TABLE;

    slot->generation = 1; /* as no mapping has */
    slot->word = narrowed;
    if (in->transfer == WK_TRANSFER_GIVE) {
        capability_move(capability, slot);
        capability_clear(&invocation->process->table, capability, in->capability);
        return;
    }
    if (parent != NULL)
        slot->depth++;
    slot->object = capability->object;
    slot->object->capabilities++;
    capability_link(slot, parent);
}

enum wk_status mailbox_post(struct invocation *invocation, struct mailbox *mailbox, struct capability *capability,
                            const struct wk_mailbox_post_in *in, struct wk_mailbox_post_out *out)
{
    const enum wk_status status = check_transfer(capability, (enum wk_transfer)in->transfer);
    uint64_t ticket;
    struct capability *slot = free_slot(mailbox, &ticket);

    if (status != WK_OK)
        return status;
    if (slot == NULL)
        return WK_WOULD_BLOCK;

    op_commit();
    mailbox->last_ticket = ticket;
    fill(invocation, slot, capability, in);
    slot->badge = ticket;
    out->ticket = ticket;
    return WK_OK;
}

/* Moves what was posted into the invoker's table, if it is of those types. */
static enum wk_status take(struct invocation *invocation, struct mailbox *mailbox, uint64_t ticket, uint64_t types,
                           uint64_t *handle)
{
    struct process *process = invocation->process;
    struct capability *posted = slot_of_ticket(mailbox, ticket);
    enum wk_status status;

    if (posted->object == NULL || posted->badge != ticket)
        return WK_WOULD_BLOCK;
    if (!(types >> posted->type & 1))
        return WK_NOT_ACCEPTED;
    status = capability_reserve(&process->table, process);
    if (status != WK_OK)
        return status;

    op_commit();
    *handle = capability_handle(capability_make_of_posted(&process->table, posted));
    return WK_OK;
}

enum wk_status mailbox_take(struct invocation *invocation, struct mailbox *mailbox, const struct wk_mailbox_take_in *in,
                            struct wk_mailbox_take_out *out)
{
    return take(invocation, mailbox, in->ticket, in->types, &out->capability);
}

enum wk_status mailbox_withdraw(struct invocation *invocation, struct mailbox *mailbox,
                                const struct wk_mailbox_withdraw_in *in, struct wk_mailbox_withdraw_out *out)
{
    return take(invocation, mailbox, in->ticket, UINT64_MAX, &out->capability);
}

/* Frees what is posted, one a step: its object may end with it. */
enum wk_status mailbox_dismantle(struct object *object, struct operation *operation)
{
    struct mailbox *mailbox = container_of(object, struct mailbox, object);

    for (; object->cursor < mailbox->slots; object->cursor++) {
        struct capability *posted = &mailbox->posted[object->cursor];

        if (posted->object != NULL) {
            capability_free(posted, operation);
            return WK_CONTINUE;
        }
    }
    return WK_OK;
}
