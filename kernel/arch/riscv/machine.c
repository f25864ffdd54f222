/* SPDX-License-Identifier: MIT */
/* From the device tree to boot_information and `machine`, in one walk. */
#include "page_table.h"
#include "riscv.h"
#include "string.h"
#include "tree_nodes.h"

/* How much is mapped to read the tree: device_tree_bytes refuses larger ones. */
#define TREE_WINDOW_BYTES 0x200000

struct machine machine;

bool node_is_okay(const struct device_node *node)
{
    const struct device_value status = node->values[PROPERTY_STATUS];

    return status.data == NULL || device_value_has(status, "okay") || device_value_has(status, "ok");
}

static enum device_place root_child(const struct device_node *node)
{
    if (strcmp(node->name, "cpus") == 0) {
        tree_cpus_node(node);
        return PLACE_CPUS;
    }
    if (strcmp(node->name, "reserved-memory") == 0)
        return PLACE_RESERVED;
    if (strcmp(node->name, "chosen") == 0)
        tree_chosen_node(node);
    else if (device_value_has(node->values[PROPERTY_DEVICE_TYPE], "memory"))
        tree_memory_node(node);
    else
        tree_device_node(node);
    return PLACE_OTHER;
}

/* The root tells which machine it is. */
static enum device_place root_node(const struct device_node *node)
{
    const char *name;

    for (uint32_t at = 0; (name = device_value_string(node->values[PROPERTY_COMPATIBLE], &at)) != NULL;)
        if (machine.known == NULL)
            machine.known = known_machine_find(name);
    return PLACE_ROOT;
}

static enum device_place visit(const struct device_node *node)
{
    switch (node->parent) {
    case PLACE_NOWHERE:
        return root_node(node);
    case PLACE_ROOT:
        return root_child(node);
    case PLACE_CPUS:
        return tree_cpu_node(node);
    case PLACE_CPU:
        tree_cpu_child_node(node);
        return PLACE_OTHER;
    case PLACE_RESERVED:
        tree_reserved_node(node);
        return PLACE_OTHER;
    case PLACE_OTHER:
        tree_device_node(node);
        return PLACE_OTHER;
    }
    return PLACE_OTHER;
}

void machine_read(struct physical tree, uint64_t boot_hartid)
{
    direct_map_begin(tree, TREE_WINDOW_BYTES);
    machine.isa = "";
    machine.hartids[0] = boot_hartid;
    machine.hart_count = 1;
    device_tree_walk(arch_pointer(tree), visit);
    tree_memory_finish(arch_pointer(tree));
    tree_devices_finish();
}
