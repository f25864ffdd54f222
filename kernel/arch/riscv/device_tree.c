/* SPDX-License-Identifier: MIT */
/*
 * The walk, on libfdt's tokens: each token is looked at once, since looking properties up by path or name would read
 * the tree again for every question. libfdt checks that each token lies within the tree.
 */
#include "device_tree.h"

#include "assert.h"
#include "string.h"

#include <libfdt.h>

#define DEPTH_MAX 16
#define TREE_BYTES_MAX 0x200000
#define VERSION_MIN 17
#define CELL_BYTES 4
#define ADDRESS_END (UINT64_C(1) << 56) /* physical addresses of RISC-V (Privileged Architecture 1.12, 4.3 to 4.5) */

/* Offsets of names up to here are remembered. */
#define KNOWN_NAMES 1024

/* The names one behind the other, and where each of them begins. */
#define NAME_FIELD(what, name) char what[sizeof(name)];
#define NAME_TEXT(what, name) name "\0"
#define NAME_PLACE(what, name) [PROPERTY_##what] = offsetof(struct property_names, what),
struct property_names {
    DEVICE_PROPERTIES(NAME_FIELD)
};
static const char property_names[] = DEVICE_PROPERTIES(NAME_TEXT);
static const uint8_t property_places[PROPERTIES] = {DEVICE_PROPERTIES(NAME_PLACE)};

_Static_assert(sizeof(property_names) <= UINT8_MAX, "a place is a byte");

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
    unsigned depth; /* of the node whose tokens are read, the root is 1 */
    bool is_open;   /* its properties are being read: it has not been visited */
    struct device_node node;
    uint8_t known[KNOWN_NAMES]; /* by a name's offset: 1 + its enum device_property, 0 if it was not met yet */
};

static void require(bool is_so)
{
    if (!is_so)
        panic("the device tree is damaged");
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

/* The node's properties are known, unless it has been visited. */
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
    require(++walk->depth < DEPTH_MAX);
    memset(&walk->node, 0, sizeof(walk->node));
    walk->node.name = name;
    walk->node.parent = parent->place;
    walk->node.address_cells = parent->address_cells;
    walk->node.size_cells = parent->size_cells;
    walk->is_open = true;
}

static void end_node(struct walk *walk)
{
    require(walk->depth > 0);
    visit_node(walk);
    walk->depth--;
}

static enum device_property find_property(const char *name, size_t bytes_left)
{
    require(strnlen(name, bytes_left) < bytes_left);
    for (unsigned i = PROPERTY_NONE + 1; i < PROPERTIES; i++)
        if (strcmp(name, property_names + property_places[i]) == 0)
            return (enum device_property)i;
    return PROPERTY_NONE;
}

/* Names are few and their uses many: what a name means is looked up once for its place among the tree's strings. */
static void note_property(struct walk *walk, const struct fdt_property *property)
{
    const uint32_t offset = fdt32_to_cpu(property->nameoff);
    enum device_property which;

    require(offset < walk->strings_bytes);
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
    const char *tokens = (const char *)tree + fdt_off_dt_struct(tree);
    int next = 0;

    require((uintptr_t)tree % sizeof(uint64_t) == 0 && fdt_check_header(tree) == 0 &&
            fdt_version(tree) >= VERSION_MIN && fdt_totalsize(tree) <= TREE_BYTES_MAX &&
            fdt_off_mem_rsvmap(tree) % sizeof(uint64_t) == 0 && fdt_off_dt_struct(tree) % CELL_BYTES == 0);
    walk.strings = (const char *)tree + fdt_off_dt_strings(tree);
    walk.strings_bytes = fdt_size_dt_strings(tree);
    for (;;) {
        const int offset = next;
        const uint32_t tag = fdt_next_tag(tree, offset, &next);
        const char *token = tokens + offset;

        require(next >= 0);
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

bool device_tree_reservation(const void *tree, uint32_t n, uint64_t *start, uint64_t *bytes)
{
    const uint64_t at = fdt_off_mem_rsvmap(tree) + n * sizeof(struct fdt_reserve_entry);
    const struct device_value entry = {(const char *)tree + at, sizeof(struct fdt_reserve_entry)};

    return at + entry.bytes <= fdt_totalsize(tree) && device_value_number(entry, 0, 2, start) &&
           device_value_number(entry, 2, 2, bytes) && *bytes != 0;
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
    const uint32_t left = value.bytes - *at;
    const char *text = value.data;
    size_t length;

    if (left == 0)
        return NULL;
    text += *at;
    length = strnlen(text, left);
    if (length == left)
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
           device_value_number(reg, n * cells + node->address_cells, node->size_cells, bytes) && *start < ADDRESS_END &&
           *bytes <= ADDRESS_END - *start;
}
