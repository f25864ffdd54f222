/* SPDX-License-Identifier: MIT */
/*
 * One walk over the flattened device tree (Devicetree Specification 0.4, chapter 5). Nothing in the tree is trusted:
 * every value is a range of bytes that the walk has found to lie in the tree.
 */
#ifndef DEVICE_TREE_H
#define DEVICE_TREE_H

#include <stdbool.h>
#include <stdint.h>

/* The properties that the kernel looks at: PROPERTY_what, and the name in the tree. */
/* clang-format off */
#define DEVICE_PROPERTIES(property)                     \
    property(ADDRESS_CELLS, "#address-cells")           \
    property(BOOTARGS, "bootargs")                      \
    property(COMPATIBLE, "compatible")                  \
    property(DEVICE_TYPE, "device_type")                \
    property(INITRD_END, "linux,initrd-end")            \
    property(INITRD_START, "linux,initrd-start")        \
    property(INTERRUPT_LINES, "riscv,ndev")             \
    property(INTERRUPTS_EXTENDED, "interrupts-extended") \
    property(ISA, "riscv,isa")                          \
    property(ISA_EXTENSIONS, "riscv,isa-extensions")    \
    property(MMU_TYPE, "mmu-type")                      \
    property(NO_MAP, "no-map")                          \
    property(PHANDLE, "phandle")                        \
    property(REG, "reg")                                \
    property(SIZE_CELLS, "#size-cells")                 \
    property(STATUS, "status")                          \
    property(TIMEBASE, "timebase-frequency")
/* clang-format on */

#define DEVICE_PROPERTY_NUMBER(what, name) PROPERTY_##what,
enum device_property {
    PROPERTY_NONE, /* any other */
    DEVICE_PROPERTIES(DEVICE_PROPERTY_NUMBER) PROPERTIES,
};

struct device_value {
    const char *data; /* NULL: the node has no such property */
    uint32_t bytes;
};

/* Where a node stands: what its parent is. */
enum device_place { PLACE_OTHER, PLACE_ROOT, PLACE_CPUS, PLACE_CPU, PLACE_RESERVED, PLACE_NOWHERE };

struct device_node {
    const char *name;
    enum device_place parent;
    uint32_t address_cells; /* in which `reg` is given */
    uint32_t size_cells;
    struct device_value values[PROPERTIES];
};

/*
 * Calls `visit` for each node when its properties are known and before its children; it answers what the node is to its
 * children. Panics if the tree is not well-formed.
 */
void device_tree_walk(const void *tree, enum device_place (*visit)(const struct device_node *node));
/* Of a tree that has been walked: its bytes, and the n-th of the reservations in its header, false behind the last. */
uint64_t device_tree_bytes(const void *tree);
bool device_tree_reservation(const void *tree, uint32_t n, uint64_t *start, uint64_t *bytes);

/* The big-endian number in `cells` (1 or 2) words at a word's index; false if the value does not reach so far. */
bool device_value_number(struct device_value value, uint32_t word, uint32_t cells, uint64_t *number);
/* The string at a byte's index, which is moved behind it; NULL if none ends within the value. */
const char *device_value_string(struct device_value value, uint32_t *at);
/* Whether the value is a list of strings with this one among them. */
bool device_value_has(struct device_value value, const char *text);
/* The value's first string, "" if it has none. */
const char *device_value_text(struct device_value value);
/* The n-th (address, size) of a node's `reg`; false if there is none, or it lies beyond all physical addresses. */
bool device_node_region(const struct device_node *node, uint32_t n, uint64_t *start, uint64_t *bytes);

#endif
