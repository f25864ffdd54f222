/* SPDX-License-Identifier: MIT */
/* Processors (Devicetree Specification 0.4, 3.7 and 3.8, and Linux's riscv/cpus.yaml). */
#include "riscv.h"
#include "string.h"
#include "tree_nodes.h"

static uint64_t boot_hart_phandle;
static bool is_in_boot_hart; /* the processor's node that was visited last is the boot hart's */

/* Whether an ISA string has a single-letter extension, which stand before the first `_`, behind rv64. */
static bool isa_has_letter(const char *isa, char letter)
{
    const char *at = strchr(isa, letter);
    const char *rest = strchr(isa, '_');

    return at != NULL && (rest == NULL || at < rest);
}

/* Whether an ISA string has `_name`, up to the next `_` or its end. */
static bool isa_has(const char *isa, const char *name)
{
    const size_t length = strlen(name);

    for (const char *at = strchr(isa, '_'); at != NULL; at = strchr(at + 1, '_'))
        if (strncmp(at + 1, name, length) == 0 && (at[1 + length] == 0 || at[1 + length] == '_'))
            return true;
    return false;
}

static void boot_hart_node(const struct device_node *node)
{
    const struct device_value extensions = node->values[PROPERTY_ISA_EXTENSIONS];

    machine.isa = device_value_text(node->values[PROPERTY_ISA]);
    machine.has_fp = isa_has_letter(machine.isa, 'd') || device_value_has(extensions, "d");
    machine.has_sstc = isa_has(machine.isa, "sstc") || device_value_has(extensions, "sstc");
}

/* The frequency stands in `cpus`, in older trees in each processor. */
void tree_cpus_node(const struct device_node *node)
{
    const struct device_value timebase = node->values[PROPERTY_TIMEBASE];

    device_value_number(timebase, 0, timebase.bytes / sizeof(uint32_t), &boot_information.timebase_hz);
}

/* A processor that supervisors can use has an `mmu-type`; monitor cores have none. */
enum device_place tree_cpu_node(const struct device_node *node)
{
    const char *mmu = device_value_text(node->values[PROPERTY_MMU_TYPE]);
    uint64_t hartid;

    is_in_boot_hart = false;
    if (!device_value_has(node->values[PROPERTY_DEVICE_TYPE], "cpu") ||
        !device_value_number(node->values[PROPERTY_REG], 0, node->address_cells, &hartid))
        return PLACE_OTHER;
    if (hartid == machine.hartids[0]) {
        is_in_boot_hart = true;
        boot_hart_node(node);
        if (boot_information.timebase_hz == 0)
            tree_cpus_node(node);
    } else if (node_is_okay(node) && strncmp(mmu, "riscv,sv", 8) == 0 && machine.hart_count < HARTS_MAX) {
        machine.hartids[machine.hart_count++] = hartid;
    }
    return PLACE_CPU;
}

void tree_cpu_child_node(const struct device_node *node)
{
    if (is_in_boot_hart && device_value_has(node->values[PROPERTY_COMPATIBLE], "riscv,cpu-intc"))
        device_value_number(node->values[PROPERTY_PHANDLE], 0, 1, &boot_hart_phandle);
}

uint64_t tree_boot_hart_phandle(void)
{
    return boot_hart_phandle;
}
