/* SPDX-License-Identifier: MIT */
/*
 * Balanced search trees, linked through a member of the sorted struct, keyed by a 64-bit number. Equal keys keep
 * the order in which they were inserted. All operations are O(log n): at most 2 log2(n) levels, and no more than 1.44 of that for all that were ever inserted.
 * Serves the mappings of a process (by address) and the deadlines of a hart (by time).
 */
#ifndef TREE_H
#define TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tree_node {
    struct tree_node *parent;
    struct tree_node *child[2]; /* smaller keys; greater or equal keys */
    uint64_t key;
    uint32_t loose; /* bit n: child[n] has a rank that is lower by 2, not by 1; see tree.c */
};

struct tree {
    struct tree_node *root;
    struct tree_node *first; /* the node with the smallest key */
};

/* Inserts `node`, whose key is set and which is in no tree. The place of what comes first is not searched for. */
void tree_insert(struct tree *tree, struct tree_node *node);
/* The same where it is known behind which node it comes: the last with a key at most its own, or NULL. */
void tree_insert_after(struct tree *tree, struct tree_node *previous, struct tree_node *node);
void tree_remove(struct tree *tree, struct tree_node *node);
/* The same of the first. */
void tree_remove_first(struct tree *tree);
/* The same of the first node if it is the only one; false if it is not. */
static inline bool tree_remove_only(struct tree *tree, const struct tree_node *first)
{
    if (first->parent != NULL || first->child[1] != NULL)
        return false;
    tree->root = NULL;
    tree->first = NULL;
    return true;
}
/* The last node with a key at most `key`, or NULL. */
static inline struct tree_node *tree_find_at_most(const struct tree *tree, uint64_t key)
{
    struct tree_node *best = NULL;
    struct tree_node *at = tree->root;

    while (at != NULL) {
        if (at->key <= key) {
            best = at;
            at = at->child[1];
        } else {
            at = at->child[0];
        }
    }
    return best;
}
/* The next node in order, or NULL. */
struct tree_node *tree_next(const struct tree_node *node);

#endif
