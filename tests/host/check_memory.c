/* SPDX-License-Identifier: MIT */
/* The checker's walk over address spaces, memory objects, and what the processors' TLBs remember of them. */
#include "census.h"
#include "check.h"
#include "check_parts.h"
#include "host.h"
#include "mapping.h"
#include "memory.h"
#include "memory_table.h"
#include "space.h"
#include "sparse.h"

/* Nothing that an invocation under way has not finished yet is compared with what is true when it is done. */
static bool is_busy(const struct memory *memory)
{
    return memory->busy != NULL || memory->object.state != OBJECT_LIVE;
}

static const struct memory *memory_of_mapping(const struct mapping *mapping)
{
    return container_of(mapping->node.object, struct memory, object);
}

/* ---- mappings and page tables ---- */

static void check_mapping(const struct process *process, const struct mapping *mapping)
{
    const struct memory *memory = memory_of_mapping(mapping);

    CHECK("INV-MAP-1", mapping->process == process && !mapping->node.in_table);
    CHECK("INV-MAP-1", mapping_start(mapping) % WK_PAGE_BYTES == 0 && mapping_end(mapping) <= WK_USER_ADDRESS_END);
    CHECK("INV-MAP-1", mapping->pages != 0);
    CHECK("INV-CAP-2", mapping->node.parent != NULL && list_is_empty(&mapping->node.children));
    CHECK("INV-CAP-2", census_tally(&mapping->node)->children == 1);
    CHECK("mapping", memory->object.type == WK_TYPE_MEMORY && mapping->memory_link.mapping == mapping);
    CHECK("mapping", (mapping->protection & ~(uint64_t)mapping->node.rights) == 0);
    CHECK("mapping", !(mapping->protection & WK_PROTECTION_WRITE) || (mapping->protection & WK_PROTECTION_READ));
    CHECK("mapping", !(mapping->protection & WK_PROTECTION_WRITE) || !(mapping->protection & WK_PROTECTION_EXECUTE));
    check_link(&mapping->memory_link.link);
    census_slab_record(mapping, process->object.bank);
    census_tally(memory)->bindings++;
}

static void check_mappings(const struct process *process)
{
    uint64_t end = 0;

    CHECK("INV-MAP-1", check_tree(&process->mappings) == process->mapping_count);
    for (const struct tree_node *node = process->mappings.first; node != NULL; node = tree_next(node)) {
        const struct mapping *mapping = container_of(node, struct mapping, by_address);

        CHECK("INV-MAP-1", mapping_start(mapping) >= end);
        check_mapping(process, mapping);
        end = mapping_end(mapping);
    }
}

static const struct process *worked_on;
static bool is_worked_on;

static void note_work(const struct operation *operation)
{
    if (operation->step != NULL && operation->object == &worked_on->object)
        is_worked_on = true;
}

/* Whether an operation on the process itself is under way: it may not have restricted all entries yet. */
static bool has_operation(const struct process *process)
{
    worked_on = process;
    is_worked_on = false;
    for_each_operation(note_work);
    return is_worked_on;
}

/* A leaf is what its mapping's memory has there, and allows no more. */
static void check_leaf(const struct process *process, uint64_t address, uint64_t entry, uint64_t bytes)
{
    const struct mapping *mapping = mapping_find(process, address);
    const uint64_t protection = arch_entry_protection(entry);
    const struct memory *memory;
    uint64_t page;

    CHECK("INV-MAP-2", mapping != NULL && address + bytes <= mapping_end(mapping));
    CHECK("INV-MAP-2", protection != 0 && (protection & ~(uint64_t)mapping->node.rights) == 0);
    CHECK("INV-MAP-2", (protection & ~mapping->protection) == 0 || has_operation(process));
    memory = memory_of_mapping(mapping);
    page = mapping->offset_pages + (address - mapping_start(mapping)) / WK_PAGE_BYTES;
    if (is_busy(memory))
        return;
    CHECK("INV-MAP-2", page + bytes / WK_PAGE_BYTES <= memory->pages);
    for (uint64_t i = 0; i < bytes / WK_PAGE_BYTES; i++) {
        const uint64_t physical = arch_entry_physical(entry).address + i * WK_PAGE_BYTES;
        const struct frame *frame;

        if (memory->is_physical) {
            CHECK("INV-MAP-2", physical == memory->physical.address + (page + i) * WK_PAGE_BYTES);
            continue;
        }
        frame = memory_page(memory, page + i);
        CHECK("INV-MAP-2", frame != NULL && frame_physical(frame).address == physical);
        CHECK("INV-MAP-2", frame_sharers(frame) == 1 || !(protection & WK_PROTECTION_WRITE));
    }
}

/* INV-SPARSE-1 of the first words of a table. */
static void check_groups(const uint64_t *table, unsigned words)
{
    for (unsigned i = 0; i < words; i++)
        CHECK("INV-SPARSE-1", table[i] == 0 || (frame_of(table)->groups >> i / SPARSE_GROUP & 1) != 0);
}

/* Returns the present entries of a table that covers `bytes` bytes an entry, from `address` on. */
static uint64_t check_page_table(const struct process *process, const uint64_t *table, unsigned level, uint64_t address)
{
    const bool is_root = level == ARCH_TABLE_LEVELS - 1;
    const uint64_t bytes = WK_PAGE_BYTES << 9 * level;
    const unsigned entries = is_root ? 256 : 512;
    uint64_t present = 0;

    census_kernel_page(table, process->space.bank);
    check_groups(table, entries);
    for (unsigned i = 0; i < entries; i++, address += bytes) {
        if (!arch_entry_is_present(table[i])) {
            CHECK("INV-SPACE-1", table[i] == 0);
            continue;
        }
        present++;
        if (arch_entry_is_leaf(table[i])) {
            CHECK("INV-SPACE-1", level <= 1);
            check_leaf(process, address, table[i], bytes);
        } else {
            CHECK("INV-SPACE-1", level > 0);
            check_page_table(process, arch_pointer(arch_entry_physical(table[i])), level - 1, address);
        }
    }
    CHECK("INV-SPACE-1", frame_of(table)->next == present);
    CHECK("INV-SPACE-1", is_root || present != 0);
    for (unsigned i = entries; i < 512; i++)
        CHECK("INV-SPACE-1", table[i] == HOST_KERNEL_ENTRY);
    return present;
}

void check_process(const struct process *process)
{
    check_mappings(process);
    if (process->space.root != NULL) {
        CHECK("space", process->space.bank == process->object.bank);
        for (unsigned i = 0; i < hart_count; i++)
            CHECK("INV-SPACE-3", (process->space.harts >> i & 1) != 0 || harts[i]->space != &process->space);
        CHECK("space",
              process->space.switch_word == arch_space_word(arch_physical(process->space.root), process->space.asid));
        check_page_table(process, process->space.root, ARCH_TABLE_LEVELS - 1, 0);
    }
    if (process->state == WK_PROCESS_STATE_ENDED)
        CHECK("process", process->mapping_count == 0 && process->table.count == 0);
    check_binding(&process->end);
}

/* ---- memory objects ---- */

static uint64_t present;
static uint64_t tables;

static void check_slot_value(const struct memory *memory, uint64_t slot)
{
    if (slot == 0)
        return;
    census_memory_page(memory_slot_frame(slot), memory->object.bank);
    present++;
}

static void check_slot_table(const struct memory *memory, const uint64_t *table, unsigned level)
{
    census_kernel_page(table, memory->object.bank->payer);
    check_groups(table, MEMORY_SLOTS_PER_TABLE);
    tables++;
    for (unsigned i = 0; i < MEMORY_SLOTS_PER_TABLE; i++) {
        if (level == 0)
            check_slot_value(memory, table[i]);
        else if (table[i] != 0)
            check_slot_table(memory, (const uint64_t *)(uintptr_t)table[i], level - 1);
    }
}

static void check_pins(const struct memory *memory)
{
    uint64_t count = 0;

    for (const struct list *link = memory->pins.next; link != &memory->pins; link = link->next) {
        const struct memory_pin *pin = container_of(link, struct memory_pin, link);
        const struct frame *frame = memory_page(memory, pin->page);

        check_link(link);
        CHECK("INV-MEMORY-3", pin->memory == memory && pin->page < memory->pages);
        CHECK("INV-MEMORY-3", frame != NULL && frame_sharers(frame) == 1);
        count++;
    }
    CHECK("INV-MEMORY-3", count == memory->pin_count && count <= MEMORY_PINS_MAX);
}

/* Markers of operations may stand among the mappings; they are counted by nobody. */
static void check_memory_mappings(const struct memory *memory)
{
    uint64_t count = 0;

    for (const struct list *link = memory->mappings.next; link != &memory->mappings; link = link->next) {
        const struct mapping *mapping = container_of(link, struct mapping_link, link)->mapping;

        check_link(link);
        if (mapping == NULL)
            continue;
        CHECK("mapping", mapping->node.object == &memory->object);
        count++;
    }
    CHECK("mapping", count == memory->mapping_count);
}

void check_memory(const struct memory *memory)
{
    present = 0;
    tables = 0;
    check_memory_mappings(memory);
    if (memory->is_physical) {
        CHECK("memory", memory->present_pages == 0 && memory->pin_count == 0);
        return;
    }
    if (memory->levels == 0)
        for (unsigned i = 0; i < MEMORY_INLINE_PAGES; i++)
            check_slot_value(memory, memory->slots[i]);
    else if (memory->root != NULL)
        check_slot_table(memory, memory->root, memory->levels - 1u);
    CHECK("INV-MEMORY-1", present == memory->present_pages);
    CHECK("memory", is_busy(memory) || (memory->options & MEMORY_TIM) == 0 || present == memory->pages);
    CHECK("memory", tables == memory->table_pages);
    CHECK("memory", is_busy(memory) || memory->present_pages <= memory->pages);
    check_pins(memory);
}
