/* SPDX-License-Identifier: MIT */
/*
 * Weak AVL trees (Haeupler, Sen, Tarjan 2015) with parent links. Invariants: keys in order; each node has a rank, which is
 * that of no node plus 1 or 2 for either child, and 0 if it has none, where no node has rank -1; `first` is the
 * leftmost. Ranks are not kept, only which differences are 2. Without removals they are AVL trees; unlike in these, a removal
 * rotates twice at most. Callers hold the lock of whatever owns the tree.
 */
#include "tree.h"

#include "assert.h"
#include "config.h"

#include <stddef.h>

static inline void set_child(struct tree_node *parent, int side, struct tree_node *child)
{
    parent->child[side] = child;
    if (child != NULL)
        child->parent = parent;
}

/* Makes `child` stand where `node` stood below `parent`. */
static inline void replace_child(struct tree *tree, struct tree_node *parent, struct tree_node *node,
                                 struct tree_node *child)
{
    if (parent == NULL)
        tree->root = child;
    else
        parent->child[parent->child[1] == node] = child;
    if (child != NULL)
        child->parent = parent;
}

/* Rotates so that `node`'s child on `side` takes its place. Ranks are the caller's business. */
static inline void rotate(struct tree *tree, struct tree_node *node, int side)
{
    struct tree_node *up = node->child[side];

    set_child(node, side, up->child[!side]);
    replace_child(tree, node->parent, node, up);
    set_child(up, !side, node);
}

/* The same twice: the child's child in the middle takes the node's place. */
static void rotate_twice(struct tree *tree, struct tree_node *node, int side)
{
    struct tree_node *child = node->child[side];
    struct tree_node *up = child->child[!side];

    set_child(child, !side, up->child[side]);
    set_child(node, side, up->child[!side]);
    replace_child(tree, node->parent, node, up);
    set_child(up, side, child);
    set_child(up, !side, node);
}

#define LOOSE_BOTH UINT32_C(3)

static inline uint32_t bit_of(int side)
{
    return UINT32_C(1) + (uint32_t)side; /* 1 or 2 */
}

/* The child on that side has the node's own rank, for which the other one is too low. */
static NOINLINE void mend_raised(struct tree *tree, struct tree_node *node, int side)
{
    struct tree_node *child = node->child[side];
    struct tree_node *middle = child->child[!side];

    node->loose = 0;
    if (child->loose == bit_of(!side)) {
        child->loose = 0;
        rotate(tree, node, side);
        return;
    }
    assert_debug(middle != NULL); /* its rank is one less than the child's, which is not a leaf's */
    child->loose = middle->loose & bit_of(side) ? bit_of(!side) : 0;
    node->loose = middle->loose & bit_of(!side) ? bit_of(side) : 0;
    middle->loose = 0;
    rotate_twice(tree, node, side);
}

/* The rank of that child became higher, and so does that of its parent, to which both were as near. Returns who is above. */
static inline struct tree_node *raise_child(struct tree_node *parent, const struct tree_node *child)
{
    parent->loose = parent->child[0] == child ? bit_of(1) : bit_of(0);
    return parent->parent;
}

/* Links it below a node that has no child on that side, or as the root below none. */
static NOINLINE void insert_below(struct tree *tree, struct tree_node *parent, size_t side, struct tree_node *node)
{
    node->parent = parent;
    node->child[0] = NULL;
    node->child[1] = NULL;
    node->loose = 0;
    if (parent == NULL) {
        tree->root = node;
        return;
    }
    parent->child[side] = node;
    while (parent->loose == 0) { /* two levels a turn, so that nothing has to be moved between registers */
        struct tree_node *above = raise_child(parent, node);

        if (above == NULL)
            return;
        if (above->loose != 0) {
            node = parent;
            parent = above;
            break;
        }
        node = above;
        parent = raise_child(above, parent);
        if (parent == NULL)
            return;
    }
    side = parent->child[1] == node; /* a word, as bits are here, is never extended */
    if ((parent->loose & (1 + side)) != 0)
        parent->loose &= ~bit_of((int)side);
    else
        mend_raised(tree, parent, side != 0);
}

void tree_insert_after(struct tree *tree, struct tree_node *previous, struct tree_node *node)
{
    struct tree_node *parent = previous;
    size_t side = 1;

    if (previous == NULL) {
        parent = tree->first;
        side = 0;
        tree->first = node;
    } else if (previous->child[1] != NULL) {
        for (parent = previous->child[1]; parent->child[0] != NULL;)
            parent = parent->child[0];
        side = 0;
    }
    insert_below(tree, parent, side, node);
}

void tree_insert(struct tree *tree, struct tree_node *node)
{
    struct tree_node *parent, *at = tree->root;
    size_t side;

    if (at == NULL || node->key < tree->first->key) {
        tree_insert_after(tree, NULL, node);
        return;
    }
    do {
        parent = at;
        side = node->key >= at->key;
        at = side ? at->child[1] : at->child[0];
    } while (at != NULL);
    insert_below(tree, parent, side, node);
}

/* The child on that side is too low by 2, and the other one, whose rank is one less than the node's, cannot be lowered. */
static NOINLINE void mend_lowered(struct tree *tree, struct tree_node *node, int side)
{
    struct tree_node *other = node->child[!side];
    struct tree_node *middle = other->child[side];

    if (other->loose & bit_of(!side)) {
        node->loose = middle->loose & bit_of(side) ? bit_of(!side) : 0;
        other->loose = middle->loose & bit_of(!side) ? bit_of(side) : 0;
        middle->loose = LOOSE_BOTH;
        rotate_twice(tree, node, !side);
        return;
    }
    node->loose = bit_of(side) | (other->loose & bit_of(side) ? bit_of(!side) : 0);
    other->loose = bit_of(!side);
    rotate(tree, node, !side);
    if (middle == NULL && node->child[side] == NULL) {
        node->loose = 0;
        other->loose = LOOSE_BOTH;
    }
}

/* The rank of the child on that side became lower by one. Restores the differences; whether the node's own rank became lower
 * by that. */
static inline bool lower_child(struct tree *tree, struct tree_node *node, int side)
{
    struct tree_node *other = node->child[!side];

    assert_debug(other != NULL || !(node->loose & bit_of(side)));
    if (!(node->loose & bit_of(side))) {
        node->loose |= bit_of(side);
        if (other != NULL || node->child[side] != NULL)
            return false;
        node->loose = 0; /* it has no children now */
    } else if (node->loose == LOOSE_BOTH) {
        node->loose = bit_of(side);
    } else if (other->loose == LOOSE_BOTH) {
        other->loose = 0;
    } else {
        mend_lowered(tree, node, side);
        return false;
    }
    return true;
}

static void lowered(struct tree *tree, struct tree_node *node, int side)
{
    while (node != NULL && lower_child(tree, node, side)) {
        struct tree_node *parent = node->parent;

        side = parent != NULL && parent->child[1] == node;
        node = parent;
    }
}

/* Removes a node that has one child at most. */
static inline void remove_end(struct tree *tree, struct tree_node *node)
{
    struct tree_node *parent = node->parent;
    const int side = parent != NULL && parent->child[1] == node;

    replace_child(tree, parent, node, node->child[node->child[0] == NULL]);
    lowered(tree, parent, side);
}

/* Removes a node that has two children: the next in order takes its place. */
static SLOW_PATH void remove_middle(struct tree *tree, struct tree_node *node)
{
    struct tree_node *heir = node->child[1];
    struct tree_node *parent;
    int side;

    while (heir->child[0] != NULL)
        heir = heir->child[0];
    side = heir->parent == node;
    parent = side ? heir : heir->parent;
    replace_child(tree, heir->parent, heir, heir->child[1]);
    replace_child(tree, node->parent, node, heir);
    for (int i = 0; i < 2; i++) {
        heir->child[i] = node->child[i];
        if (heir->child[i] != NULL)
            heir->child[i]->parent = heir;
    }
    heir->loose = node->loose;
    lowered(tree, parent, side);
}

/* Nothing is to its left, and so one node at most to its right. */
void tree_remove_first(struct tree *tree)
{
    struct tree_node *node = tree->first;
    struct tree_node *parent = node->parent;
    struct tree_node *child = node->child[1];

    tree->first = child != NULL ? child : parent;
    replace_child(tree, parent, node, child);
    while (parent != NULL && lower_child(tree, parent, 0))
        parent = parent->parent;
}

void tree_remove(struct tree *tree, struct tree_node *node)
{
    if (tree->first == node) {
        tree_remove_first(tree);
        return;
    }
    if (node->child[0] != NULL && node->child[1] != NULL)
        remove_middle(tree, node);
    else
        remove_end(tree, node);
}

struct tree_node *tree_next(const struct tree_node *node)
{
    struct tree_node *at = node->child[1];

    if (at != NULL) {
        while (at->child[0] != NULL)
            at = at->child[0];
        return at;
    }
    while (node->parent != NULL && node->parent->child[1] == node)
        node = node->parent;
    return node->parent;
}
