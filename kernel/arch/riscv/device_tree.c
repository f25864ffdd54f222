/* SPDX-License-Identifier: MIT */
/*
 * The walk, on libfdt's tokens: each token is looked at once, since looking properties up by path or name would read the
 * tree again for every question. libfdt checks that each token lies within the tree.
 */
#include "device_tree.h"

#include "assert.h"
#include "string.h"

#include <libfdt.h>

#define DEPTH_MAX 16
#define TREE_BYTES_MAX 0x200000
#define CELL_BYTES 4
#define ADDRESS_END (UINT64_C(1) << 56) /* physical addresses of RISC-V (Privileged Architecture 1.12, 4.3 to 4.5) */

#define KNOWN_NAMES 1024

struct property_name {
    const char *text;
    size_t bytes; /* with the zero */
};
#define NAME(text)                                                                                                     \
    {                                                                                                                  \
        text, sizeof(text)                                                                                             \
    }
static const struct property_name property_names[PROPERTIES] = {
    [PROPERTY_NONE] = {"", SIZE_MAX},
    [PROPERTY_ADDRESS_CELLS] = NAME("#address-cells"),
    [PROPERTY_BOOTARGS] = NAME("bootargs"),
    [PROPERTY_COMPATIBLE] = NAME("compatible"),
    [PROPERTY_DEVICE_TYPE] = NAME("device_type"),
    [PROPERTY_INITRD_END] = NAME("linux,initrd-end"),
    [PROPERTY_INITRD_START] = NAME("linux,initrd-start"),
    [PROPERTY_INTERRUPT_LINES] = NAME("riscv,ndev"),
    [PROPERTY_INTERRUPTS_EXTENDED] = NAME("interrupts-extended"),
    [PROPERTY_ISA] = NAME("riscv,isa"),
    [PROPERTY_ISA_EXTENSIONS] = NAME("riscv,isa-extensions"),
    [PROPERTY_MMU_TYPE] = NAME("mmu-type"),
    [PROPERTY_NO_MAP] = NAME("no-map"),
    [PROPERTY_PHANDLE] = NAME("phandle"),
    [PROPERTY_REG] = NAME("reg"),
    [PROPERTY_SIZE_CELLS] = NAME("#size-cells"),
    [PROPERTY_STATUS] = NAME("status"),
    [PROPERTY_TIMEBASE] = NAME("timebase-frequency"),
};

/* What a node on the way from the root says of its children. */
struct level {
    enum device_place place;
    uint32_t address_cells;
    uint32_t size_cells;
};

struct walk {
    const char *strings;
    uint32_t strings_bytes;
    enum device_place (*visit)(const struct device_node *node);
    struct level levels[DEPTH_MAX];
    unsigned depth;          /* of the node whose tokens are read, the root is 1 */
    bool is_open;            /* its properties are being read: it has not been visited */
    struct device_node node;
    uint8_t known[KNOWN_NAMES]; /* by a name's offset: 1 + its enum device_property, 0 if it was not met yet */
};

static void check_header(const void *tree)
{
    if ((uintptr_t)tree % sizeof(uint64_t) != 0 || fdt_check_header(tree) != 0)
        panic("there is no device tree");
    if (fdt_version(tree) < 17 || fdt_totalsize(tree) > TREE_BYTES_MAX)
        panic("the device tree is too old or too large");
}

uint64_t device_tree_bytes(const void *tree)
{
    return fdt_totalsize(tree);
}

static uint32_t cells_or(struct device_value value, uint32_t otherwise)
{
    uint64_t number;

    return device_value_number(value, 0, 1, &number) && number <= 2 ? (uint32_t)number : otherwise;
}

/* The node's properties are known. */
static void visit_node(struct walk *walk)
{
    struct level *level = &walk->levels[walk->depth];

    if (!walk->is_open)
        return;
    walk->is_open = false;
    level->place = walk->visit(&walk->node);
    level->address_cells = cells_or(walk->node.values[PROPERTY_ADDRESS_CELLS], 2);
    level->size_cells = cells_or(walk->node.values[PROPERTY_SIZE_CELLS], 1);
}

static void begin_node(struct walk *walk, const char *name)
{
    const struct level *parent = &walk->levels[walk->depth];

    visit_node(walk);
    if (++walk->depth == DEPTH_MAX)
        panic("the device tree is too deep");
    memset(&walk->node, 0, sizeof(walk->node));
    walk->node.name = name;
    walk->node.parent = parent->place;
    walk->node.address_cells = parent->address_cells;
    walk->node.size_cells = parent->size_cells;
    walk->is_open = true;
}

static void end_node(struct walk *walk)
{
    if (walk->depth == 0)
        panic("the device tree ends before it begins");
    visit_node(walk);
    walk->depth--;
}

static enum device_property find_property(const char *name, size_t bytes_left)
{
    for (unsigned i = 0; i < PROPERTIES; i++)
        if (property_names[i].bytes <= bytes_left && memcmp(name, property_names[i].text, property_names[i].bytes) == 0)
            return (enum device_property)i;
    return PROPERTY_NONE;
}

/* Names are few and their uses many: what a name means is looked up once for its place among the tree's strings. */
static void note_property(struct walk *walk, const struct fdt_property *property)
{
    const uint32_t offset = fdt32_to_cpu(property->nameoff);
    enum device_property which;

    if (offset >= walk->strings_bytes)
        panic("a property's name lies outside of the device tree");
    if (offset < KNOWN_NAMES && walk->known[offset] != 0) {
        which = walk->known[offset] - 1;
    } else {
        which = find_property(walk->strings + offset, walk->strings_bytes - offset);
        if (offset < KNOWN_NAMES)
            walk->known[offset] = (uint8_t)(which + 1);
    }
    walk->node.values[which] = (struct device_value){property->data, fdt32_to_cpu(property->len)};
}

void device_tree_walk(const void *tree, enum device_place (*visit)(const struct device_node *node))
{
    struct walk walk = {.visit = visit, .levels = {{.place = PLACE_NOWHERE}}};
    const char *tokens;
    int next = 0;

    check_header(tree);
    tokens = (const char *)tree + fdt_off_dt_struct(tree);
    walk.strings = (const char *)tree + fdt_off_dt_strings(tree);
    walk.strings_bytes = fdt_size_dt_strings(tree);
    for (;;) {
        const int offset = next;
        const uint32_t tag = fdt_next_tag(tree, offset, &next);
        const char *token = tokens + offset;

        if (next < 0)
            panic("the device tree is damaged");
        if (tag == FDT_BEGIN_NODE)
            begin_node(&walk, token + FDT_TAGSIZE);
        else if (tag == FDT_PROP && walk.is_open)
            note_property(&walk, (const struct fdt_property *)(const void *)token);
        else if (tag == FDT_END_NODE)
            end_node(&walk);
        else if (tag == FDT_END)
            return;
    }
}

bool device_value_number(struct device_value value, uint32_t word, uint32_t cells, uint64_t *number)
{
    const fdt32_t *words = (const fdt32_t *)(const void *)value.data;

    if (cells > 2 || (uint64_t)word + cells > value.bytes / CELL_BYTES)
        return false;
    *number = 0;
    for (uint32_t i = 0; i < cells; i++)
        *number = *number << 32 | fdt32_to_cpu(words[word + i]);
    return true;
}

const char *device_value_string(struct device_value value, uint32_t *at)
{
    const char *text = value.data + *at;
    const size_t length = strnlen(text, value.bytes - *at);

    if (length == value.bytes - *at)
        return NULL;
    *at += (uint32_t)length + 1;
    return text;
}

bool device_value_has(struct device_value value, const char *text)
{
    const char *string;

    for (uint32_t at = 0; (string = device_value_string(value, &at)) != NULL;)
        if (strcmp(string, text) == 0)
            return true;
    return false;
}

const char *device_value_text(struct device_value value)
{
    uint32_t at = 0;
    const char *text = device_value_string(value, &at);

    return text == NULL ? "" : text;
}

bool device_node_region(const struct device_node *node, uint32_t n, uint64_t *start, uint64_t *bytes)
{
    const struct device_value reg = node->values[PROPERTY_REG];
    const uint32_t cells = node->address_cells + node->size_cells;

    if (cells == 0 || n > reg.bytes / CELL_BYTES / cells)
        return false;
    return device_value_number(reg, n * cells, node->address_cells, start) &&
           device_value_number(reg, n * cells + node->address_cells, node->size_cells, bytes) &&
           *start < ADDRESS_END && *bytes <= ADDRESS_END - *start;
}
