/* SPDX-License-Identifier: MIT */
/* Balanced trees, against a sorted array. */
#include "check.h"
#include "harness.h"
#include "tree.h"

#include <stdlib.h>

#define NODES 300

struct reference {
    struct tree_node *sorted[NODES]; /* equal keys in order of insertion */
    unsigned count;
};

static struct tree_node nodes[NODES];

static void reference_insert(struct reference *reference, struct tree_node *node)
{
    unsigned place = reference->count++;

    for (; place > 0 && reference->sorted[place - 1]->key > node->key; place--)
        reference->sorted[place] = reference->sorted[place - 1];
    reference->sorted[place] = node;
}

static void reference_remove(struct reference *reference, const struct tree_node *node)
{
    unsigned place = 0;

    while (reference->sorted[place] != node)
        place++;
    reference->count--;
    for (; place < reference->count; place++)
        reference->sorted[place] = reference->sorted[place + 1];
}

static void compare(const struct tree *tree, const struct reference *reference)
{
    const struct tree_node *node = tree->first;

    assert_int_equal(check_tree(tree), reference->count);
    for (unsigned i = 0; i < reference->count; i++) {
        assert_ptr_equal(node, reference->sorted[i]);
        node = tree_next(node);
    }
    assert_null(node);
}

static void an_empty_tree_has_no_first_and_finds_nothing(void **state)
{
    struct tree tree = {0};

    (void)state;
    assert_int_equal(check_tree(&tree), 0);
    assert_null(tree_find_at_most(&tree, UINT64_MAX));
}

static void finds_the_last_key_that_is_not_greater(void **state)
{
    struct tree tree = {0};

    (void)state;
    for (unsigned i = 0; i < 10; i++) {
        nodes[i].key = 10 + 10 * i;
        tree_insert(&tree, &nodes[i]);
    }
    assert_null(tree_find_at_most(&tree, 9));
    assert_ptr_equal(tree_find_at_most(&tree, 10), &nodes[0]);
    assert_ptr_equal(tree_find_at_most(&tree, 19), &nodes[0]);
    assert_ptr_equal(tree_find_at_most(&tree, 55), &nodes[4]);
    assert_ptr_equal(tree_find_at_most(&tree, UINT64_MAX), &nodes[9]);
}

static void finds_the_last_of_equal_keys(void **state)
{
    struct tree tree = {0};

    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        nodes[i].key = 7;
        tree_insert(&tree, &nodes[i]);
    }
    assert_ptr_equal(tree.first, &nodes[0]);
    assert_ptr_equal(tree_find_at_most(&tree, 7), &nodes[4]);
}

static void stays_balanced_when_keys_come_in_order(void **state)
{
    struct tree tree = {0};
    struct reference reference = {.count = 0};

    (void)state;
    for (unsigned i = 0; i < NODES; i++) {
        nodes[i].key = i;
        tree_insert(&tree, &nodes[i]);
        reference_insert(&reference, &nodes[i]);
        compare(&tree, &reference);
    }
    for (unsigned i = 0; i < NODES; i++) {
        tree_remove(&tree, &nodes[i]);
        reference_remove(&reference, &nodes[i]);
        compare(&tree, &reference);
    }
}

/* With few distinct keys, so that equal ones are common. */
static void agrees_with_a_sorted_array(void **state)
{
    struct tree tree = {0};
    struct reference reference = {.count = 0};
    bool inside[NODES] = {false};

    (void)state;
    srand(1);
    for (unsigned step = 0; step < 20000; step++) {
        const unsigned i = (unsigned)rand() % NODES;

        if (inside[i]) {
            tree_remove(&tree, &nodes[i]);
            reference_remove(&reference, &nodes[i]);
        } else {
            nodes[i].key = (uint64_t)(rand() % 100);
            tree_insert(&tree, &nodes[i]);
            reference_insert(&reference, &nodes[i]);
        }
        inside[i] = !inside[i];
        compare(&tree, &reference);
    }
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_tree_has_no_first_and_finds_nothing),
        cmocka_unit_test(finds_the_last_key_that_is_not_greater),
        cmocka_unit_test(finds_the_last_of_equal_keys),
        cmocka_unit_test(stays_balanced_when_keys_come_in_order),
        cmocka_unit_test(agrees_with_a_sorted_array),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(*tests));
}
