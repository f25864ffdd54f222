/* SPDX-License-Identifier: MIT */
#include "forest.h"

#include "capability.h"
#include "check.h"
#include "mailbox.h"
#include "process.h"
#include "thread.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NODES_MAX 4096

struct node {
    uint64_t place;  /* identity of the process in whose table, or of the mailbox in which, it stands */
    uint64_t handle; /* or ticket */
    uint64_t object; /* identity */
    uint64_t parent_place;
    uint64_t parent; /* handle there; 0: owned */
    uint16_t rights;
    bool is_expected; /* in the model after the invocation */
};

struct forest {
    struct node nodes[NODES_MAX];
    unsigned count;
};

static struct forest before;
static struct forest after;
static bool expects;

static struct {
    uint64_t process;
    uint64_t operation;
    uint64_t handle;
    uint64_t words[6];
} invocation;

static void add_node(struct forest *forest, uint64_t place, uint64_t handle, const struct capability *slot)
{
    struct node *node;

    if (forest->count == NODES_MAX)
        abort();
    node = &forest->nodes[forest->count++];
    *node = (struct node){.place = place,
                          .handle = handle,
                          .object = slot->object->identity,
                          .rights = slot->rights,
                          .is_expected = true};
    if (slot->parent != NULL) {
        node->parent_place = capability_process(slot->parent)->object.identity;
        node->parent = capability_handle(slot->parent);
    }
}

static void add_table(struct forest *forest, const struct process *process)
{
    for (uint32_t index = 0; index < process->table.made; index++) {
        const struct capability *slot = capability_slot(&process->table, index);

        if (slot->object != NULL)
            add_node(forest, process->object.identity, capability_handle(slot), slot);
    }
}

static void add_mailbox(struct forest *forest, const struct mailbox *mailbox)
{
    for (uint64_t i = 0; i < mailbox->slots; i++)
        if (mailbox->posted[i].object != NULL)
            add_node(forest, mailbox->object.identity, mailbox->posted[i].badge, &mailbox->posted[i]);
}

static void take(struct forest *forest)
{
    forest->count = 0;
    for (const struct list *link = object_all.next; link != &object_all; link = link->next) {
        const struct object *object = container_of(link, struct object, all_link);

        if (object->type == WK_TYPE_PROCESS)
            add_table(forest, container_of(object, struct process, object));
        if (object->type == WK_TYPE_MAILBOX)
            add_mailbox(forest, container_of(object, struct mailbox, object));
    }
}

static struct node *find(struct forest *forest, uint64_t place, uint64_t handle)
{
    for (unsigned i = 0; i < forest->count; i++)
        if (forest->nodes[i].place == place && forest->nodes[i].handle == handle)
            return &forest->nodes[i];
    return NULL;
}

/* What is lent with calls goes with them, whoever ends them, at times that the model does not know. */
static bool is_anything_lent_with_a_call(void)
{
    for (const struct list *link = object_all.next; link != &object_all; link = link->next) {
        const struct object *object = container_of(link, struct object, all_link);

        if (object->type == WK_TYPE_THREAD && container_of(object, struct thread, object)->loan_count != 0)
            return true;
    }
    return false;
}

/* What is linked to a ring's entry that is pending is executed when that ends, whoever ends it; and an awake poller takes
 * entries when it runs. */
static bool may_rings_go_on(void)
{
    for (const struct list *link = object_all.next; link != &object_all; link = link->next) {
        const struct object *object = container_of(link, struct object, all_link);
        const struct thread *thread = container_of(object, struct thread, object);

        if (object->type == WK_TYPE_THREAD && thread->is_worker && thread->process != NULL && thread->work.is_pending &&
            !list_is_empty(&thread->work.link))
            return true;
    }
    return false;
}

void forest_expect(const struct process *process, uint64_t operation, uint64_t handle, const uint64_t words[6])
{
    expects = !check_operation_under_way() && !is_anything_lent_with_a_call() && !may_rings_go_on() &&
              operation != WK_RING_ENTER;
    if (!expects)
        return;
    take(&before);
    invocation.process = process->object.identity;
    invocation.operation = operation;
    invocation.handle = handle;
    memcpy(invocation.words, words, sizeof(invocation.words));
}

/* ---- what the invocation does ---- */

static void expect_gone(struct node *node)
{
    node->is_expected = false;
    for (unsigned i = 0; i < before.count; i++)
        if (before.nodes[i].is_expected && before.nodes[i].parent == node->handle &&
            before.nodes[i].parent_place == node->place)
            expect_gone(&before.nodes[i]);
}

static void expect_revoked(const struct node *node)
{
    for (unsigned i = 0; i < before.count; i++)
        if (before.nodes[i].parent == node->handle && before.nodes[i].parent_place == node->place)
            expect_gone(&before.nodes[i]);
}

static void expect_new(uint64_t place, uint64_t handle, const struct node *from, uint64_t rights, bool is_child)
{
    struct node *node = &before.nodes[before.count++];

    *node = (struct node){.place = place,
                          .handle = handle,
                          .object = from->object,
                          .rights = (uint16_t)(from->rights & rights),
                          .is_expected = true};
    if (is_child) {
        node->parent_place = from->place;
        node->parent = from->handle;
    }
}

static void expect_moved(uint64_t place, uint64_t handle, struct node *node, uint64_t rights)
{
    node->is_expected = false;
    expect_new(place, handle, node, rights, false);
    before.nodes[before.count - 1].parent = node->parent;
    before.nodes[before.count - 1].parent_place = node->parent_place;
}

/* By process.grant, or mailbox.post, whose words are the same. */
static void expect_grant(uint64_t target, uint64_t handle, struct node *granted)
{
    const struct node from = *granted;

    switch ((enum wk_transfer)invocation.words[1]) {
    case WK_TRANSFER_GIVE:
        expect_moved(target, handle, granted, invocation.words[2]);
        break;
    case WK_TRANSFER_LEND:
        expect_new(target, handle, &from, invocation.words[2], true);
        break;
    case WK_TRANSFER_DUP:
        expect_new(target, handle, &from, invocation.words[2], from.parent != 0);
        break;
    }
}

/* Applies the invocation to the model. False: it may end objects, and the model does not know with whose capabilities. */
static bool apply(enum wk_status status, uint64_t result)
{
    struct node *invoked = find(&before, invocation.process, invocation.handle);
    struct node *argument;

    switch (invocation.operation) {
    case WK_CAPABILITY_DUP:
        if (status == WK_OK)
            expect_new(invocation.process, result, invoked, invocation.words[0], invoked->parent != 0);
        return true;
    case WK_CAPABILITY_LEND:
        if (status == WK_OK)
            expect_new(invocation.process, result, invoked, invocation.words[0], true);
        return true;
    case WK_CAPABILITY_REVOKE:
        if (status == WK_OK)
            expect_revoked(invoked);
        return true;
    case WK_CAPABILITY_DELETE:
        if (status != WK_REVOKED && status != WK_BAD_HANDLE)
            expect_gone(invoked); /* without an answer if it was the invoker's own end */
        return status == WK_REVOKED || status == WK_BAD_HANDLE;
    case WK_MAILBOX_TAKE:
    case WK_MAILBOX_WITHDRAW:
        if (status == WK_OK)
            expect_moved(invocation.process, result, find(&before, invoked->object, invocation.words[0]),
                         WK_RIGHTS_ALL);
        return true;
    case WK_MAILBOX_POST:
    case WK_PROCESS_GRANT:
        argument = find(&before, invocation.process, invocation.words[0]);
        if (status == WK_OK)
            expect_grant(invoked->object, result, argument);
        return true;
    default:
        return false;
    }
}

static bool is_same(const struct node *one, const struct node *other)
{
    return one->object == other->object && one->rights == other->rights && one->parent == other->parent &&
           one->parent_place == other->parent_place;
}

static void fail_at(const char *what, const struct node *node)
{
    fprintf(stderr, "capability %#lx in object %lu (to object %lu): %s\n", (unsigned long)node->handle,
            (unsigned long)node->place, (unsigned long)node->object, what);
    CHECK("the model of capabilities", false);
}

/* Which operations may make capabilities, and which may take capabilities away with the objects that end. */
static bool may_make(uint64_t operation)
{
    static const uint64_t makers[] = {WK_BANK_SPLIT,           WK_EVENT_CREATE,        WK_MEMORY_CREATE,
                                      WK_MEMORY_CLONE,         WK_PROCESS_CREATE,      WK_THREAD_CREATE,
                                      WK_MACHINE_CLAIM_REGION, WK_MACHINE_CLAIM_IRQ,   WK_TIMER_CREATE,
                                      WK_PROCESS_CLONE_TABLE,  WK_BUDGET_SPLIT,        WK_ENDPOINT_CREATE,
                                      WK_ENDPOINT_MINT,        WK_ENDPOINT_REPLY_SAVE, WK_PROCESS_FAULTING_THREAD,
                                      WK_RING_CREATE,          WK_MAILBOX_CREATE,      WK_BANK_SPLIT_WITH_PAYER};

    for (unsigned i = 0; i < sizeof(makers) / sizeof(*makers); i++)
        if (operation == makers[i])
            return true;
    return false;
}

static bool may_end(uint64_t operation)
{
    return operation == WK_BANK_DESTROY || operation == WK_CAPABILITY_DELETE || operation == WK_PROCESS_KILL ||
           operation == WK_BUDGET_DESTROY;
}

void forest_compare(enum wk_status status, uint64_t result)
{
    bool exact;

    if (!expects || check_operation_under_way())
        return;
    exact = apply(status, result);
    take(&after);
    for (unsigned i = 0; i < after.count; i++) {
        const struct node *expected = find(&before, after.nodes[i].place, after.nodes[i].handle);

        if (expected == NULL && may_make(invocation.operation))
            continue;
        if (expected == NULL)
            fail_at("came from nowhere", &after.nodes[i]);
        else if (!expected->is_expected)
            fail_at("should have been taken back", &after.nodes[i]);
        else if (!is_same(expected, &after.nodes[i]))
            fail_at("was changed", &after.nodes[i]);
    }
    if (!exact && may_end(invocation.operation))
        return;
    for (unsigned i = 0; i < before.count; i++)
        if (before.nodes[i].is_expected && find(&after, before.nodes[i].place, before.nodes[i].handle) == NULL)
            fail_at("is missing", &before.nodes[i]);
}
