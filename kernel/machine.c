/* SPDX-License-Identifier: MIT */
/*
 * What exists once: device memory, interrupt lines, power, the console of last resort, and the sight of everything for
 * whoever may inspect. Owns the tree of claimed regions and the marker of the walk. Guarded by the kernel lock.
 *
 * INV-MACHINE-1 the memory objects of device memory are exactly the members of `regions`, by first address, and do not
 *               overlap.
 * INV-MACHINE-2 the walk's marker is in no list, or in object_all behind the object that inspect_object told of last,
 *               if that still exists: whatever is released meanwhile, the walk goes on.
 */
#include "machine.h"

#include "arch/arch.h"
#include "assert.h"
#include "bank.h"
#include "boot.h"
#include "handlers.h"
#include "invoke.h"
#include "irq.h"
#include "lock.h"
#include "memory.h"
#include "meter.h"
#include "ring.h"
#include "space.h"
#include "timer.h"

#define CONSOLE_BYTES_MAX 40
#define INSPECT_SLOTS 16 /* of a capability table, that one look passes over */

static struct object machine_singleton;
static struct tree regions;                                                 /* struct memory, claimed */
static struct object walk = {.all_link = {&walk.all_link, &walk.all_link}}; /* a marker, of type WK_TYPE_NONE */
static uint64_t walk_identity; /* of the object that inspect_object told of last */

struct object *machine_object(void)
{
    if (machine_singleton.type == WK_TYPE_NONE)
        object_init(&machine_singleton, WK_TYPE_MACHINE, sizeof machine_singleton, NULL);
    return &machine_singleton;
}

/* Whether a claimed region has a page below `end` and at or above `start`. */
static bool region_is_claimed(uint64_t start, uint64_t end)
{
    const struct tree_node *node = tree_find_at_most(&regions, end - 1);
    const struct memory *memory;

    if (node == NULL)
        return false;
    memory = container_of(node, struct memory, claimed);
    assert_debug(memory->is_physical && memory->physical.address == node->key); /* INV-MACHINE-1 */
    return node->key + memory->pages * WK_PAGE_BYTES > start;
}

/* Flushes that were asked for by now concern the mappings through which the region could be reached. */
enum wk_status machine_region_dismantle(struct memory *memory)
{
    assert_debug(memory->is_physical && memory->mapping_count == 0);
    if (memory->object.cursor == 0)
        memory->object.cursor = space_flush_epoch();
    if (!space_flush_done(memory->object.cursor))
        return operation_poll();
    tree_remove(&regions, &memory->claimed);
    return WK_OK;
}

enum wk_status machine_claim_region(struct invocation *invocation, struct machine *machine, struct capability *bank,
                                    const struct wk_machine_claim_region_in *in,
                                    struct wk_machine_claim_region_out *out)
{
    const uint64_t bytes = in->pages * WK_PAGE_BYTES; /* at most 2^39 */
    const struct physical start = {in->physical};
    struct memory *memory;
    enum wk_status status;

    (void)machine;
    if (bytes > UINT64_MAX - in->physical || !arch_region_is_device(start, bytes) ||
        region_is_claimed(in->physical, in->physical + bytes))
        return WK_NOT_AVAILABLE;
    status = capability_reserve(&invocation->process->table, invocation->process);
    if (status != WK_OK)
        return status;
    memory =
        memory_create_physical(container_of(bank->object, struct bank, object), start, in->pages, ARCH_LEAF_DEVICE);
    if (memory == NULL)
        return WK_NO_MEMORY;

    op_commit();
    memory->claimed.key = in->physical;
    tree_insert(&regions, &memory->claimed); /* INV-MACHINE-1 */
    out->memory = capability_handle(capability_make(invocation->process, &memory->object, WK_RIGHTS_ALL, NULL));
    return WK_OK;
}

enum wk_status machine_claim_irq(struct invocation *invocation, struct machine *machine, struct capability *bank,
                                 const struct wk_machine_claim_irq_in *in, struct wk_machine_claim_irq_out *out)
{
    enum wk_status status = capability_reserve(&invocation->process->table, invocation->process);
    struct irq *irq;

    (void)machine;
    if (status != WK_OK)
        return status;
    status = irq_claim(container_of(bank->object, struct bank, object), in->line, &irq);
    if (status != WK_OK)
        return status;

    op_commit();
    out->irq = capability_handle(capability_make(invocation->process, &irq->object, WK_RIGHTS_ALL, NULL));
    return WK_OK;
}

/*
 * One byte a step, for each is a call to the firmware. The bytes are in the operation's cursor and, the last eight, its
 * pointer; they move down by one each time. The bytes left are counted in `result`, which is 0 in the end, as an answer
 * without results has it.
 */
static enum wk_status console_write_step(struct operation *operation)
{
    const uint64_t last = (uintptr_t)operation->pointer;

    assert_debug(operation->result != 0 && operation->result <= CONSOLE_BYTES_MAX);
    arch_console_put((char)(operation->cursor[0] & 0xff));
    for (unsigned i = 0; i < 3; i++)
        operation->cursor[i] = operation->cursor[i] >> 8 | operation->cursor[i + 1] << 56;
    operation->cursor[3] = operation->cursor[3] >> 8 | last << 56;
    operation->pointer = (void *)(uintptr_t)(last >> 8);
    operation->result--;
    return operation->result == 0 ? WK_OK : WK_CONTINUE;
}

enum wk_status machine_console_write(struct invocation *invocation, struct machine *machine,
                                     const struct wk_machine_console_write_in *in)
{
    struct operation *operation = &invocation->thread->operation;

    (void)machine;

    op_commit();
    operation_begin(operation, console_write_step, NULL);
    operation->cursor[0] = in->bytes0;
    operation->cursor[1] = in->bytes1;
    operation->cursor[2] = in->bytes2;
    operation->cursor[3] = in->bytes3;
    operation->pointer = (void *)(uintptr_t)in->bytes4;
    operation->result = in->length;
    return WK_CONTINUE;
}

enum wk_status machine_console_read(struct invocation *invocation, struct machine *machine,
                                    struct wk_machine_console_read_out *out)
{
    const int byte = arch_console_get();

    (void)invocation;
    (void)machine;
    if (byte < 0)
        return WK_WOULD_BLOCK;
    out->byte = (uint64_t)byte & 0xff;
    return WK_OK;
}

enum wk_status machine_power_off(struct invocation *invocation, struct machine *machine,
                                 const struct wk_machine_power_off_in *in)
{
    (void)invocation;
    (void)machine;

    op_commit();
    arch_power_off((unsigned)in->status);
}

enum wk_status machine_reboot(struct invocation *invocation, struct machine *machine)
{
    (void)invocation;
    (void)machine;

    op_commit();
    arch_reboot();
}

enum wk_status machine_info(struct invocation *invocation, struct machine *machine, struct wk_machine_info_out *out)
{
    (void)invocation;
    (void)machine;
    out->harts = hart_count;
    out->timebase_hz = boot_information.timebase_hz;
    out->ram_pages = boot_information.ram.bytes / WK_PAGE_BYTES;
    out->free_pages = frame_free_count();
    out->now_ns = arch_time_ns();
    out->asid_bits = arch_asid_bits();
    return WK_OK;
}

/* Bound: one look at each hart. A hart that is just writing its meter may win over the reset. */
enum wk_status machine_read_meter(struct invocation *invocation, struct machine *machine,
                                  const struct wk_machine_read_meter_in *in, struct wk_machine_read_meter_out *out)
{
    (void)invocation;
    (void)machine;
    return meter_read((enum wk_meter)in->meter, in->operation_number, in->reset != 0, &out->value);
}

enum wk_status machine_inspect_start(struct invocation *invocation, struct machine *machine)
{
    (void)invocation;
    (void)machine;

    op_commit();
    list_remove(&walk.all_link);
    list_prepend(&object_all, &walk.all_link); /* INV-MACHINE-2 */
    walk_identity = 0;
    return WK_OK;
}

/* What only objects of its type have to tell. */
static void inspect_type(const struct object *object, struct wk_machine_inspect_object_out *out)
{
    const struct bank *bank = container_of(object, const struct bank, object);
    const struct memory *memory = container_of(object, const struct memory, object);
    const struct process *process = container_of(object, const struct process, object);
    const struct thread *thread = container_of(object, const struct thread, object);
    const struct timer *timer = container_of(object, const struct timer, object);
    const struct ring *ring = container_of(object, const struct ring, object);

    switch ((enum wk_type)object->type) {
    case WK_TYPE_BANK:
        out->bank = bank->parent == NULL ? 0 : bank->parent->object.identity;
        out->pages = bank->limit_pages;
        out->detail = bank->used_pages;
        break;
    case WK_TYPE_MEMORY:
        out->pages = memory->present_pages;
        out->detail = memory->pages;
        break;
    case WK_TYPE_PROCESS:
        out->pages = process->mapping_count;
        break;
    case WK_TYPE_THREAD:
        out->detail = thread->process == NULL ? 0 : thread->process->object.identity;
        break;
    case WK_TYPE_TIMER:
        out->detail = deadline_is_set(&timer->deadline) ? timer->deadline.node.key : 0;
        break;
    case WK_TYPE_RING:
        out->detail = ring->owed;
        break;
    case WK_TYPE_NONE:
    case WK_TYPE_BUDGET:
    case WK_TYPE_ENDPOINT:
    case WK_TYPE_EVENT:
    case WK_TYPE_MAILBOX:
    case WK_TYPE_REPLY:
    case WK_TYPE_SESSION:
    case WK_TYPE_IRQ:
    case WK_TYPE_MACHINE:
    case WK_TYPE_TRACE:
        break;
    }
}

enum wk_status machine_inspect_object(struct invocation *invocation, struct machine *machine,
                                      struct wk_machine_inspect_object_out *out)
{
    struct list *link = walk.all_link.next;
    const struct object *object;

    (void)invocation;
    (void)machine;
    if (link == &walk.all_link || link == &object_all)
        return WK_WOULD_BLOCK;
    object = container_of(link, const struct object, all_link);
    assert_debug(object->type != WK_TYPE_NONE); /* there is one marker */
    list_remove(&walk.all_link);
    list_insert_before(link->next, &walk.all_link); /* INV-MACHINE-2 */
    walk_identity = object->identity;
    out->type = object->type;
    out->identity = object->identity;
    out->bank = object->bank == NULL ? 0 : object->bank->object.identity;
    out->capabilities = object->capabilities;
    inspect_type(object, out);
    return WK_OK;
}

/* The process at which the walk stands, or NULL. */
static const struct process *walk_process(void)
{
    const struct list *link = walk.all_link.previous;
    const struct object *object = container_of(link, const struct object, all_link);

    if (link == &walk.all_link || link == &object_all)
        return NULL;
    if (object->type != WK_TYPE_PROCESS || object->identity != walk_identity)
        return NULL;
    return container_of(object, const struct process, object);
}

/* Bound: CAPABILITIES_PER_PAGE slots. */
enum wk_status machine_inspect_capability(struct invocation *invocation, struct machine *machine,
                                          const struct wk_machine_inspect_capability_in *in,
                                          struct wk_machine_inspect_capability_out *out)
{
    const struct process *process = walk_process();
    const struct capability *slot;
    uint32_t index = (uint32_t)in->index;

    (void)invocation;
    (void)machine;
    if (process == NULL)
        return WK_WRONG_TYPE;
    if (index >= process->table.made)
        return WK_WOULD_BLOCK;
    for (unsigned i = 0; i < INSPECT_SLOTS && index < process->table.made; i++) {
        slot = capability_slot(&process->table, index++);
        if (slot->object == NULL)
            continue;
        out->handle = capability_handle(slot);
        out->type_and_rights = (uint64_t)slot->object->type << 16 | slot->rights;
        out->identity = slot->object->identity;
        out->lender = slot->parent == NULL ? 0 : capability_process(slot->parent)->object.identity;
        break;
    }
    out->next = index;
    return WK_OK;
}
