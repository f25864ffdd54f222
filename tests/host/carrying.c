/* SPDX-License-Identifier: MIT */
#include "carrying.h"

wk_handle endpoint_bank, endpoint_there, session_there;
wk_handle events[6], carried[6];

void carrying_restart(void)
{
    if (one.bank != 0)
        assert_ok(wk_bank_destroy(one.bank));
    if (other.bank != 0)
        assert_ok(wk_bank_destroy(other.bank));
    one = program_make(2000, 80);
    other = program_make(2000, 80);
    event = make_event(BOOT_BANK);
    endpoint_bank = make_bank(BOOT_BANK, 20);
    endpoint = make_endpoint(endpoint_bank);
    session = make_session(endpoint, BADGE);
    endpoint_there = program_grant(&one, endpoint, WK_TRANSFER_DUP, ALL_RIGHTS);
    session_there = program_grant(&other, session, WK_TRANSFER_DUP, ALL_RIGHTS);
    assert_ok(wk_endpoint_accept(endpoint, TYPE(WK_TYPE_EVENT), 6));
    for (unsigned i = 0; i < 6; i++) {
        events[i] = make_event(BOOT_BANK);
        carried[i] = program_grant(&other, events[i], WK_TRANSFER_DUP, ALL_RIGHTS);
    }
}

int carrying_setup(void **state)
{
    machine_setup(state);
    boot = actor();
    carrying_restart();
    return 0;
}

struct capability *slot_in(const struct program *owner, wk_handle handle)
{
    return capability_find(&owner->process_record->table, handle);
}

enum wk_status carry(uint64_t flags)
{
    return send_as(other.thread_record, ASK | flags, session_there, carried, 0);
}

void assert_brought(void)
{
    assert_ok(late_answer(one.thread_record));
    assert_int_equal(answer_kind & 0xf, WK_MESSAGE_KIND_CALL);
    assert_int_equal(answer_operation, ASK);
}

void carry_and_take(uint64_t flags)
{
    begin_receive(one.thread_record, endpoint_there);
    assert_status(carry(flags), NOT_ANSWERED);
    assert_brought();
}

void let_caller_finish(void)
{
    if (other.thread_record->operation.step != NULL)
        (void)finish_operation(other.thread_record);
}

void assert_nothing_is_lent(void)
{
    for (unsigned i = 0; i < 6; i++) {
        struct capability *slot = slot_in(&other, carried[i]);

        if (slot == NULL)
            continue;
        assert_true(list_is_empty(&slot->children));
        assert_int_equal(slot->object->capabilities, 2); /* here and in the first process */
    }
}
