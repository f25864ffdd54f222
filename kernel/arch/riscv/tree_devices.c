/* SPDX-License-Identifier: MIT */
/*
 * The devices that kernel and firmware drive themselves; all others are user space's. Their addresses are taken as they
 * stand: the buses of machines served so far translate nothing (`ranges` is empty).
 */
#include "machine/virt.h"
#include "page_table.h"
#include "riscv.h"
#include "string.h"
#include "tree_nodes.h"

#define KEPT_RANGES_MAX 32
#define PHYSICAL_END (UINT64_C(1) << 56) /* Sv39, 4.4.1 */
#define SUPERVISOR_EXTERNAL 9            /* the hart's interrupt that a controller's context raises */
#define PLIC_LINES_MAX 1023

enum device_role { ROLE_CONTROLLER, ROLE_FINISHER, ROLE_SRAM, ROLE_FIRMWARE, ROLES };

/* What devices with a role are compatible with: names with a zero byte at their end, and an empty one. */
static const char *const roles[ROLES] = {
    [ROLE_CONTROLLER] = "riscv,plic0\0sifive,plic-1.0.0\0thead,c900-plic\0",
    [ROLE_FINISHER] = VIRT_FINISHER_COMPATIBLE "\0",
    [ROLE_SRAM] = "mmio-sram\0",
    [ROLE_FIRMWARE] = ("riscv,clint0\0sifive,clint0\0thead,c900-clint\0"
                       "riscv,aclint-mswi\0riscv,aclint-mtimer\0riscv,aclint-sswi\0"),
};

static struct boot_range kept[KEPT_RANGES_MAX];
static unsigned kept_count;
static struct device_value plic_contexts;
static uint64_t plic_bytes;

static void controller_node(const struct device_node *node, uint64_t start, uint64_t bytes)
{
    uint64_t lines;

    if (start % PAGE_BYTES != 0 || !device_value_number(node->values[PROPERTY_INTERRUPT_LINES], 0, 1, &lines))
        return;
    machine.plic = start;
    machine.plic_lines = lines < PLIC_LINES_MAX ? (unsigned)lines : PLIC_LINES_MAX;
    plic_contexts = node->values[PROPERTY_INTERRUPTS_EXTENDED];
    plic_bytes = bytes;
}

void tree_keep(uint64_t start, uint64_t end)
{
    range_add(kept, &kept_count, KEPT_RANGES_MAX, start, end);
}

/* Memory on the chip: of kind tim where the machine's file says so, else somebody's to claim. */
static void sram_node(const struct device_node *node)
{
    uint64_t start;
    uint64_t bytes;

    for (uint32_t i = 0; node_is_okay(node) && device_node_region(node, i, &start, &bytes); i++)
        tim_add(start, start + bytes, machine.known->sram_attributes);
}

static void role_node(const struct device_node *node, enum device_role role)
{
    uint64_t start;
    uint64_t bytes;

    if (role == ROLE_SRAM) {
        if (machine.known != NULL && machine.known->has_sram)
            sram_node(node);
        return;
    }
    for (uint32_t i = 0; device_node_region(node, i, &start, &bytes); i++)
        tree_keep(start, start + bytes);
    if (!node_is_okay(node) || !device_node_region(node, 0, &start, &bytes))
        return;
    if (role == ROLE_CONTROLLER)
        controller_node(node, start, bytes);
    else if (role == ROLE_FINISHER)
        machine.finisher = start;
}

static bool list_has(const char *list, const char *name)
{
    for (; *list != 0; list += strlen(list) + 1)
        if (strcmp(list, name) == 0)
            return true;
    return false;
}

void tree_device_node(const struct device_node *node)
{
    const struct device_value compatible = node->values[PROPERTY_COMPATIBLE];
    const char *name;

    for (uint32_t at = 0; (name = device_value_string(compatible, &at)) != NULL;)
        for (unsigned role = 0; role < ROLES; role++)
            if (list_has(roles[role], name))
                return role_node(node, (enum device_role)role);
}

/* The n-th pair of `interrupts-extended` is the hart, by phandle, and the interrupt that context n raises there. */
void tree_devices_finish(void)
{
    uint64_t phandle;
    uint64_t interrupt;

    for (uint32_t n = 0; device_value_number(plic_contexts, 2 * n, 1, &phandle) &&
                         device_value_number(plic_contexts, 2 * n + 1, 1, &interrupt);
         n++)
        if (interrupt == SUPERVISOR_EXTERNAL && phandle == tree_boot_hart_phandle() &&
            plic_has_context(plic_bytes, n)) {
            machine.plic_context = n;
            return;
        }
    machine.plic_lines = 0;
}

bool arch_region_is_device(struct physical physical, uint64_t bytes)
{
    const uint64_t start = physical.address;

    return start < PHYSICAL_END && bytes <= PHYSICAL_END - start && !tree_memory_overlaps(start, start + bytes) &&
           !range_overlaps(kept, kept_count, start, start + bytes);
}
