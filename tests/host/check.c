/* SPDX-License-Identifier: MIT */
/* The checker's walk over objects, capabilities and accounts. Address spaces and memory: check_memory.c; threads, events
 * and time: check_threads.c. */
#include "check.h"

#include "bank.h"
#include "census.h"
#include "check_parts.h"
#include "event.h"
#include "host.h"
#include "interface_table.h"
#include "irq.h"
#include "lock.h"
#include "mailbox.h"
#include "process.h"
#include "timer.h"

#include <stdio.h>
#include <stdlib.h>

static const struct object *checked; /* what the checker looks at, for its messages */
static uint64_t frames_at_boot;      /* in the pool, the stocks and in use */
static uint64_t pages_at_boot;       /* of all banks of ram together */

_Noreturn void check_failed(const char *invariant, const char *condition, const char *file, int line)
{
    fprintf(stderr, "%s:%d: %s does not hold: %s\n", file, line, invariant, condition);
    if (checked != NULL) {
        const struct tally *tally = census_tally(checked);

        fprintf(
            stderr,
            "at object %lu of type %u, state %u: capabilities %u, found %lu; references %u, found %lu; condemned %lu, "
            "lingers %u\n",
            (unsigned long)checked->identity, checked->type, checked->state, checked->capabilities,
            (unsigned long)tally->capabilities, checked->references, (unsigned long)tally->references,
            (unsigned long)tally->condemned, checked->lingers);
    }
    if (host_console[0] != '\0')
        fprintf(stderr, "the kernel's console:\n%s\n", host_console);
    abort();
}

void check_link(const struct list *link)
{
    CHECK("list", link->next->previous == link && link->previous->next == link);
}

/* ---- trees ---- */

struct tree_measure {
    uint64_t count;
    int rank;
};

static struct tree_measure check_subtree(const struct tree_node *node, const struct tree_node *parent)
{
    struct tree_measure left;
    struct tree_measure right;
    int rank;

    if (node == NULL)
        return (struct tree_measure){0, -1};
    CHECK("tree", node->parent == parent);
    left = check_subtree(node->child[0], node);
    right = check_subtree(node->child[1], node);
    CHECK("tree", node->child[0] == NULL || node->child[0]->key <= node->key);
    CHECK("tree", node->child[1] == NULL || node->child[1]->key >= node->key);
    rank = left.rank + 1 + (int)(node->loose & 1);
    CHECK("tree", node->loose <= 3 && rank == right.rank + 1 + (int)(node->loose >> 1));
    CHECK("tree", node->child[0] != NULL || node->child[1] != NULL || rank == 0);
    return (struct tree_measure){left.count + right.count + 1, rank};
}

uint64_t check_tree(const struct tree *tree)
{
    const uint64_t count = check_subtree(tree->root, NULL).count;
    const struct tree_node *first = tree->root;
    uint64_t in_order = 0;

    while (first != NULL && first->child[0] != NULL)
        first = first->child[0];
    CHECK("tree", tree->first == first);
    for (const struct tree_node *node = first; node != NULL; node = tree_next(node)) {
        const struct tree_node *next = tree_next(node);

        CHECK("tree", next == NULL || next->key >= node->key);
        in_order++;
    }
    CHECK("tree", in_order == count);
    return count;
}

/* ---- operations ---- */

/* Calls `visit` for every operation record of the system. */
void for_each_operation(void (*visit)(const struct operation *operation))
{
    for (const struct list *link = object_all.next; link != &object_all; link = link->next) {
        const struct object *object = container_of(link, struct object, all_link);

        if (object->type == WK_TYPE_THREAD)
            visit(&container_of(object, struct thread, object)->operation);
    }
    for (unsigned i = 0; i < hart_count; i++)
        visit(&harts[i]->reaper->operation);
}

static bool under_way;

static void note_operation(const struct operation *operation)
{
    if (operation->step != NULL || !list_is_empty(&operation->condemned))
        under_way = true;
}

bool check_operation_under_way(void)
{
    under_way = false;
    for_each_operation(note_operation);
    return under_way;
}

static void count_condemned(const struct list *condemned)
{
    for (const struct list *link = condemned->next; link != condemned; link = link->next) {
        check_link(link);
        census_tally(container_of(link, struct object, dying_link))->condemned++;
    }
}

static void count_operation(const struct operation *operation)
{
    if (operation->step != NULL) {
        if (operation->object != NULL)
            census_tally(operation->object)->references++;
        if (operation->other != NULL)
            census_tally(operation->other)->references++;
    } else {
        CHECK("operation", operation->copy.bytes == 0 && list_is_empty(&operation->marker.link));
    }
    count_condemned(&operation->condemned);
}

/* What waits for a reaper. */
static void count_reaped(const struct hart *hart)
{
    for (unsigned priority = 0; priority < PRIORITIES; priority++) {
        const bool bit = (hart->reap.bits[priority / 64] & queue_bit(priority)) != 0;

        CHECK("reaper", bit || list_is_empty(&hart->reap.list[priority]));
        CHECK("reaper", !bit || hart->reaper->operation.step != NULL);
        count_condemned(&hart->reap.list[priority]);
    }
}

/* ---- capabilities ---- */

/* A node of the derivation forest: a slot or a mapping's. */
void check_node(const struct capability *node, const struct capability *parent)
{
    CHECK("INV-CAP-2", node->parent == parent);
    CHECK("INV-CAP-1", node->object != NULL && census_tally(node->object)->is_object);
    check_link(&node->sibling);
    if (parent != NULL) {
        const bool moves = !capability_is_usable(parent); /* its grandchildren become its children */

        CHECK("INV-CAP-3", node->object == parent->object);
        CHECK("INV-CAP-3", (node->rights & ~parent->rights) == 0);
        CHECK("INV-CAP-3", node->depth == parent->depth + 1 || (moves && node->depth > parent->depth));
    } else {
        CHECK("INV-CAP-3", node->depth == 0);
    }
    for (const struct list *link = node->children.next; link != &node->children; link = link->next) {
        const struct capability *child = container_of(link, struct capability, sibling);

        census_tally(child)->children++; /* it was met below its parent */
        check_node(child, node);
    }
}

/* A slot of a table or of a mailbox. */
static void check_slot(const struct capability *slot)
{
    struct tally *object = census_tally(slot->object);

    CHECK("INV-CAP-1", object->is_object && !capability_is_mapping(slot));
    CHECK("capability", slot->type == slot->object->type && slot->type_inverse == (~slot->type & 15));
    CHECK("INV-CAP-1", slot->generation >= 1 && slot->generation < CAPABILITY_GENERATION_LIMIT);
    CHECK("INV-CAP-2", census_tally(slot)->children == 1); /* in the forest exactly once */
    object->capabilities++;
}

static void check_table_slot(const struct process *process, const struct capability *slot)
{
    check_slot(slot);
    CHECK("INV-CAP-1", slot->in_table);
    CHECK("capability", capability_process(slot) == process);
}

/* Free slots are in the free list, oldest first, but for those that used up their generations. */
static void check_free_slots(const struct capability_table *table, uint32_t free_slots)
{
    const struct capability *last = NULL;
    uint32_t count = 0;

    for (const struct capability *slot = table->free_head; slot != NULL; slot = slot->next_free, count++) {
        CHECK("INV-CAP-1", count < free_slots && slot->object == NULL);
        last = slot;
    }
    CHECK("INV-CAP-1", count == free_slots && (last == NULL || table->free_tail == last));
}

static void check_table(const struct process *process)
{
    const struct capability_table *table = &process->table;
    uint32_t used = 0;
    uint32_t retired = 0;

    CHECK("INV-CAP-1", table->made <= table->paged && table->paged % CAPABILITIES_PER_PAGE == 0);
    for (uint32_t index = 0; index < table->paged; index += CAPABILITIES_PER_PAGE) {
        const uint32_t directory = index / CAPABILITIES_PER_PAGE / CAPABILITY_PAGES_PER_DIRECTORY;

        if (index % (CAPABILITIES_PER_PAGE * CAPABILITY_PAGES_PER_DIRECTORY) == 0)
            census_kernel_page(table->directory[directory], process->object.bank);
        census_kernel_page(capability_slot(table, index), process->object.bank);
    }
    for (uint32_t index = 0; index < table->made; index++) {
        const struct capability *slot = capability_slot(table, index);

        if (slot->object != NULL) {
            CHECK("capability", capability_handle(slot) == ((uint64_t)slot->generation << HANDLE_INDEX_BITS | index));
            check_table_slot(process, slot);
            used++;
        } else {
            CHECK("INV-CAP-1", (slot->generation & CAPABILITY_FREE) != 0);
            retired += (slot->generation & ~CAPABILITY_FREE) == CAPABILITY_GENERATION_LIMIT;
        }
    }
    CHECK("INV-CAP-1", table->count == used);
    check_free_slots(table, table->made - used - retired);
}

static void check_mailbox(const struct mailbox *mailbox)
{
    for (uint64_t place = 0; place < mailbox->slots; place++) {
        const struct capability *posted = &mailbox->posted[place];

        if (posted->object == NULL)
            continue;
        check_slot(posted);
        CHECK("INV-MAILBOX-1", !posted->in_table && posted->object->type != WK_TYPE_MAILBOX);
        CHECK("INV-MAILBOX-1", list_is_empty(&posted->children) && capability_is_usable(posted));
        CHECK("INV-MAILBOX-2", posted->badge >= 1 && posted->badge <= mailbox->last_ticket);
        CHECK("INV-MAILBOX-2", posted->badge % mailbox->slots == place);
    }
}

/* ---- objects ---- */

/* A bank of kind tim is one of its payer's objects until it is dismantled, and then refers to it. The first of that kind
 * never ends. */
static void check_payer(const struct bank *bank)
{
    struct tally *payer = census_tally(bank->payer);

    CHECK("bank", (bank->payer == bank) == (bank->kind == WK_BANK_KIND_RAM));
    if (bank == bank_tim)
        census_slab_record(bank, bank);
    else if (bank->kind != WK_BANK_KIND_RAM && bank->object.dismantled)
        payer->references++;
    else if (bank->kind != WK_BANK_KIND_RAM)
        payer->objects++;
}

static void check_object_header(const struct object *object)
{
    struct tally *tally = census_tally(object);

    check_link(&object->all_link);
    CHECK("object", object->type < INTERFACE_TYPE_COUNT && object->identity != 0);
    tally->is_object = true;
    if (object->type == WK_TYPE_BANK)
        check_payer(container_of(object, struct bank, object));
    if (object->bank == NULL)
        return;
    census_slab_record(object, object->bank);
    check_link(&object->bank_link);
    if (object->type != WK_TYPE_BANK)
        census_tally(object->bank)->objects++; /* also while it lingers, and is in no list */
    if (object->lingers && object->type == WK_TYPE_BANK) {
        struct tally *parent = census_tally(container_of(object, struct bank, object)->parent);

        parent->references++;
        parent->lingering++;
    } else if (object->lingers) {
        census_tally(object->bank)->references++;
    }
}

static void check_object_roots(const struct object *object)
{
    for (const struct list *link = object->roots.next; link != &object->roots; link = link->next) {
        const struct capability *root = container_of(link, struct capability, sibling);

        CHECK("INV-CAP-2", root->object == object);
        census_tally(root)->children++;
        check_node(root, NULL);
    }
}

/* A process that ends itself is in a reaper's queue, but not condemned. */
static bool is_reaped(const struct object *object)
{
    return object->type == WK_TYPE_PROCESS &&
           container_of(object, struct process, object)->state >= WK_PROCESS_STATE_ENDING;
}

/* A ring's worker lives as long as the ring and its process, without a capability. */
static bool is_worker(const struct object *object)
{
    const struct thread *thread = container_of(object, struct thread, object);

    return object->type == WK_TYPE_THREAD && thread->is_worker && thread->process != NULL;
}

/* How an object's end stands, after everything that names it was counted. */
static void check_object_end(const struct object *object)
{
    const struct tally *tally = census_tally(object);

    CHECK("INV-OBJECT-1", object->capabilities == tally->capabilities);
    CHECK("references", object->references == tally->references);
    if (object->state == OBJECT_LIVE && !is_worker(object))
        CHECK("INV-OBJECT-2", object->capabilities != 0 || object->bank == NULL || object == &bank_first->object);
    if (object->state == OBJECT_DYING && !object->lingers)
        CHECK("INV-OBJECT-3", tally->condemned == 1);
    else
        CHECK("INV-OBJECT-3", tally->condemned <= (object->lingers || is_reaped(object)));
    CHECK("INV-OBJECT-3", !object->lingers || object->references != 0 || tally->condemned == 1);
}

/* ---- banks ---- */

static uint64_t quarantined; /* frames that are charged but in no place of the census */

static void check_bank(const struct bank *bank)
{
    uint64_t children = 0;

    CHECK("INV-BANK-1", bank->used_pages <= bank->limit_pages);
    for (const struct list *link = bank->children.next; link != &bank->children; link = link->next) {
        check_link(link);
        CHECK("bank", container_of(link, struct bank, sibling_link)->parent == bank);
        children++;
    }
    CHECK("bank", children + census_tally(bank)->lingering == bank->child_count);
    CHECK("bank", (bank == bank_first || bank == bank_tim) == (bank->parent == NULL));
    CHECK("bank", bank->parent == NULL || bank->parent->kind == bank->kind);
    for (unsigned class = 0; class < SLAB_CLASSES; class ++)
        for (const struct list *link = bank->slabs[class].next; link != &bank->slabs[class]; link = link->next) {
            check_link(link);
            CHECK("INV-BANK-3", (uintptr_t)link % WK_PAGE_BYTES == 0 && census_is_slab(link));
            CHECK("INV-BANK-3", frame_of(link)->owner == bank);
        }
}

static void check_account(const struct bank *bank, bool exact)
{
    const struct tally *tally = census_tally(bank);

    CHECK("bank", bank->object_count == tally->objects);
    CHECK("INV-BANK-1", bank->used_pages >= tally->pages);
    CHECK("INV-BANK-1", !exact || bank->used_pages - tally->pages <= frame_quarantine_count());
    quarantined += bank->used_pages - tally->pages;
}

/* ---- all ---- */

static void for_each_object(void (*visit)(const struct object *object))
{
    for (const struct list *link = object_all.next; link != &object_all; link = link->next) {
        const struct object *object = container_of(link, struct object, all_link);

        checked = object;
        if (object->type != WK_TYPE_NONE)
            visit(object);
    }
    checked = NULL;
}

static void check_object_parts(const struct object *object)
{
    switch ((enum wk_type)object->type) {
    case WK_TYPE_PROCESS:
        check_table(container_of(object, struct process, object));
        check_process(container_of(object, struct process, object));
        break;
    case WK_TYPE_THREAD:
        check_thread(container_of(object, struct thread, object));
        break;
    case WK_TYPE_MEMORY:
        check_memory(container_of(object, struct memory, object));
        break;
    case WK_TYPE_EVENT:
        check_event(container_of(object, struct event, object));
        break;
    case WK_TYPE_TIMER:
        check_timer(container_of(object, struct timer, object));
        break;
    case WK_TYPE_IRQ:
        check_binding(&container_of(object, struct irq, object)->binding);
        break;
    case WK_TYPE_BUDGET:
        check_budget(container_of(object, struct budget, object));
        break;
    case WK_TYPE_ENDPOINT:
        check_endpoint(container_of(object, struct endpoint, object));
        break;
    case WK_TYPE_SESSION:
        check_session(container_of(object, struct session, object));
        break;
    case WK_TYPE_MAILBOX:
        check_mailbox(container_of(object, struct mailbox, object));
        break;
    case WK_TYPE_REPLY:
        check_reply(container_of(object, struct reply, object));
        break;
    case WK_TYPE_RING:
        check_ring(container_of(object, struct ring, object));
        break;
    case WK_TYPE_BANK: /* when all records are known */
    case WK_TYPE_NONE:
    case WK_TYPE_MACHINE:
    case WK_TYPE_TRACE:
        break;
    }
}

static void check_frames(void)
{
    const bool busy = check_operation_under_way();
    const uint64_t in_use = census_compare_frames(busy);
    const uint64_t in_pool = frame_free_count() + frame_tim_free_count() + frame_quarantine_count();
    uint64_t limits = 0;
    uint64_t tim_limits = 0;

    quarantined = 0;
    for (const struct list *link = object_all.next; link != &object_all; link = link->next) {
        const struct object *object = container_of(link, struct object, all_link);

        if (object->type == WK_TYPE_BANK) {
            check_bank(container_of(object, struct bank, object));
            check_account(container_of(object, struct bank, object), !busy);
            *(container_of(object, struct bank, object)->kind == WK_BANK_KIND_RAM ? &limits : &tim_limits) +=
                container_of(object, struct bank, object)->limit_pages;
        }
    }
    CHECK("INV-BANK-2", tim_limits == host_tim_bytes / WK_PAGE_BYTES);
    if (pages_at_boot != 0)
        CHECK("INV-BANK-2", limits == pages_at_boot);
    if (busy)
        return;
    CHECK("INV-FRAME-2", quarantined == frame_quarantine_count());
    if (frames_at_boot != 0)
        CHECK("INV-FRAME-1", in_use + in_pool == frames_at_boot);
    else
        frames_at_boot = in_use + in_pool;
    if (pages_at_boot == 0)
        pages_at_boot = limits;
    CHECK("INV-FRAME-3", limits + tim_limits <= frames_at_boot);
}

void check_kernel(void)
{
    CHECK("INV-LOCK-1", !kernel_lock_is_held());
    census_begin();
    for_each_object(check_object_header);
    for_each_object(check_object_roots);
    for_each_operation(count_operation);
    for (unsigned i = 0; i < hart_count; i++)
        count_reaped(harts[i]);
    for_each_object(check_object_parts);
    check_harts();
    for_each_object(check_event_counts);
    for_each_object(check_object_end);
    check_frames();
}

void check_begin(void)
{
    frames_at_boot = 0;
    pages_at_boot = 0;
    check_kernel();
}
