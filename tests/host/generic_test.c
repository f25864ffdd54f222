/* SPDX-License-Identifier: MIT */
/*
 * What every operation has in common, tried with each of them as the interface files describe it: missing rights, wrong
 * types, stale handles, arguments out of their ranges. None of these may change anything.
 */
#include "harness.h"

#include <stdio.h>
#include <string.h>

/* A capability of each type with all rights, by type. */
static wk_handle handles[INTERFACE_TYPE_COUNT];
static wk_handle stale;

static int setup(void **state)
{
    machine_setup(state);
    handles[WK_TYPE_BANK] = make_bank(BOOT_BANK, 1000);
    handles[WK_TYPE_EVENT] = make_event(BOOT_BANK);
    handles[WK_TYPE_MACHINE] = BOOT_MACHINE;
    handles[WK_TYPE_MEMORY] = make_memory(BOOT_BANK, 4, 0);
    handles[WK_TYPE_TRACE] = BOOT_TRACE;
    assert_ok(wk_machine_claim_irq(BOOT_MACHINE, BOOT_BANK, 5, &handles[WK_TYPE_IRQ]));
    assert_ok(wk_timer_create(BOOT_BANK, &handles[WK_TYPE_TIMER]));
    assert_ok(wk_process_create(handles[WK_TYPE_BANK], 0, 0, &handles[WK_TYPE_PROCESS]));
    assert_ok(wk_thread_create(handles[WK_TYPE_PROCESS], 10, &handles[WK_TYPE_THREAD]));
    handles[WK_TYPE_BUDGET] = BOOT_BUDGET;
    handles[WK_TYPE_ENDPOINT] = make_endpoint(BOOT_BANK);
    assert_ok(wk_mailbox_create(BOOT_BANK, 4, &handles[WK_TYPE_MAILBOX]));
    handles[WK_TYPE_SESSION] = make_session(handles[WK_TYPE_ENDPOINT], 1);
    assert_status(call_as(spawn(1, NULL), handles[WK_TYPE_SESSION], 0x2000, 0), NOT_ANSWERED);
    assert_ok(receive_as(actor(), handles[WK_TYPE_ENDPOINT]));
    assert_ok(wk_endpoint_reply_save(handles[WK_TYPE_ENDPOINT], &handles[WK_TYPE_REPLY]));
    assert_ok(wk_ring_create(BOOT_BANK, make_memory(BOOT_BANK, 1, 0), 1, 1, 1, 0, &handles[WK_TYPE_RING]));
    stale = make_event(BOOT_BANK);
    assert_ok(wk_capability_delete(stale));
    return 0;
}

/* A word that the argument's description accepts; for an optional capability none. */
static uint64_t valid_word(const struct interface_word *word)
{
    if (word->kind == INTERFACE_WORD_CAPABILITY)
        return handles[word->type == WK_TYPE_NONE ? WK_TYPE_EVENT : word->type];
    return (word->low + word->align - 1) / word->align * word->align;
}

static void valid_words(const struct interface_operation *operation, uint64_t words[6])
{
    memset(words, 0, 6 * sizeof(*words));
    for (unsigned i = 0; i < operation->in_count; i++)
        words[i] = valid_word(&operation->in[i]);
}

static wk_handle invoked_handle(const struct interface_operation *operation)
{
    return handles[operation->type == WK_TYPE_NONE ? WK_TYPE_EVENT : operation->type];
}

/* Invokes and expects an error that names an argument (0: the invoked capability) in its one word, and that nothing has
 * changed. */
static void expect_error(const struct interface_operation *operation, wk_handle handle, const uint64_t words[6],
                         enum wk_status expected, unsigned argument)
{
    char *before = check_state_text();
    uint64_t copy[6];
    enum wk_status status;

    memcpy(copy, words, sizeof(copy));
    status = wk_trap(operation->number, handle, copy);
    if (status != expected || copy[0] != argument)
        fail_msg("%s, argument %u: answered %s at %lu, expected %s", operation->name, argument,
                 (unsigned)status < INTERFACE_STATUS_COUNT ? interface_status_names[status] : "?",
                 (unsigned long)copy[0], interface_status_names[expected]);
    for (unsigned i = 1; i < 6; i++)
        assert_int_equal(copy[i], 0);
    assert_state_is(before);
}

static void for_each_operation_of_the_kernel(void (*act)(const struct interface_operation *operation))
{
    for (unsigned i = 0; i < INTERFACE_OPERATION_COUNT; i++)
        if (!interface_operations[i].is_service)
            act(&interface_operations[i]);
}

/* Calls `expect` with a capability that lacks each right that is needed, in turn. */
static void without_each_right(wk_handle handle, uint16_t needed, void (*expect)(wk_handle weak, const void *context),
                               const void *context)
{
    for (unsigned bit = 0; bit < INTERFACE_RIGHT_COUNT; bit++)
        if ((needed >> bit & 1) != 0) {
            const wk_handle weak = duplicate(handle, ALL_RIGHTS & ~(UINT64_C(1) << bit));

            expect(weak, context);
            assert_ok(wk_capability_delete(weak));
        }
}

static void expect_no_right(wk_handle weak, const void *context)
{
    const struct interface_operation *operation = context;
    uint64_t words[6];

    valid_words(operation, words);
    expect_error(operation, weak, words, WK_NO_RIGHT, 0);
}

static void try_missing_rights(const struct interface_operation *operation)
{
    without_each_right(invoked_handle(operation), operation->rights, expect_no_right, operation);
}

static void each_right_that_an_operation_needs_is_missed(void **state)
{
    (void)state;
    for_each_operation_of_the_kernel(try_missing_rights);
}

struct argument {
    const struct interface_operation *operation;
    unsigned index;
};

static void expect_argument_no_right(wk_handle weak, const void *context)
{
    const struct argument *argument = context;
    uint64_t words[6];

    valid_words(argument->operation, words);
    words[argument->index] = weak;
    expect_error(argument->operation, invoked_handle(argument->operation), words, WK_NO_RIGHT, argument->index + 1);
}

static void try_arguments_missing_rights(const struct interface_operation *operation)
{
    for (unsigned i = 0; i < operation->in_count; i++)
        if (operation->in[i].kind == INTERFACE_WORD_CAPABILITY) {
            const struct argument argument = {operation, i};

            without_each_right(valid_word(&operation->in[i]), operation->in[i].rights, expect_argument_no_right,
                               &argument);
        }
}

static void each_right_that_an_argument_needs_is_missed(void **state)
{
    (void)state;
    for_each_operation_of_the_kernel(try_arguments_missing_rights);
}

static void try_wrong_types(const struct interface_operation *operation)
{
    uint64_t words[6];

    valid_words(operation, words);
    for (unsigned type = 1; type < INTERFACE_TYPE_COUNT && operation->type != WK_TYPE_NONE; type++)
        if (type != operation->type && type != WK_TYPE_SESSION) /* that would be a call */
            expect_error(operation, handles[type], words, WK_WRONG_TYPE, 0);
    for (unsigned i = 0; i < operation->in_count; i++)
        for (unsigned type = 1; type < INTERFACE_TYPE_COUNT; type++) {
            const struct interface_word *word = &operation->in[i];

            if (word->kind != INTERFACE_WORD_CAPABILITY || word->type == WK_TYPE_NONE || type == word->type)
                continue;
            words[i] = handles[type];
            expect_error(operation, invoked_handle(operation), words, WK_WRONG_TYPE, i + 1);
            words[i] = valid_word(word);
        }
}

static void a_capability_of_another_type_is_refused(void **state)
{
    (void)state;
    for_each_operation_of_the_kernel(try_wrong_types);
}

static void try_bad_handles(const struct interface_operation *operation)
{
    const wk_handle bad[] = {stale, UINT64_MAX, WK_FIRST_HANDLE(60), WK_FIRST_HANDLE(200000), 0};
    uint64_t words[6];

    valid_words(operation, words);
    for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        expect_error(operation, bad[i], words, WK_BAD_HANDLE, 0);
    for (unsigned i = 0; i < operation->in_count; i++)
        for (unsigned j = 0; j < sizeof(bad) / sizeof(*bad); j++) {
            if (operation->in[i].kind != INTERFACE_WORD_CAPABILITY || (bad[j] == 0 && operation->in[i].optional))
                continue;
            words[i] = bad[j];
            expect_error(operation, invoked_handle(operation), words, WK_BAD_HANDLE, i + 1);
            words[i] = valid_word(&operation->in[i]);
        }
}

static void a_handle_that_names_nothing_is_refused(void **state)
{
    (void)state;
    for_each_operation_of_the_kernel(try_bad_handles);
}

static void try_out_of_range(const struct interface_operation *operation)
{
    uint64_t words[6];

    valid_words(operation, words);
    for (unsigned i = 0; i < operation->in_count; i++) {
        const struct interface_word *word = &operation->in[i];
        uint64_t bad[5];
        unsigned count = 0;

        if (word->kind == INTERFACE_WORD_CAPABILITY)
            continue;
        if (word->low != 0)
            bad[count++] = word->low - 1;
        if (word->high != UINT64_MAX) {
            bad[count++] = word->high / word->align * word->align + word->align;
            bad[count++] = UINT64_MAX / word->align * word->align;
        }
        if (word->align > 1)
            bad[count++] = words[i] + 1;
        if (word->mask != UINT64_MAX)
            bad[count++] = ~word->mask & (word->mask + 1);
        for (unsigned j = 0; j < count; j++) {
            words[i] = bad[j];
            expect_error(operation, invoked_handle(operation), words, WK_BAD_ARGUMENT, i + 1);
        }
        words[i] = valid_word(word);
    }
}

static void an_argument_out_of_its_range_is_refused(void **state)
{
    (void)state;
    for_each_operation_of_the_kernel(try_out_of_range);
}

/* ---- what is being taken back ---- */

/* A capability of ours that is just being taken back: `taker` revokes what it was lent from, and got as far as to doom it. */
static struct capability *being_taken_back(const struct program *taker, wk_handle original)
{
    const wk_handle self = program_grant(taker, BOOT_PROCESS, WK_TRANSFER_LEND, ALL_RIGHTS);
    const wk_handle above = program_grant(taker, original, WK_TRANSFER_LEND, ALL_RIGHTS);
    struct thread *boot = actor();
    wk_handle lent;

    act_as(taker->thread_record);
    assert_ok(wk_process_grant(self, above, WK_TRANSFER_LEND, ALL_RIGHTS, &lent));
    act_as(boot);
    for (unsigned i = 0; i < 40; i++)
        lend(lent, ALL_RIGHTS);
    invoke_partly(taker->thread_record, WK_CAPABILITY_REVOKE, above, (uint64_t[6]){0}, 1, boot);
    while (taker->thread_record->operation.step != NULL && slot_of(lent)->stays)
        step_partly(taker->thread_record, 1, boot);
    assert_false(slot_of(lent)->stays);
    return slot_of(lent);
}

static wk_handle doomed;
static unsigned doomed_type;

static void try_doomed(const struct interface_operation *operation)
{
    uint64_t words[6];

    valid_words(operation, words);
    if (operation->type == doomed_type || operation->type == WK_TYPE_NONE)
        expect_error(operation, doomed, words, WK_REVOKED, 0);
    for (unsigned i = 0; i < operation->in_count; i++) {
        const struct interface_word *word = &operation->in[i];

        if (word->kind != INTERFACE_WORD_CAPABILITY || (word->type != doomed_type && word->type != WK_TYPE_NONE))
            continue;
        words[i] = doomed;
        expect_error(operation, invoked_handle(operation), words, WK_REVOKED, i + 1);
        words[i] = valid_word(word);
    }
}

static void what_is_being_taken_back_is_refused(void **state)
{
    const struct program taker = program_make(500, 10);

    (void)state;
    for (doomed_type = 1; doomed_type < INTERFACE_TYPE_COUNT; doomed_type++) {
        doomed = capability_handle(being_taken_back(&taker, handles[doomed_type]));
        for_each_operation_of_the_kernel(try_doomed);
        while (taker.thread_record->operation.step != NULL)
            step_partly(taker.thread_record, 0, NULL);
        assert_null(slot_of(doomed));
    }
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(each_right_that_an_operation_needs_is_missed, setup),
        cmocka_unit_test_setup(each_right_that_an_argument_needs_is_missed, setup),
        cmocka_unit_test_setup(a_capability_of_another_type_is_refused, setup),
        cmocka_unit_test_setup(a_handle_that_names_nothing_is_refused, setup),
        cmocka_unit_test_setup(an_argument_out_of_its_range_is_refused, setup),
        cmocka_unit_test_setup(what_is_being_taken_back_is_refused, setup),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(*tests));
}
