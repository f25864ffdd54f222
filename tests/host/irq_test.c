/* SPDX-License-Identifier: MIT */
/* Interrupt lines. */
#include "harness.h"

#include "lock.h"

#define LINE 5

static wk_handle irq, event;

static void claim_and_bind(void)
{
    event = make_event(BOOT_BANK);
    assert_ok(wk_machine_claim_irq(BOOT_MACHINE, BOOT_BANK, LINE, &irq));
    assert_ok(wk_irq_bind(irq, event, 4));
}

static bool was_signalled(void)
{
    uint64_t bits;

    return wk_event_poll(event, 4, &bits) == WK_OK;
}

static void a_line_is_claimed_once(void **state)
{
    wk_handle other;

    (void)state;
    assert_ok(wk_machine_claim_irq(BOOT_MACHINE, BOOT_BANK, LINE, &irq));
    assert_status(wk_machine_claim_irq(BOOT_MACHINE, BOOT_BANK, LINE, &other), WK_NOT_AVAILABLE);
    assert_ok(wk_machine_claim_irq(BOOT_MACHINE, BOOT_BANK, LINE + 1, &other));
    assert_ok(wk_capability_delete(irq));
    assert_ok(wk_machine_claim_irq(BOOT_MACHINE, BOOT_BANK, LINE, &irq));
}

static void lines_that_the_machine_has_not_are_not_available(void **state)
{
    (void)state;
    assert_ok(wk_machine_claim_irq(BOOT_MACHINE, BOOT_BANK, HOST_IRQ_LINES, &irq));
    assert_status(wk_machine_claim_irq(BOOT_MACHINE, BOOT_BANK, HOST_IRQ_LINES + 1, &irq), WK_NOT_AVAILABLE);
    assert_status(wk_machine_claim_irq(BOOT_MACHINE, BOOT_BANK, 1023, &irq), WK_NOT_AVAILABLE);
    assert_error_at(wk_machine_claim_irq(BOOT_MACHINE, BOOT_BANK, 0, &irq), WK_BAD_ARGUMENT, 2);
    assert_error_at(wk_machine_claim_irq(BOOT_MACHINE, BOOT_BANK, 1024, &irq), WK_BAD_ARGUMENT, 2);
}

static void a_claim_needs_memory_of_the_bank(void **state)
{
    wk_handle bank = make_bank(BOOT_BANK, 1);
    unsigned line = 1;
    enum wk_status status;

    (void)state;
    do
        status = wk_machine_claim_irq(BOOT_MACHINE, bank, line++, &irq);
    while (status == WK_OK);
    assert_int_equal(status, WK_NO_MEMORY);
    assert_ok(wk_machine_claim_irq(BOOT_MACHINE, BOOT_BANK, line - 1, &irq)); /* it has not been claimed */
}

static void an_interrupt_signals_the_event_and_the_line_stays_silent(void **state)
{
    (void)state;
    claim_and_bind();
    assert_true(host_irq_is_enabled(LINE));
    host_irq_raise(LINE);
    assert_true(was_signalled());
    assert_true(host_irq_is_claimed(LINE));
    host_irq_raise(LINE);
    assert_false(was_signalled());
    assert_ok(wk_irq_acknowledge(irq)); /* and the second one comes at once */
    assert_true(was_signalled());
    assert_ok(wk_irq_acknowledge(irq));
    assert_false(host_irq_is_claimed(LINE));
    assert_false(was_signalled());
}

static void acknowledging_nothing_would_block(void **state)
{
    (void)state;
    claim_and_bind();
    assert_status(wk_irq_acknowledge(irq), WK_WOULD_BLOCK);
    host_irq_raise(LINE);
    assert_ok(wk_irq_acknowledge(irq));
    assert_status(wk_irq_acknowledge(irq), WK_WOULD_BLOCK);
}

static void a_line_is_silent_until_it_is_bound(void **state)
{
    (void)state;
    assert_ok(wk_machine_claim_irq(BOOT_MACHINE, BOOT_BANK, LINE, &irq));
    assert_false(host_irq_is_enabled(LINE));
    host_irq_raise(LINE);
    event = make_event(BOOT_BANK);
    assert_ok(wk_irq_bind(irq, event, 4));
    assert_true(was_signalled());
}

static void binding_replaces_an_earlier_one(void **state)
{
    wk_handle other = make_event(BOOT_BANK);
    uint64_t bits;

    (void)state;
    claim_and_bind();
    assert_ok(wk_irq_bind(irq, other, 1));
    host_irq_raise(LINE);
    assert_false(was_signalled());
    assert_ok(wk_event_poll(other, 1, &bits));
}

static void binding_needs_bits_and_the_right_to_signal(void **state)
{
    (void)state;
    claim_and_bind();
    assert_error_at(wk_irq_bind(irq, event, 0), WK_BAD_ARGUMENT, 2);
    assert_error_at(wk_irq_bind(irq, lend(event, WK_EVENT_RIGHT_WAIT), 1), WK_NO_RIGHT, 1);
    assert_error_at(wk_irq_bind(irq, irq, 1), WK_WRONG_TYPE, 1);
}

static void a_line_without_event_waits_to_be_acknowledged(void **state)
{
    (void)state;
    claim_and_bind();
    assert_ok(wk_capability_delete(event));
    host_irq_raise(LINE);
    assert_true(host_irq_is_claimed(LINE));
    assert_ok(wk_irq_acknowledge(irq));
}

static void destruction_completes_and_silences_the_line(void **state)
{
    (void)state;
    claim_and_bind();
    host_irq_raise(LINE);
    assert_ok(wk_capability_delete(irq));
    assert_false(host_irq_is_claimed(LINE));
    assert_false(host_irq_is_enabled(LINE));
    claim_and_bind();
    assert_ok(wk_capability_delete(irq));
    assert_false(host_irq_is_enabled(LINE));
}

static void several_lines_are_served_one_after_another(void **state)
{
    wk_handle lines[8];
    uint64_t bits;

    (void)state;
    event = make_event(BOOT_BANK);
    for (unsigned i = 0; i < 8; i++) {
        assert_ok(wk_machine_claim_irq(BOOT_MACHINE, BOOT_BANK, 10 + i, &lines[i]));
        host_irq_raise(10 + i);
    }
    kernel_lock_acquire();
    for (unsigned i = 0; i < 8; i++) {
        struct irq *line = container_of(object_of(lines[i]), struct irq, object);

        event_bind(&line->binding, event_of(event), UINT64_C(1) << i);
        arch_irq_enable(10 + i);
    }
    kernel_lock_release();
    host_run();
    assert_ok(wk_event_poll(event, 0xff, &bits));
    assert_int_equal(bits, 0xff);
    kernel_lock_acquire();
    assert_false(irq_deliver());
    kernel_lock_release();
}

static void the_controller_is_not_believed_about_unclaimed_lines(void **state)
{
    (void)state;
    arch_irq_enable(LINE);
    host_irq_raise(LINE);
    assert_false(host_irq_is_claimed(LINE));
    assert_false(host_irq_is_enabled(LINE));
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        machine_test(a_line_is_claimed_once),
        machine_test(lines_that_the_machine_has_not_are_not_available),
        machine_test(a_claim_needs_memory_of_the_bank),
        machine_test(an_interrupt_signals_the_event_and_the_line_stays_silent),
        machine_test(acknowledging_nothing_would_block),
        machine_test(a_line_is_silent_until_it_is_bound),
        machine_test(binding_replaces_an_earlier_one),
        machine_test(binding_needs_bits_and_the_right_to_signal),
        machine_test(a_line_without_event_waits_to_be_acknowledged),
        machine_test(destruction_completes_and_silences_the_line),
        machine_test(several_lines_are_served_one_after_another),
        machine_test(the_controller_is_not_believed_about_unclaimed_lines),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(*tests));
}
