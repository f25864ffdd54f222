/* SPDX-License-Identifier: MIT */
/*
 * AVL trees with parent links. Invariants: keys in order; `balance` is the difference of the subtrees' heights and lies
 * in -1..1; `first` is the leftmost node. Callers hold the lock of whatever owns the tree.
 */
#include "tree.h"

#include "config.h"

#include <stddef.h>

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

/* Rotates so that `node`'s child on `side` takes its place. Balances are the caller's business. */
static struct tree_node *rotate(struct tree *tree, struct tree_node *node, int side)
{
    struct tree_node *up = node->child[side];

    node->child[side] = up->child[!side];
    if (node->child[side] != NULL)
        node->child[side]->parent = node;
    replace_child(tree, node->parent, node, up);
    up->child[!side] = node;
    node->parent = up;
    return up;
}

/*
 * Mends a node whose balance is +2 or -2. Returns the subtree's new root; its balance is 0 unless the tree did not
 * become lower (which happens only on removal).
 */
static struct tree_node *mend(struct tree *tree, struct tree_node *node)
{
    const int side = node->balance > 0;
    const int32_t lean = side ? 1 : -1;
    struct tree_node *heavy = node->child[side];
    struct tree_node *middle;

    if (heavy->balance != -lean) {
        node->balance = heavy->balance == 0 ? lean : 0;
        heavy->balance = heavy->balance == 0 ? -lean : 0;
        return rotate(tree, node, side);
    }
    middle = heavy->child[!side];
    node->balance = middle->balance == lean ? -lean : 0;
    heavy->balance = middle->balance == -lean ? lean : 0;
    middle->balance = 0;
    rotate(tree, heavy, !side);
    return rotate(tree, node, side);
}

void tree_insert_after(struct tree *tree, struct tree_node *previous, struct tree_node *node)
{
    struct tree_node *parent = previous;
    struct tree_node *above = previous == NULL ? tree->root : previous->child[1];
    const int side = above == NULL;

    /* Its place is to the right of `previous`, or leftmost in what is there. */
    for (; above != NULL; above = above->child[0])
        parent = above;
    node->parent = parent;
    node->child[0] = NULL;
    node->child[1] = NULL;
    node->balance = 0;
    if (previous == NULL)
        tree->first = node;
    if (parent == NULL) {
        tree->root = node;
        return;
    }
    parent->child[side] = node;
    for (; parent != NULL; node = parent, parent = node->parent) {
        parent->balance += parent->child[1] == node ? 1 : -1;
        if (parent->balance == 0)
            return;
        if (parent->balance == 2 || parent->balance == -2) {
            mend(tree, parent);
            return;
        }
    }
}

static inline void lowered(struct tree *tree, struct tree_node *parent, int side);

/* Mends `node` after a removal; its subtree may have become lower by that. */
static SLOW_PATH void mend_lowered(struct tree *tree, struct tree_node *node)
{
    struct tree_node *above = node->parent;
    const int above_side = above != NULL && above->child[1] == node;

    if (mend(tree, node)->balance == 0)
        lowered(tree, above, above_side);
}

/* The subtree on `side` of `parent` became lower by one: restores the balances upward. */
static inline void lowered(struct tree *tree, struct tree_node *parent, int side)
{
    while (parent != NULL) {
        struct tree_node *above = parent->parent;

        parent->balance += side ? -1 : 1;
        if (parent->balance == 1 || parent->balance == -1)
            return;
        if (parent->balance != 0) {
            mend_lowered(tree, parent);
            return;
        }
        side = above != NULL && above->child[1] == parent;
        parent = above;
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
    heir->balance = node->balance;
    lowered(tree, parent, side);
}

static SLOW_PATH void remove_first(struct tree *tree, struct tree_node *node)
{
    tree->first = tree_next(node);
    remove_end(tree, node); /* nothing is to its left */
}

void tree_remove(struct tree *tree, struct tree_node *node)
{
    if (tree->first == node)
        remove_first(tree, node);
    else if (node->child[0] != NULL && node->child[1] != NULL)
        remove_middle(tree, node);
    else
        remove_end(tree, node);
}

void tree_insert(struct tree *tree, struct tree_node *node)
{
    tree_insert_after(tree, tree_find_at_most(tree, node->key), node);
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
