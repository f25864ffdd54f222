/* SPDX-License-Identifier: MIT */
/* Processes: what they begin with, what they are given, how they are stopped and how they end. */
#include "programs.h"

#define BASE UINT64_C(0x100000)
#define PAGE WK_PAGE_BYTES

struct info {
    enum wk_process_state state;
    enum wk_end_reason reason;
    uint64_t detail, counter, threads, capabilities;
};

static struct info info_of(wk_handle process)
{
    struct info out;

    assert_ok(
        wk_process_info(process, &out.state, &out.reason, &out.detail, &out.counter, &out.threads, &out.capabilities));
    return out;
}

static wk_handle make_process(void)
{
    wk_handle process;

    assert_ok(wk_process_create(program.bank, 0, 0, &process));
    return process;
}

/* What the capability of that handle in the process's table is. */
static const struct capability *slot_in(const struct process *process, wk_handle handle)
{
    return capability_find(&process->table, handle);
}

/* ---- beginning ---- */

static void a_new_process_is_empty(void **state)
{
    const struct info info = info_of(make_process());

    (void)state;
    assert_int_equal(info.state, WK_PROCESS_STATE_CREATED);
    assert_int_equal(info.reason, WK_END_REASON_NONE);
    assert_int_equal(info.threads, 0);
    assert_int_equal(info.capabilities, 0);
}

static void it_is_paid_by_the_bank(void **state)
{
    const wk_handle bank = make_bank(BOOT_BANK, 1);
    wk_handle process;

    (void)state;
    assert_status(wk_process_create(bank, 0, 0, &process), WK_NO_MEMORY);
    assert_int_equal(bank_used(bank), 1);
}

/* ---- capabilities ---- */

static void give_moves_a_capability(void **state)
{
    const wk_handle event = make_event(BOOT_BANK);
    const uint64_t identity = identity_of(event);
    const wk_handle there = program_grant(&program, event, WK_TRANSFER_GIVE, WK_EVENT_RIGHT_WAIT);

    (void)state;
    assert_status(wk_capability_check(event), WK_BAD_HANDLE);
    assert_int_equal(slot_in(program.process_record, there)->object->identity, identity);
    assert_int_equal(slot_in(program.process_record, there)->rights, WK_EVENT_RIGHT_WAIT);
    assert_null(slot_in(program.process_record, there)->parent);
}

static void what_is_given_stays_below_its_lender(void **state)
{
    const wk_handle event = make_event(BOOT_BANK);
    const wk_handle there = program_grant(&program, lend(event, ALL_RIGHTS), WK_TRANSFER_GIVE, ALL_RIGHTS);

    (void)state;
    assert_ptr_equal(slot_in(program.process_record, there)->parent, slot_of(event));
    assert_ok(wk_capability_revoke(event));
    assert_null(slot_in(program.process_record, there));
}

static void what_is_lent_cannot_be_given(void **state)
{
    const wk_handle event = make_event(BOOT_BANK);
    wk_handle handle;

    (void)state;
    lend(event, ALL_RIGHTS);
    assert_status(wk_process_grant(program.process, event, WK_TRANSFER_GIVE, ALL_RIGHTS, &handle), WK_IS_LENT);
    assert_ok(wk_capability_check(event));
}

static void lend_makes_a_child_and_dup_a_sibling(void **state)
{
    const wk_handle event = make_event(BOOT_BANK);
    const wk_handle lent = program_grant(&program, event, WK_TRANSFER_LEND, ALL_RIGHTS);
    const wk_handle twin = program_grant(&program, event, WK_TRANSFER_DUP, ALL_RIGHTS);

    (void)state;
    assert_ptr_equal(slot_in(program.process_record, lent)->parent, slot_of(event));
    assert_null(slot_in(program.process_record, twin)->parent);
    assert_ok(wk_capability_delete(event));
    assert_null(slot_in(program.process_record, lent));
    assert_non_null(slot_in(program.process_record, twin));
}

static void a_borrowed_capability_is_duplicated_below_itself(void **state)
{
    const wk_handle lent = lend(make_event(BOOT_BANK), ALL_RIGHTS);
    const wk_handle there = program_grant(&program, lent, WK_TRANSFER_DUP, ALL_RIGHTS);

    (void)state;
    assert_ptr_equal(slot_in(program.process_record, there)->parent, slot_of(lent));
}

static void a_grant_is_paid_by_the_receiver(void **state)
{
    const wk_handle bank = make_bank(BOOT_BANK, 6);
    const wk_handle event = make_event(BOOT_BANK);
    wk_handle process, handle;
    enum wk_status status;

    (void)state;
    assert_ok(wk_process_create(bank, 0, 0, &process));
    do
        status = wk_process_grant(process, event, WK_TRANSFER_DUP, ALL_RIGHTS, &handle);
    while (status == WK_OK);
    assert_int_equal(status, WK_NO_MEMORY);
    assert_true(process_of(process)->table.count >= CAPABILITIES_PER_PAGE);
}

/* ---- clone_table ---- */

static void a_clone_has_the_same_handles_but_not_its_parent(void **state)
{
    const wk_handle event = make_event(BOOT_BANK);
    const wk_handle owned = program_grant(&program, event, WK_TRANSFER_DUP, WK_EVENT_RIGHT_WAIT);
    const wk_handle borrowed = program_grant(&program, event, WK_TRANSFER_LEND, ALL_RIGHTS);
    const wk_handle parent = program_grant(&program, program.process, WK_TRANSFER_DUP, ALL_RIGHTS);
    const wk_handle thread = program_grant(&program, program.thread, WK_TRANSFER_DUP, ALL_RIGHTS);
    const wk_handle child = make_process();
    const struct process *record = process_of(child);

    (void)state;
    act_as(program.thread_record);
    act_as(boot);
    program_grant(&program, child, WK_TRANSFER_DUP, ALL_RIGHTS);
    act_as(program.thread_record);
    assert_ok(wk_process_clone_table(capability_handle(capability_slot(&program.process_record->table, 4))));
    assert_int_equal(slot_in(record, owned)->rights, WK_EVENT_RIGHT_WAIT);
    assert_null(slot_in(record, owned)->parent);
    assert_ptr_equal(slot_in(record, borrowed)->parent, slot_of(borrowed));
    assert_null(slot_in(record, parent));
    assert_null(slot_in(record, thread));
    assert_int_equal(record->table.count, program.process_record->table.count - 2);
}

static void only_an_empty_process_that_has_not_begun_takes_a_clone(void **state)
{
    const wk_handle child = make_process();
    wk_handle handle;

    (void)state;
    assert_status(wk_process_clone_table(program.process), WK_BUSY);
    assert_ok(wk_process_grant(child, make_event(BOOT_BANK), WK_TRANSFER_GIVE, ALL_RIGHTS, &handle));
    assert_status(wk_process_clone_table(child), WK_BUSY);
}

/* ---- stopping ---- */

static void suspend_stops_a_process_where_it_is(void **state)
{
    (void)state;
    act_as(program.thread_record);
    user_set_register(9, 77);
    act_as(boot);
    assert_ok(wk_process_suspend(program.process));
    assert_int_equal(info_of(program.process).state, WK_PROCESS_STATE_SUSPENDED);
    assert_false(thread_is_runnable(program.thread_record));
    assert_ok(wk_process_suspend(program.process));
    assert_ok(wk_process_resume(program.process));
    assert_int_equal(info_of(program.process).state, WK_PROCESS_STATE_RUNNING);
    act_as(program.thread_record);
    assert_int_equal(user_register(9), 77);
}

static void suspend_reaches_more_threads_than_one_step_does(void **state)
{
    wk_handle threads[11];

    (void)state;
    for (unsigned i = 0; i < 11; i++) {
        assert_ok(wk_thread_create(program.process, 10, &threads[i]));
        if (i != 5)
            assert_ok(wk_thread_start(threads[i], 0x10100, 0, 0, 0, 0));
    }
    assert_ok(wk_process_suspend(program.process));
    for (unsigned i = 0; i < 11; i++)
        assert_int_equal(thread_of(threads[i])->stop, i == 5 ? THREAD_CREATED : THREAD_SUSPENDED);
    assert_ok(wk_thread_start(threads[5], 0x10100, 0, 0, 0, 0));
    assert_int_equal(thread_of(threads[5])->stop, THREAD_SUSPENDED); /* it comes to a suspended process */
    assert_ok(wk_process_resume(program.process));
    for (unsigned i = 0; i < 11; i++)
        assert_int_equal(thread_of(threads[i])->stop, 0);
}

static void a_process_that_has_not_begun_or_not_stopped_stays_as_it_is(void **state)
{
    const wk_handle process = make_process();

    (void)state;
    assert_ok(wk_process_suspend(process));
    assert_ok(wk_process_resume(process));
    assert_int_equal(info_of(process).state, WK_PROCESS_STATE_CREATED);
    assert_ok(wk_process_resume(program.process));
    assert_int_equal(info_of(program.process).state, WK_PROCESS_STATE_RUNNING);
}

static void suspend_waits_until_no_hart_runs_the_process(void **state)
{
    struct program other;

    (void)state;
    machine_start(&(struct host_machine){.harts = 2, .asid_bits = 8});
    boot = actor();
    other = program_make(100, 10);
    assert_ptr_not_equal(other.thread_record->hart, boot->hart);
    make_current(other.thread_record);
    assert_ok(wk_process_suspend(other.process));
    assert_false(thread_is_current(other.thread_record));
}

/* ---- the end ---- */

static void kill_takes_everything_apart_but_what_tells_of_it(void **state)
{
    const wk_handle event = make_event(BOOT_BANK);
    const wk_handle memory = make_memory(BOOT_BANK, 20, 0);
    struct info info;

    (void)state;
    program_grant(&program, event, WK_TRANSFER_LEND, ALL_RIGHTS);
    assert_ok(wk_memory_map(memory, program.process, BASE, 0, 20, READ | WRITE));
    assert_ok(wk_process_kill(program.process, 42));
    info = info_of(program.process);
    assert_int_equal(info.state, WK_PROCESS_STATE_ENDED);
    assert_int_equal(info.reason, WK_END_REASON_KILLED);
    assert_int_equal(info.detail, 42);
    assert_int_equal(info.threads, 0);
    assert_int_equal(info.capabilities, 0);
    assert_int_equal(memory_of(memory)->mapping_count, 0);
    assert_int_equal(program.thread_record->stop & THREAD_ENDED, THREAD_ENDED);
}

static void nothing_can_be_done_with_a_process_that_has_ended(void **state)
{
    const wk_handle memory = make_memory(BOOT_BANK, 1, 0);
    wk_handle handle;

    (void)state;
    assert_ok(wk_process_kill(program.process, 0));
    assert_status(wk_process_kill(program.process, 0), WK_REVOKED);
    assert_status(wk_process_suspend(program.process), WK_REVOKED);
    assert_status(wk_process_resume(program.process), WK_REVOKED);
    assert_status(wk_process_clone_table(program.process), WK_REVOKED);
    assert_status(wk_process_set_upcall(program.process, 0, 0), WK_REVOKED);
    assert_status(wk_process_grant(program.process, memory, WK_TRANSFER_DUP, ALL_RIGHTS, &handle), WK_REVOKED);
    assert_status(wk_memory_map(memory, program.process, BASE, 0, 1, READ), WK_REVOKED);
    assert_status(wk_process_unmap(program.process, BASE, 1), WK_REVOKED);
    assert_status(wk_process_protect(program.process, BASE, 1, READ), WK_REVOKED);
    assert_status(wk_thread_create(program.process, 10, &handle), WK_REVOKED);
}

static void who_asked_is_told_of_the_end(void **state)
{
    const wk_handle event = make_event(BOOT_BANK);
    wk_handle process;
    uint64_t bits;

    (void)state;
    assert_ok(wk_process_create(program.bank, event, 6, &process));
    assert_status(wk_event_poll(event, 7, &bits), WK_WOULD_BLOCK);
    assert_ok(wk_process_kill(process, 0));
    assert_ok(wk_event_poll(event, 7, &bits));
    assert_int_equal(bits, 6);
}

static void a_process_may_kill_itself(void **state)
{
    const wk_handle event = make_event(BOOT_BANK);
    const wk_handle self = program_grant(&program, program.process, WK_TRANSFER_LEND, ALL_RIGHTS);

    (void)state;
    (void)event;
    act_as(program.thread_record);
    assert_status(wk_process_kill(self, 7), NOT_ANSWERED);
    act_as(boot);
    assert_int_equal(info_of(program.process).state, WK_PROCESS_STATE_ENDED);
    assert_int_equal(info_of(program.process).detail, 7);
}

static void a_process_goes_with_its_last_capability(void **state)
{
    const uint64_t identity = identity_of(program.process);
    const uint64_t used = bank_used(program.bank);

    (void)state;
    assert_ok(wk_capability_delete(program.thread));
    assert_ok(wk_capability_delete(program.process));
    assert_false(object_exists(identity));
    assert_true(bank_used(program.bank) < used);
}

static void a_process_may_drop_the_last_capability_to_itself(void **state)
{
    const uint64_t identity = identity_of(program.process);
    const wk_handle self = program_grant(&program, program.process, WK_TRANSFER_GIVE, ALL_RIGHTS);

    (void)state;
    act_as(program.thread_record);
    assert_status(wk_capability_delete(self), NOT_ANSWERED);
    act_as(boot);
    assert_false(object_exists(identity));
}

static void a_process_that_runs_on_another_hart_is_killed(void **state)
{
    struct program other;

    (void)state;
    machine_start(&(struct host_machine){.harts = 2, .asid_bits = 8});
    boot = actor();
    other = program_make(100, 10);
    make_current(other.thread_record);
    assert_ok(wk_process_kill(other.process, 1));
    assert_int_equal(info_of(other.process).state, WK_PROCESS_STATE_ENDED);
    assert_null(harts[1]->current);
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        program_test(a_new_process_is_empty),
        program_test(it_is_paid_by_the_bank),
        program_test(give_moves_a_capability),
        program_test(what_is_given_stays_below_its_lender),
        program_test(what_is_lent_cannot_be_given),
        program_test(lend_makes_a_child_and_dup_a_sibling),
        program_test(a_borrowed_capability_is_duplicated_below_itself),
        program_test(a_grant_is_paid_by_the_receiver),
        program_test(a_clone_has_the_same_handles_but_not_its_parent),
        program_test(only_an_empty_process_that_has_not_begun_takes_a_clone),
        program_test(suspend_stops_a_process_where_it_is),
        program_test(suspend_reaches_more_threads_than_one_step_does),
        program_test(a_process_that_has_not_begun_or_not_stopped_stays_as_it_is),
        cmocka_unit_test(suspend_waits_until_no_hart_runs_the_process),
        program_test(kill_takes_everything_apart_but_what_tells_of_it),
        program_test(nothing_can_be_done_with_a_process_that_has_ended),
        program_test(who_asked_is_told_of_the_end),
        program_test(a_process_may_kill_itself),
        program_test(a_process_goes_with_its_last_capability),
        program_test(a_process_may_drop_the_last_capability_to_itself),
        cmocka_unit_test(a_process_that_runs_on_another_hart_is_killed),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(*tests));
}
