/* SPDX-License-Identifier: MIT */
/* Invocations: what is no operation, and what the words of an answer say. */
#include "harness.h"

#include "invoke.h"
#include "lock.h"

static void numbers_that_are_no_operation_are_refused(void **state)
{
    const uint64_t numbers[] = {WK_OPERATION_LAST + 1, 0xffff,     UINT64_C(1) << 32,
                                UINT64_C(1) << 17,     UINT64_MAX, WK_OPERATION_FIRST | UINT64_C(1) << 63};

    (void)state;
    for (unsigned i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
        uint64_t words[6] = {1, 2, 3, 4, 5, 6};

        assert_status(wk_trap(numbers[i], BOOT_BANK, words), WK_NO_SUCH_OPERATION);
    }
}

static void a_kernel_object_answers_when_none_but_a_kernel_object_is_wanted(void **state)
{
    uint64_t words[6] = {0};

    (void)state;
    assert_status(wk_trap(WK_CAPABILITY_CHECK | UINT64_C(1) << 16, BOOT_BANK, words), WK_OK);
}

/* The first says which argument the error is about. */
static void assert_words_of_error(const uint64_t words[6], unsigned argument)
{
    assert_int_equal(words[0], argument);
    for (unsigned i = 1; i < 6; i++)
        assert_int_equal(words[i], 0);
}

static void an_error_clears_what_the_handler_left_in_the_words(void **state)
{
    struct invocation invocation = {
        .thread = actor(), .process = actor()->process, .words = {11, 12, 13, 14, 15, 16}, .wrong_argument = 2};

    (void)state;
    kernel_lock_acquire();
    assert_status(invoke_failed(&invocation, WK_BAD_ARGUMENT), WK_BAD_ARGUMENT);
    kernel_lock_release();
    assert_words_of_error(invocation.words, 2);
    assert_int_equal(invocation.wrong_argument, 0);
}

static void expect_error(uint64_t operation, wk_handle handle, uint64_t word, enum wk_status status, unsigned argument)
{
    uint64_t words[6] = {word, 12, 13, 14, 15, 16};
    uint64_t limit, used, objects, children;
    enum wk_bank_kind kind;

    assert_ok(
        wk_bank_info(BOOT_BANK, &limit, &used, &objects, &children, &kind)); /* the answer before has many words */
    assert_status(wk_trap(operation, handle, words), status);
    assert_words_of_error(words, argument);
}

static void an_error_answers_no_words_but_its_argument(void **state)
{
    const wk_handle event = make_event(BOOT_BANK);
    const wk_handle stale = make_event(BOOT_BANK);

    (void)state;
    assert_ok(wk_capability_delete(stale));
    expect_error(UINT64_MAX, BOOT_BANK, 11, WK_NO_SUCH_OPERATION, 0);
    expect_error(WK_BANK_INFO, stale, 11, WK_BAD_HANDLE, 0);
    expect_error(WK_BANK_INFO, event, 11, WK_WRONG_TYPE, 0);
    expect_error(WK_BANK_INFO, lend(BOOT_BANK, 0), 11, WK_NO_RIGHT, 0);
    expect_error(WK_BANK_SPLIT, BOOT_BANK, 0, WK_BAD_ARGUMENT, 1);
    expect_error(WK_EVENT_POLL, event, 1, WK_WOULD_BLOCK, 0);
    expect_error(WK_EVENT_WAIT, event, 0, WK_BAD_ARGUMENT, 1);
    expect_error(WK_PROCESS_UNMAP, BOOT_PROCESS, WK_USER_ADDRESS_END - WK_PAGE_BYTES, WK_BAD_ARGUMENT, 2);
}

static void so_does_a_long_operation_that_fails(void **state)
{
    uint64_t words[6] = {UINT64_C(1) << 30, 1, WK_PROTECTION_READ, 14, 15, 16};

    (void)state;
    assert_status(wk_trap(WK_PROCESS_PROTECT, BOOT_PROCESS, words), WK_NOT_MAPPED);
    assert_words_of_error(words, 0);
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        machine_test(numbers_that_are_no_operation_are_refused),
        machine_test(a_kernel_object_answers_when_none_but_a_kernel_object_is_wanted),
        machine_test(an_error_clears_what_the_handler_left_in_the_words),
        machine_test(an_error_answers_no_words_but_its_argument),
        machine_test(so_does_a_long_operation_that_fails),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(*tests));
}
