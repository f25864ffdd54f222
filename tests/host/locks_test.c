/* SPDX-License-Identifier: MIT */
/*
 * Locks of files: beside a model that knows of each byte who has it and how, and who waits for whom. Allocations fail now and then, and
 * then nothing has changed.
 */
#include <winkle/abi.h>
#include <winkle/capability.h>

#include "service_kernel.h"

static unsigned deleted; /* events that were given back */

static inline enum wk_status count_delete(wk_handle handle)
{
    (void)handle;
    deleted++;
    return WK_OK;
}
#define wk_capability_delete count_delete

#include "../../services/files/lock_records.c"
#include "../../services/files/lock_waits.c"
#include "../../services/files/locks.c"
#include "../../services/files/path.c"
#include "../../services/files/session.c"
#include "../../services/files/tree.c"

#include <stdio.h>

#define HOLDERS 5 /* the first OWNERS stand for processes */
#define OWNERS 3
#define NODES 2
#define BYTES 12 /* the last one stands for all that follow */
#define ROUNDS 200000
#define SESSIONS_OF_VIEW 400

static unsigned long held;
static long left_to_fail = -1;
static uint64_t drawn, random_state = 1;

void *pool_take(size_t bytes)
{
    if (left_to_fail == 0)
        return NULL;
    left_to_fail -= left_to_fail > 0;
    held++;
    return calloc(1, bytes);
}

void pool_give(void *record, size_t bytes)
{
    (void)bytes;
    held--;
    free(record);
}

void *pool_take_pages(uint64_t pages, wk_handle *memory)
{
    void *address = pool_take(pages * WK_PAGE_BYTES);

    *memory = (wk_handle)address;
    return address;
}

void pool_give_pages(wk_handle memory)
{
    pool_give((void *)memory, 0);
}

void content_drop(struct node *node)
{
    (void)node;
}

uint64_t time_now(void)
{
    return 0;
}

uint64_t random_number(void)
{
    return ++drawn * 0x9e3779b97f4a7c15;
}

static unsigned pick(unsigned below)
{
    random_state = random_state * 6364136223846793005U + 1442695040888963407U;
    return (unsigned)(random_state >> 33) % below;
}

/* ---- what there is ---- */

static struct node *root, *nodes[NODES];
static struct session *sessions[HOLDERS], *waits[HOLDERS];

static struct session *new_session(struct node *node)
{
    struct session *session;

    assert_int_equal(
        session_open(session_with(0)->view, &(struct place){node, false}, SESSION_READ | SESSION_WRITE, &session),
        WK_OK);
    return session;
}

static int set_up(void **state)
{
    (void)state;
    assert_int_equal(tree_create(1, 4, &root), WK_OK);
    assert_int_equal(sessions_create(root, SESSIONS_OF_VIEW), WK_OK);
    for (unsigned i = 0; i < NODES; i++)
        nodes[i] = node_create(MODE_FILE << MODE_KIND_SHIFT | 0644);
    for (unsigned i = 0; i < HOLDERS; i++) {
        sessions[i] = new_session(root);
        waits[i] = new_session(root);
        assert_int_equal(locks_enlist(waits[i], i, 1), WK_OK);
    }
    return 0;
}

/* All goes with the sessions. */
static int tear_down(void **state)
{
    struct view *view = session_with(0)->view;

    (void)state;
    deleted = 0;
    for (unsigned i = 0; i < HOLDERS; i++) {
        session_close(sessions[i]);
        session_close(waits[i]);
    }
    assert_int_equal(deleted, HOLDERS);
    assert_int_equal(session_with(0)->view->locks, 0);
    assert_false(locks_are_waited_for());
    for (unsigned i = 0; i < LOCK_LISTS; i++)
        assert_true(files[i] == NULL && holders[i] == NULL && waiters[i] == NULL);
    for (unsigned i = 0; i < NODES; i++) {
        assert_int_equal(nodes[i]->users, 1);
        node_release(nodes[i]);
    }
    session_close(session_with(0));
    view_release(view);
    for (unsigned i = 0; i < block_count; i++)
        pool_give(blocks[i], 0);
    pool_give(root, 0);
    pool_give_pages(buckets_memory);
    block_count = 0;
    open_count = 0;
    free_sessions = NULL;
    name_count = 0;
    memset(with_tickets, 0, sizeof(with_tickets));
    memset(told, 0, sizeof(told));
    assert_int_equal(held, 0);
    return 0;
}

/* A request by the numbers of the model: what lies behind the last byte goes with it. */
static struct lock_request wanted(unsigned holder, unsigned node, unsigned type, unsigned first, unsigned last)
{
    return (struct lock_request){.holder = sessions[holder],
                                 .node = nodes[node],
                                 .first = first,
                                 .last = last == BYTES - 1 ? LOCK_LAST : last,
                                 .pid = holder < OWNERS ? holder + 1 : 0,
                                 .is_lock = type != 0,
                                 .is_exclusive = type == 2};
}

static enum wk_status set_lock(unsigned holder, unsigned node, unsigned type, unsigned first, unsigned last)
{
    const struct lock_request request = wanted(holder, node, type, first, last);

    return locks_set(&request);
}

static enum wk_status wait_for(unsigned holder, unsigned node, unsigned type, unsigned first, unsigned last)
{
    const struct lock_request request = wanted(holder, node, type, first, last);

    return locks_wait(&request, waits[holder]);
}

static enum wk_status set_whole(unsigned holder, unsigned type)
{
    struct lock_request request = wanted(holder, 0, type, 0, BYTES - 1);

    request.space = LOCK_WHOLE;
    return locks_set(&request);
}

/* ---- the model ---- */

static uint8_t model[NODES][BYTES][HOLDERS]; /* 0 none, 1 shared, 2 exclusive */
static struct {
    bool is_armed;
    unsigned node, type, first, last;
} model_waits[HOLDERS];

static bool model_blocks(unsigned other, unsigned holder, unsigned node, unsigned type, unsigned first, unsigned last)
{
    for (unsigned i = first; i <= last && other != holder && type != 0; i++) {
        if (model[node][i][other] != 0 && (model[node][i][other] == 2 || type == 2))
            return true;
    }
    return false;
}

static bool model_conflict(unsigned holder, unsigned node, unsigned type, unsigned first, unsigned last)
{
    for (unsigned other = 0; other < HOLDERS; other++) {
        if (model_blocks(other, holder, node, type, first, last))
            return true;
    }
    return false;
}

/* Whether one waits for the other, perhaps by way of further processes. */
static bool model_leads_to(unsigned from, unsigned to, unsigned depth)
{
    for (unsigned other = 0; depth < OWNERS && other < OWNERS; other++) {
        if (model_waits[from].is_armed &&
            model_blocks(other, from, model_waits[from].node, model_waits[from].type, model_waits[from].first,
                         model_waits[from].last) &&
            (other == to || model_leads_to(other, to, depth + 1)))
            return true;
    }
    return false;
}

/* What the lists say of each byte is what the model says, and there are no more records than that takes. */
static void compare(void)
{
    for (unsigned n = 0; n < NODES; n++) {
        const struct file_locks *file = lock_file_find(nodes[n]);
        uint8_t real[BYTES][HOLDERS] = {{0}};
        uint64_t before = 0;
        unsigned count = 0, runs = 0;

        for (struct wk_link *link = file == NULL ? NULL : file->locks[0].next; link != NULL && link != &file->locks[0];
             link = link->next) {
            const struct lock *lock = WK_LINKED(link, struct lock, in_file);
            unsigned holder = 0;

            while (sessions[holder] != lock->holder->session)
                holder++;
            assert_true(lock->first >= before && lock->first <= lock->last);
            assert_int_equal(lock->pid, holder < OWNERS ? holder + 1 : 0);
            before = lock->first;
            count++;
            for (uint64_t i = lock->first; i < BYTES && i <= lock->last; i++) {
                assert_int_equal(real[i][holder], 0);
                real[i][holder] = lock->is_exclusive ? 2 : 1;
            }
        }
        assert_memory_equal(real, model[n], sizeof(real));
        for (unsigned h = 0; h < HOLDERS; h++) {
            for (unsigned i = 0; i < BYTES; i++)
                runs += real[i][h] != 0 && (i == 0 || real[i - 1][h] != real[i][h]);
        }
        assert_int_equal(count, runs);
        assert_int_equal(file == NULL ? 0 : file->lock_count, count);
    }
}

/* Who was told is armed no more; who is armed still has something in the way. */
static void compare_waits(void)
{
    for (unsigned i = 0; i < HOLDERS; i++) {
        const bool is_armed = lock_waiter_find(waits[i])->file != NULL;

        assert_int_equal(told[i], model_waits[i].is_armed && !is_armed);
        told[i] = 0;
        model_waits[i].is_armed = is_armed;
        assert_true(!is_armed || model_conflict(i, model_waits[i].node, model_waits[i].type, model_waits[i].first,
                                                model_waits[i].last));
    }
}

static void set_beside_model(unsigned holder, unsigned node, unsigned type, unsigned first, unsigned last)
{
    const bool conflicts = model_conflict(holder, node, type, first, last);
    const struct lock_request request = wanted(holder, node, type, first, last);
    enum wk_status status;

    left_to_fail = pick(8) == 0 ? (long)pick(3) : -1;
    assert_int_equal(locks_conflict(&request) != NULL, conflicts);
    status = locks_set(&request);
    if (left_to_fail < 0)
        assert_int_equal(status, conflicts ? WK_WOULD_BLOCK : WK_OK);
    left_to_fail = -1;
    assert_true(status != WK_OK || !conflicts);
    for (unsigned i = first; i <= last && status == WK_OK; i++)
        model[node][i][holder] = (uint8_t)type;
    if (status != WK_WOULD_BLOCK || pick(2) == 0)
        return;
    compare_waits();
    model_waits[holder].is_armed = false; /* it waits for one thing at a time */
    status = wait_for(holder, node, type, first, last);
    if (status == WK_DEADLOCK) {
        model_waits[holder] = (typeof(model_waits[0])){true, node, type, first, last};
        assert_true(holder < OWNERS && model_leads_to(holder, holder, 0));
        model_waits[holder].is_armed = false;
        return;
    }
    assert_int_equal(status, WK_WOULD_BLOCK);
    model_waits[holder] = (typeof(model_waits[0])){true, node, type, first, last};
    assert_true(holder >= OWNERS || !model_leads_to(holder, holder, 0));
}

/* One gives all up, of a node or by its session's end. */
static void give_up_beside_model(unsigned holder, unsigned node)
{
    const bool is_end = pick(4) == 0;

    if (is_end) {
        session_close(sessions[holder]);
        sessions[holder] = new_session(root);
        if (model_waits[holder].is_armed)
            told[holder]++; /* what it waited for went with its session */
    } else {
        locks_give_up(sessions[holder], nodes[node]);
    }
    for (unsigned n = 0; n < NODES; n++) {
        for (unsigned i = 0; i < BYTES && (is_end || n == node); i++)
            model[n][i][holder] = 0;
    }
}

static void ranges_are_as_in_the_model(void **state)
{
    (void)state;
    memset(model, 0, sizeof(model));
    memset(model_waits, 0, sizeof(model_waits));
    for (unsigned round = 0; round < ROUNDS; round++) {
        const unsigned holder = pick(HOLDERS), node = pick(NODES), first = pick(BYTES);

        if (pick(40) == 0)
            give_up_beside_model(holder, node);
        else
            set_beside_model(holder, node, pick(3), first,
                             first + pick(pick(2) == 0 ? 3 : BYTES - first) % (BYTES - first));
        compare();
        compare_waits();
    }
}

/* ---- single things ---- */

static void ranges_split_and_merge(void **state)
{
    (void)state;
    assert_int_equal(set_lock(0, 0, 1, 0, BYTES - 1), WK_OK);
    assert_int_equal(set_lock(0, 0, 0, 4, 5), WK_OK);
    assert_int_equal(lock_file_find(nodes[0])->lock_count, 2);
    assert_int_equal(set_lock(1, 0, 2, 4, 5), WK_OK);
    assert_int_equal(set_lock(1, 0, 2, 5, 6), WK_WOULD_BLOCK);
    assert_int_equal(set_lock(1, 0, 0, 4, 5), WK_OK);
    assert_int_equal(set_lock(0, 0, 1, 4, 5), WK_OK);
    assert_int_equal(lock_file_find(nodes[0])->lock_count, 1);
    assert_int_equal(set_lock(0, 0, 0, 0, BYTES - 1), WK_OK);
    assert_null(lock_file_find(nodes[0]));
    assert_int_equal(set_lock(0, 0, 0, 0, 3), WK_OK); /* nothing is there to give up */
}

static void chains_of_waits_are_found(void **state)
{
    (void)state;
    for (unsigned i = 0; i < OWNERS; i++)
        assert_int_equal(set_lock(i, i % 2, 2, i, i), WK_OK);
    assert_int_equal(set_lock(0, 1, 2, 1, 1), WK_WOULD_BLOCK);
    assert_int_equal(wait_for(0, 1, 2, 1, 1), WK_WOULD_BLOCK);
    assert_int_equal(wait_for(1, 0, 1, 2, 2), WK_WOULD_BLOCK);
    assert_int_equal(wait_for(2, 0, 1, 0, 0), WK_DEADLOCK);
    assert_int_equal(wait_for(3, 0, 1, 0, 0), WK_WOULD_BLOCK); /* no process */
    locks_wait_no_more(waits[1]);
    assert_int_equal(wait_for(2, 0, 1, 0, 0), WK_WOULD_BLOCK);
    assert_int_equal(locks_wait(&(struct lock_request){.holder = sessions[0], .node = nodes[0]}, sessions[1]),
                     WK_BAD_ARGUMENT); /* that is no waiter */
}

static void whole_files_are_a_space_of_their_own(void **state)
{
    (void)state;
    assert_int_equal(set_lock(0, 0, 2, 0, BYTES - 1), WK_OK);
    assert_int_equal(set_whole(3, 1), WK_OK);
    assert_int_equal(set_whole(4, 1), WK_OK);
    assert_int_equal(set_whole(3, 2), WK_WOULD_BLOCK); /* and its own has gone */
    assert_int_equal(set_whole(4, 2), WK_OK);
    assert_int_equal(set_whole(3, 1), WK_WOULD_BLOCK);
    locks_give_up(sessions[4], nodes[0]); /* that is about ranges */
    assert_int_equal(set_whole(3, 1), WK_WOULD_BLOCK);
    assert_int_equal(set_whole(4, 1), WK_OK);
    assert_int_equal(set_whole(3, 1), WK_OK);
    assert_int_equal(set_whole(4, 0), WK_OK);
    assert_int_equal(set_whole(3, 2), WK_OK);
}

static void ends_are_told_to_who_wanted_them_before(void **state)
{
    uint64_t seen;

    (void)state;
    assert_int_equal(locks_wait_for_ends(sessions[0]), WK_BAD_ARGUMENT);
    assert_int_equal(locks_wait_for_ends(waits[0]), WK_WOULD_BLOCK);
    seen = locks_ends_wanted();
    assert_int_equal(locks_wait_for_ends(waits[1]), WK_WOULD_BLOCK);
    locks_ends_seen(seen);
    assert_true(is_told(0) && !is_told(1) && locks_are_waited_for());
    locks_ends_seen(locks_ends_wanted());
    assert_true(is_told(1) && !locks_are_waited_for());
}

static void there_is_an_end_to_locks(void **state)
{
    unsigned count = 0;

    (void)state;
    while (locks_set(&(struct lock_request){
               .holder = sessions[0], .node = nodes[0], .first = 2 * count, .last = 2 * count, .is_lock = true}) ==
           WK_OK)
        count++;
    assert_int_equal(count, SESSIONS_OF_VIEW);
    assert_int_equal(set_lock(1, 1, 1, 0, 0), WK_NO_MEMORY);
    assert_int_equal(set_lock(0, 0, 0, 0, 0), WK_OK);
    assert_int_equal(set_lock(1, 1, 1, 0, 0), WK_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(ranges_are_as_in_the_model, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ranges_split_and_merge, set_up, tear_down),
        cmocka_unit_test_setup_teardown(chains_of_waits_are_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(whole_files_are_a_space_of_their_own, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ends_are_told_to_who_wanted_them_before, set_up, tear_down),
        cmocka_unit_test_setup_teardown(there_is_an_end_to_locks, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
