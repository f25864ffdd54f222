/* SPDX-License-Identifier: MIT */
/*
 * Capabilities: slots in a process's table, and the forest that says what was derived from what. Owned capabilities are
 * the roots, listed by their object; what was lent, and every mapping, is a child of what it was made through.
 *
 * Taking back works breadth first in constant steps: the first child is doomed; its own children move, a few a step, to
 * the end of the list of what is taken back; then it is freed. Nobody lends anew what is below a capability that is being
 * taken back or revoked (capability_check_derive looks at all above); at the most a mapping there is cut in two, which
 * leaves as many pages. So the work ends whatever others do meanwhile.
 *
 * Guarded by the kernel lock. Invariants: see capability.h.
 */
#include "capability.h"

#include "assert.h"
#include "bank.h"
#include "config.h"
#include "endpoint.h"
#include "handlers.h"
#include "invoke.h"
#include "mapping.h"
#include "operation.h"
#include "process.h"
#include "ring.h"
#include "thread.h"

#define REVOKE_STEP 4 /* capabilities that one step takes back or moves */
#define CLEAR_STEP 14 /* free slots that one step passes over, */
#define CLEAR_ONE 4   /* as which one counts that is in use */

/* The directory of tables' parts that do not exist. */
static struct capability *no_directory[CAPABILITY_PAGES_PER_DIRECTORY] __attribute__((aligned(WK_PAGE_BYTES)));

/* Nothing has this key, nor has anything had it before. */
void slot_cache_init(struct slot_cache *cache)
{
    static const struct capability no_slot;

    *cache = (struct slot_cache){.slot = &no_slot, .key = INT64_MAX};
}

void slot_cache_fill(struct slot_cache *cache, uint64_t handle, const struct capability *slot)
{
    *cache = (struct slot_cache){handle, slot, capability_key(slot)};
}

void capability_table_init(struct capability_table *table)
{
    for (unsigned i = 0; i < CAPABILITY_DIRECTORIES; i++)
        table->directory[i] = no_directory;
    table->free_head = NULL;
    table->free_tail = NULL;
}

struct process *capability_process(const struct capability *capability)
{
    return frame_of(capability)->owner;
}

/* A page of slots knows the index of its first slot by its frame's record. */
static inline uint64_t capability_index(const struct capability *capability)
{
    const uint64_t place = ((uintptr_t)capability % WK_PAGE_BYTES) / sizeof(*capability);

    return frame_of(capability)->next + place;
}

uint64_t capability_handle(const struct capability *capability)
{
    return (uint64_t)capability->generation << HANDLE_INDEX_BITS | capability_index(capability);
}

static struct capability ***directory_of(struct capability_table *table, uint32_t page)
{
    return &table->directory[page / CAPABILITY_PAGES_PER_DIRECTORY];
}

/* Adds the page of slots with that number, and its directory. WK_NO_MEMORY changes nothing. Takes at most two frames. */
static SLOW_PATH enum wk_status table_add_page(struct process *process, uint32_t page)
{
    struct bank *bank = process->object.bank;
    struct capability ***directory = directory_of(&process->table, page);
    struct capability **new_directory = *directory;
    struct capability *slots;

    if (new_directory == no_directory) {
        new_directory = bank_page(bank, process);
        if (new_directory == NULL)
            return WK_NO_MEMORY;
    }
    slots = bank_page(bank, process);
    if (slots == NULL) {
        if (*directory == no_directory)
            frame_drop(frame_of(new_directory), bank);
        return WK_NO_MEMORY;
    }
    frame_of(slots)->next = page * CAPABILITIES_PER_PAGE;
    new_directory[page % CAPABILITY_PAGES_PER_DIRECTORY] = slots;
    *directory = new_directory;
    return WK_OK;
}

enum wk_status capability_reserve_page(struct process *process)
{
    struct capability_table *table = &process->table;

    if (table->paged == CAPABILITY_INDEX_LIMIT)
        return WK_TABLE_FULL;
    if (process->state >= WK_PROCESS_STATE_ENDING)
        return WK_REVOKED;
    if (table_add_page(process, table->paged / CAPABILITIES_PER_PAGE) != WK_OK)
        return WK_NO_MEMORY;
    table->paged += CAPABILITIES_PER_PAGE;
    return hart_current()->invocation.is_again ? WK_OK : WK_AGAIN;
}

static inline uint64_t badge_of(const struct object *object)
{
    return object->type == WK_TYPE_SESSION ? container_of(object, const struct session, object)->badge : 0;
}

/* Fills a free slot whose generation is set. */
static void capability_fill(struct capability *slot, struct object *object, uint64_t rights, struct capability *parent)
{
    slot->object = object;
    slot->word = parent == NULL ? OPERATION_NEEDS(object->type, rights) | CAPABILITY_IN_TABLE
                                : capability_child_word(parent, rights);
    slot->badge = badge_of(object);
    object->capabilities++;
    capability_link(slot, parent);
}

/* Takes a reserved slot; its generation is set, and nothing else. */
static inline struct capability *take_slot(struct capability_table *table)
{
    struct capability *slot = table->free_head;

    if (slot != NULL) {
        table->free_head = slot->next_free;
        slot->generation &= INT32_MAX;
    } else {
        assert(table->made < table->paged); /* reserved */
        slot = capability_slot(table, table->made++);
        slot->generation = 1;
    }
    table->count++;
    return slot;
}

struct capability *capability_make(struct process *process, struct object *object, uint16_t rights,
                                   struct capability *parent)
{
    struct capability *slot = take_slot(&process->table);

    capability_fill(slot, object, rights, parent);
    return slot;
}

struct capability *capability_make_of_posted(struct capability_table *table, struct capability *posted)
{
    struct capability *slot = take_slot(table);

    slot->word = posted->word | CAPABILITY_IN_TABLE;
    slot->badge = badge_of(posted->object);
    capability_move(posted, slot);
    posted->object = NULL;
    return slot;
}

SLOW_PATH enum wk_status capability_copy_slot(struct process *process, uint32_t index, const struct capability *source,
                                              bool copy)
{
    struct capability_table *table = &process->table;
    struct capability *parent = source->parent == NULL ? NULL : (struct capability *)source;
    struct capability *slot;

    assert_debug(table->made == index);
    if (index == table->paged) {
        if (table_add_page(process, index / CAPABILITIES_PER_PAGE) != WK_OK)
            return WK_NO_MEMORY;
        table->paged += CAPABILITIES_PER_PAGE;
    }
    slot = capability_slot(table, table->made++);
    slot->generation = source->generation & INT32_MAX;
    if (copy && (parent == NULL || capability_check_derive(parent) == WK_OK)) {
        capability_fill(slot, source->object, source->rights, parent);
        table->count++;
    } else {
        if (slot->generation != CAPABILITY_GENERATION_LIMIT)
            capability_release_slot(table, slot, capability_handle(slot));
        slot->generation |= CAPABILITY_FREE;
    }
    return WK_OK;
}

void capability_empty(struct capability *capability, uint64_t handle)
{
    capability_clear(&capability_process(capability)->table, capability, handle);
}

/* Whether threads may wait by a capability to it. */
static inline bool ends_waits(struct object *object)
{
    if (object->type == WK_TYPE_EVENT)
        return !list_is_empty(&container_of(object, struct event, object)->waiters);
    return object->type == WK_TYPE_ENDPOINT || object->type == WK_TYPE_RING;
}

/* The first thread in the list whose wait began by the capability, or NULL. */
SMALL static struct thread *waiter_in(const struct list *waits, const struct capability *capability)
{
    const struct process *process = capability_process(capability);
    const uint64_t handle = capability_handle(capability);

    for (struct list *link = waits->next; link != waits; link = link->next) {
        struct thread *thread = container_of(link, struct thread, wait_link);

        if (thread->process == process && thread->wait_handle == handle)
            return thread;
    }
    return NULL;
}

/* A thread that waits by the capability, or NULL. Bound: 16 looks. */
SMALL static struct thread *waiter_by(const struct capability *capability)
{
    struct object *object = capability->object;
    struct endpoint *endpoint = container_of(object, struct endpoint, object);
    struct thread *thread;

    if (!capability->in_table)
        return NULL;
    if (object->type == WK_TYPE_EVENT)
        return waiter_in(&container_of(object, struct event, object)->waiters, capability);
    if (object->type == WK_TYPE_RING)
        return waiter_in(&container_of(object, struct ring, object)->ready.waiters, capability);
    if (object->type != WK_TYPE_ENDPOINT)
        return NULL;
    endpoint_unready(endpoint);
    thread = waiter_in(&endpoint->receivers, capability);
    return thread != NULL ? thread : waiter_in(&endpoint->filling, capability);
}

bool capability_is_waited_by(const struct capability *capability)
{
    return waiter_by(capability) != NULL;
}

/* Ends a wait that began by the capability, which goes. False if there is none. */
SMALL static bool end_wait(const struct capability *capability)
{
    struct thread *thread = waiter_by(capability);

    if (thread != NULL)
        thread_wait_end(thread, WK_REVOKED);
    return thread != NULL;
}

SLOW_PATH void capability_free(struct capability *capability, struct operation *operation)
{
    struct object *object = capability->object;

    assert(object != NULL && list_is_empty(&capability->children)); /* INV-CAP-1 */
    assert(object->capabilities != 0);                              /* INV-OBJECT-1 */
    while (ends_waits(object) && end_wait(capability))
        continue;
    list_unlink(&capability->sibling);
    if (capability->in_table)
        capability_empty(capability, capability_handle(capability));
    else
        capability->object = NULL;
    if (--object->capabilities == 0)
        object_last_capability_gone(object, operation);
}

SLOW_PATH enum wk_status capability_revoke_step(struct capability *capability, struct operation *operation)
{
    for (unsigned i = 0; i < REVOKE_STEP && !list_is_empty(&capability->children); i++) {
        struct capability *child = container_of(capability->children.next, struct capability, sibling);

        assert_debug(child->object != NULL); /* INV-CAP-1 */
        capability_doom(child);
        if (!list_is_empty(&child->children)) {
            struct capability *grandchild = container_of(child->children.next, struct capability, sibling);

            list_remove(&grandchild->sibling);
            grandchild->parent = capability;
            list_append(&capability->children, &grandchild->sibling);
        } else if (capability_is_mapping(child)) {
            /* A step of its own. */
            if (i == 0)
                (void)mapping_remove_step(container_of(child, struct mapping, node));
            break;
        } else if (ends_waits(child->object)) {
            if (!end_wait(child)) /* one a step */
                capability_free(child, operation);
            break;
        } else {
            capability_free(child, operation);
        }
    }
    if (!list_is_empty(&capability->children) || (capability_is_doomed(capability) && end_wait(capability)))
        return WK_CONTINUE;
    return WK_OK;
}

/* Releases the last page of slots, and its directory if that has no other. */
SMALL static void table_drop_page(struct process *process)
{
    struct capability_table *table = &process->table;
    struct bank *bank = process->object.bank;
    uint32_t page;
    struct capability ***directory;

    table->paged -= CAPABILITIES_PER_PAGE;
    page = table->paged / CAPABILITIES_PER_PAGE;
    directory = directory_of(table, page);
    frame_drop(frame_of((*directory)[page % CAPABILITY_PAGES_PER_DIRECTORY]), bank);
    (*directory)[page % CAPABILITY_PAGES_PER_DIRECTORY] = NULL;
    if (page % CAPABILITY_PAGES_PER_DIRECTORY == 0) {
        frame_drop(frame_of(*directory), bank);
        *directory = no_directory;
    }
}

void capability_unreserve(struct process *process)
{
    if (process->table.paged - process->table.made == CAPABILITIES_PER_PAGE)
        table_drop_page(process);
}

static enum wk_status table_release_step(struct process *process)
{
    struct capability_table *table = &process->table;

    table->made = 0;
    table->free_head = NULL;
    table->free_tail = NULL;
    if (table->paged != 0)
        table_drop_page(process);
    return table->paged == 0 ? WK_OK : WK_CONTINUE;
}

/* A slot from which others may be derived, or by which threads may wait. */
static SLOW_PATH void clear_slowly(struct capability *slot, struct operation *operation)
{
    capability_doom(slot);
    if (capability_revoke_step(slot, operation) == WK_OK)
        capability_free(slot, operation);
}

SLOW_PATH enum wk_status capability_table_clear_step(struct process *process, uint64_t *cursor,
                                                     struct operation *operation)
{
    const struct capability_table *table = &process->table;

    for (unsigned i = 0; i < CLEAR_STEP && *cursor < table->made; i++) {
        struct capability *slot = capability_slot(table, (uint32_t)*cursor);

        if (slot->object != NULL) {
            if (!list_is_empty(&slot->children) || ends_waits(slot->object)) {
                if (i == 0)
                    clear_slowly(slot, operation);
                return WK_CONTINUE; /* a step of its own */
            }
            capability_free(slot, operation);
            i += CLEAR_ONE;
        }
        (*cursor)++;
    }
    return *cursor < table->made ? WK_CONTINUE : table_release_step(process);
}

enum wk_status capability_check(struct invocation *invocation, struct capability *capability)
{
    (void)invocation;
    (void)capability;
    return WK_OK;
}

enum wk_status capability_info(struct invocation *invocation, struct capability *capability,
                               struct wk_capability_info_out *out)
{
    (void)invocation;
    out->type = capability->object->type;
    out->rights = capability->rights;
    out->borrowed = capability->parent != NULL;
    out->lent = !list_is_empty(&capability->children);
    out->badge = capability->badge;
    out->identity = capability->object->identity;
    return WK_OK;
}

/* Makes a capability with narrowed rights in the invoker's table: a child of `parent`, or owned without one. */
static SLOW_PATH enum wk_status derive_slowly(struct invocation *invocation, struct capability *capability,
                                              struct capability *parent, uint64_t rights, uint64_t *handle)
{
    enum wk_status status = parent == NULL ? WK_OK : capability_check_derive(parent);

    assert_debug(capability != NULL); /* it was invoked */
    if (status == WK_OK)
        status = capability_reserve(&invocation->process->table, invocation->process);
    if (status != WK_OK)
        return status;

    op_commit();
    *handle = capability_handle(
        capability_make(invocation->process, capability->object, (uint16_t)(capability->rights & rights), parent));
    return WK_OK;
}

enum wk_status capability_dup(struct invocation *invocation, struct capability *capability,
                              const struct wk_capability_dup_in *in, struct wk_capability_dup_out *out)
{
    return derive_slowly(invocation, capability, capability->parent == NULL ? NULL : capability, in->rights,
                         &out->capability);
}

/* In one piece where the table has a free slot: sharing is what everybody does. */
enum wk_status capability_lend(struct invocation *invocation, struct capability *capability,
                               const struct wk_capability_lend_in *in, struct wk_capability_lend_out *out)
{
    struct capability_table *table = &invocation->process->table;

    if (__builtin_expect(table->free_head == NULL || capability_check_derive(capability) != WK_OK, 0))
        return derive_slowly(invocation, capability, capability, in->rights, &out->capability);

    op_commit();
    out->capability = capability_lend_quickly(table, capability, in->rights);
    return WK_OK;
}

/*
 * The slot is found anew by its handle (cursor[0]) in each step: meanwhile another operation may have taken back what it
 * was borrowed from, and with it the slot. The invoker's process cannot go while its thread is inside the operation.
 */
static struct capability *operation_slot(const struct operation *operation)
{
    return capability_find(&operation->thread->process->table, operation->cursor[0]);
}

static enum wk_status capability_delete_step(struct operation *operation)
{
    struct capability *capability = operation_slot(operation);

    if (capability == NULL)
        return object_dismantle_and_flush_step(operation);
    if (capability_revoke_step(capability, operation) == WK_OK)
        capability_free(capability, operation);
    return WK_CONTINUE;
}

static SLOW_PATH enum wk_status capability_delete_begin(struct operation *operation, struct capability *capability)
{
    capability_doom(capability);
    operation_begin(operation, capability_delete_step, NULL);
    operation->cursor[0] = capability_handle(capability);
    return WK_CONTINUE;
}

/* What nothing hangs on is done in one piece. */
enum wk_status capability_delete(struct invocation *invocation, struct capability *capability)
{
    struct object *object = capability->object;

    op_commit();
    if (__builtin_expect(!list_is_empty(&capability->children) || object->capabilities == 1 || ends_waits(object), 0))
        return capability_delete_begin(&invocation->thread->operation, capability);
    list_unlink(&capability->sibling);
    object->capabilities--;
    capability_clear(&invocation->process->table, capability, invocation->handle);
    return WK_OK;
}

/* cursor: 0 the handle, 1 is 1 when everything lent is taken back. */
static enum wk_status capability_revoke_operation_step(struct operation *operation)
{
    struct capability *capability = operation->cursor[1] ? NULL : operation_slot(operation);

    if (capability == NULL)
        return object_dismantle_and_flush_step(operation);
    if (capability_revoke_step(capability, operation) == WK_OK) {
        capability->lends = true; /* somebody else may be taking it back */
        operation->cursor[1] = 1;
    }
    return WK_CONTINUE;
}

enum wk_status capability_revoke(struct invocation *invocation, struct capability *capability)
{
    struct operation *operation = &invocation->thread->operation;

    if (list_is_empty(&capability->children))
        return WK_OK;

    op_commit();
    capability->lends = false;
    operation_begin(operation, capability_revoke_operation_step, NULL);
    operation->cursor[0] = capability_handle(capability);
    return WK_CONTINUE;
}
