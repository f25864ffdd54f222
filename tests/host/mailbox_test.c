/* SPDX-License-Identifier: MIT */
/* Mailboxes: capabilities that stand between two tables, and what becomes of them there. `one` posts, `other` takes. */
#include "two_programs.h"

#define SLOTS 4
#define TYPE(type) (UINT64_C(1) << (type))
#define EVENTS TYPE(WK_TYPE_EVENT)

static wk_handle bank, mailbox, post_there, take_there; /* of the first process; of `one`; of `other` */
static wk_handle event, event_there;                    /* owned, of the first process; owned, of `one` */

/* All of it anew. */
static void begin(void)
{
    bank = make_bank(BOOT_BANK, 100);
    assert_ok(wk_mailbox_create(bank, SLOTS, &mailbox));
    post_there = program_grant(&one, mailbox, WK_TRANSFER_LEND, WK_MAILBOX_RIGHT_POST);
    take_there = program_grant(&other, mailbox, WK_TRANSFER_LEND, WK_MAILBOX_RIGHT_TAKE);
    event = make_event(BOOT_BANK);
    event_there = program_grant(&one, event, WK_TRANSFER_DUP, ALL_RIGHTS);
}

static int setup(void **state)
{
    two_programs_setup(state);
    begin();
    return 0;
}

#define mailbox_test(function) cmocka_unit_test_setup(function, setup)

/* As `one`. */
static enum wk_status post(wk_handle handle, enum wk_transfer transfer, uint64_t *ticket)
{
    act_as(one.thread_record);
    return wk_mailbox_post(post_there, handle, transfer, ALL_RIGHTS, ticket);
}

static uint64_t posted(wk_handle handle, enum wk_transfer transfer)
{
    uint64_t ticket;

    assert_ok(post(handle, transfer, &ticket));
    return ticket;
}

/* As `other`. */
static enum wk_status take(uint64_t ticket, wk_handle *handle)
{
    act_as(other.thread_record);
    return wk_mailbox_take(take_there, ticket, EVENTS, handle);
}

static struct capability *taken(uint64_t ticket)
{
    wk_handle handle;

    assert_ok(take(ticket, &handle));
    return slot_of(handle);
}

static void assert_gone(uint64_t ticket)
{
    wk_handle handle;

    assert_status(take(ticket, &handle), WK_WOULD_BLOCK);
}

static struct capability *slot_in(const struct program *owner, wk_handle handle)
{
    return capability_find(&owner->process_record->table, handle);
}

/* ---- post and take ---- */

static void its_bank_pays_for_the_slots_too(void **state)
{
    const wk_handle small = make_bank(BOOT_BANK, 2);
    wk_handle made;
    unsigned count = 0;

    (void)state;
    while (wk_mailbox_create(small, WK_MAILBOX_SLOTS_MAX, &made) == WK_OK)
        count++;
    assert_int_equal(count, 3); /* a page */
    assert_int_equal(bank_used(small), 2);
}

static void what_is_given_is_the_takers_own(void **state)
{
    const uint64_t ticket = posted(event_there, WK_TRANSFER_GIVE);
    const struct capability *slot;

    (void)state;
    assert_null(slot_in(&one, event_there));
    slot = taken(ticket);
    assert_null(slot->parent);
    assert_int_equal(slot->rights, (uint16_t)ALL_RIGHTS);
    assert_gone(ticket);
}

static void what_is_lent_hangs_below_the_posters(void **state)
{
    const struct capability *slot = taken(posted(event_there, WK_TRANSFER_LEND));
    const wk_handle handle = capability_handle(slot);

    (void)state;
    assert_ptr_equal(slot->parent, slot_in(&one, event_there));
    act_as(one.thread_record);
    assert_ok(wk_capability_revoke(event_there));
    assert_null(slot_in(&other, handle));
}

static void a_duplicate_is_owned_if_its_original_is(void **state)
{
    const struct capability *slot = taken(posted(event_there, WK_TRANSFER_DUP));
    wk_handle borrowed;

    (void)state;
    assert_null(slot->parent);
    assert_non_null(slot_in(&one, event_there));
    act_as(boot);
    borrowed = program_grant(&one, event, WK_TRANSFER_LEND, ALL_RIGHTS);
    assert_ptr_equal(taken(posted(borrowed, WK_TRANSFER_DUP))->parent, slot_in(&one, borrowed));
}

static void what_was_borrowed_and_is_given_keeps_its_lender(void **state)
{
    const wk_handle borrowed = program_grant(&one, event, WK_TRANSFER_LEND, ALL_RIGHTS);
    const struct capability *slot = taken(posted(borrowed, WK_TRANSFER_GIVE));

    (void)state;
    act_as(boot);
    assert_ptr_equal(slot->parent, slot_of(event));
}

static void rights_narrow_on_the_way(void **state)
{
    uint64_t ticket;

    (void)state;
    act_as(one.thread_record);
    assert_ok(wk_mailbox_post(post_there, event_there, WK_TRANSFER_DUP, WK_EVENT_RIGHT_WAIT, &ticket));
    assert_int_equal(taken(ticket)->rights, WK_EVENT_RIGHT_WAIT);
    act_as(one.thread_record);
    assert_ok(wk_mailbox_post(post_there, event_there, WK_TRANSFER_GIVE, WK_EVENT_RIGHT_SIGNAL, &ticket));
    assert_int_equal(taken(ticket)->rights, WK_EVENT_RIGHT_SIGNAL);
}

static void a_session_keeps_its_badge(void **state)
{
    const wk_handle session = make_session(make_endpoint(BOOT_BANK), 77);
    const wk_handle there = program_grant(&one, session, WK_TRANSFER_GIVE, ALL_RIGHTS);
    const uint64_t ticket = posted(there, WK_TRANSFER_GIVE);
    wk_handle handle;

    (void)state;
    act_as(other.thread_record);
    assert_ok(wk_mailbox_take(take_there, ticket, TYPE(WK_TYPE_SESSION), &handle));
    assert_int_equal(slot_of(handle)->badge, 77);
}

static void each_side_has_its_right_only(void **state)
{
    uint64_t ticket;
    wk_handle handle;

    (void)state;
    act_as(one.thread_record);
    assert_error_at(wk_mailbox_take(post_there, 1, EVENTS, &handle), WK_NO_RIGHT, 0);
    act_as(other.thread_record);
    assert_error_at(wk_mailbox_post(take_there, WK_FIRST_HANDLE(0), WK_TRANSFER_LEND, 0, &ticket), WK_NO_RIGHT, 0);
    assert_error_at(wk_mailbox_withdraw(take_there, 1, &handle), WK_NO_RIGHT, 0);
}

/* ---- tickets and slots ---- */

static void a_ticket_is_good_once(void **state)
{
    uint64_t last = 0;

    (void)state;
    for (unsigned i = 0; i < 3 * SLOTS; i++) {
        const uint64_t ticket = posted(event_there, WK_TRANSFER_LEND);

        assert_true(ticket > last);
        if (last != 0)
            assert_gone(last);
        taken(ticket);
        assert_gone(ticket);
        last = ticket;
    }
    assert_gone(last + 1);
    assert_gone(UINT64_MAX);
}

static void a_full_mailbox_refuses_until_one_is_taken(void **state)
{
    uint64_t tickets[SLOTS], ticket;

    (void)state;
    for (unsigned i = 0; i < SLOTS; i++)
        tickets[i] = posted(event_there, WK_TRANSFER_LEND);
    assert_status(post(event_there, WK_TRANSFER_LEND, &ticket), WK_WOULD_BLOCK);
    assert_status(post(event_there, WK_TRANSFER_DUP, &ticket), WK_WOULD_BLOCK);
    taken(tickets[2]); /* in whatever order */
    ticket = posted(event_there, WK_TRANSFER_LEND);
    assert_true(ticket > tickets[SLOTS - 1]);
    assert_status(post(event_there, WK_TRANSFER_LEND, &ticket), WK_WOULD_BLOCK);
    taken(tickets[0]);
    taken(tickets[3]);
    taken(tickets[1]);
}

static void a_mailbox_of_one_slot_takes_one_after_the_other(void **state)
{
    wk_handle single, handle;
    uint64_t ticket, other_ticket;

    (void)state;
    assert_ok(wk_mailbox_create(bank, 1, &single));
    for (unsigned i = 0; i < 3; i++) {
        assert_ok(wk_mailbox_post(single, event, WK_TRANSFER_LEND, ALL_RIGHTS, &ticket));
        assert_status(wk_mailbox_post(single, event, WK_TRANSFER_LEND, ALL_RIGHTS, &other_ticket), WK_WOULD_BLOCK);
        assert_ok(wk_mailbox_take(single, ticket, EVENTS, &handle));
    }
}

static void withdrawing_needs_a_slot_too(void **state)
{
    const uint64_t ticket = posted(event_there, WK_TRANSFER_LEND);
    char *before;
    wk_handle back;

    (void)state;
    do
        duplicate(post_there, ALL_RIGHTS);
    while (one.process_record->table.made % CAPABILITIES_PER_PAGE != 0);
    before = check_state_text();
    host_allocations_left = 0;
    assert_status(wk_mailbox_withdraw(post_there, ticket, &back), WK_NO_MEMORY);
    host_allocations_left = UINT64_MAX;
    assert_state_is(before);
}

static void the_poster_may_withdraw_what_was_not_taken(void **state)
{
    const uint64_t ticket = posted(event_there, WK_TRANSFER_GIVE);
    wk_handle back;

    (void)state;
    assert_ok(wk_mailbox_withdraw(post_there, ticket, &back));
    assert_null(slot_of(back)->parent);
    assert_ok(wk_event_signal(back, 1));
    assert_status(wk_mailbox_withdraw(post_there, ticket, &back), WK_WOULD_BLOCK);
    assert_gone(ticket);
}

/* ---- what is refused ---- */

static void another_type_is_not_accepted_and_stays(void **state)
{
    const uint64_t ticket = posted(event_there, WK_TRANSFER_GIVE);
    wk_handle handle;

    (void)state;
    act_as(other.thread_record);
    assert_status(wk_mailbox_take(take_there, ticket, TYPE(WK_TYPE_MEMORY) | TYPE(WK_TYPE_SESSION), &handle),
                  WK_NOT_ACCEPTED);
    taken(ticket);
}

static void a_mailbox_is_not_posted(void **state)
{
    wk_handle another, owned;
    uint64_t ticket;

    (void)state;
    assert_ok(wk_mailbox_create(bank, 1, &another));
    owned = duplicate(mailbox, ALL_RIGHTS);
    assert_status(wk_mailbox_post(mailbox, owned, WK_TRANSFER_GIVE, ALL_RIGHTS, &ticket), WK_NOT_ACCEPTED);
    assert_status(wk_mailbox_post(mailbox, mailbox, WK_TRANSFER_DUP, ALL_RIGHTS, &ticket), WK_NOT_ACCEPTED);
    assert_status(wk_mailbox_post(mailbox, another, WK_TRANSFER_LEND, ALL_RIGHTS, &ticket), WK_NOT_ACCEPTED);
}

static void what_is_lent_cannot_be_given(void **state)
{
    uint64_t ticket;

    (void)state;
    act_as(one.thread_record);
    lend(event_there, ALL_RIGHTS);
    assert_status(post(event_there, WK_TRANSFER_GIVE, &ticket), WK_IS_LENT);
    posted(event_there, WK_TRANSFER_LEND);
}

static void what_a_thread_waits_by_cannot_be_given(void **state)
{
    struct thread *waits = spawn(5, NULL);
    const wk_handle endpoint = make_endpoint(BOOT_BANK);
    uint64_t ticket;

    (void)state;
    begin_wait(waits, event, 1, NEVER);
    assert_status(wk_mailbox_post(mailbox, event, WK_TRANSFER_GIVE, ALL_RIGHTS, &ticket), WK_BUSY);
    assert_true(is_waiting(waits));
    posted(event_there, WK_TRANSFER_GIVE); /* to the same event, but nobody waits by this one */
    act_as(boot);
    assert_ok(wk_event_signal(event, 1));
    assert_answered(waits, WK_OK, 1);
    assert_ok(wk_mailbox_post(mailbox, event, WK_TRANSFER_GIVE, ALL_RIGHTS, &ticket));

    assert_status(receive_as(waits, endpoint), NOT_ANSWERED);
    act_as(boot);
    assert_status(wk_mailbox_post(mailbox, endpoint, WK_TRANSFER_GIVE, ALL_RIGHTS, &ticket), WK_BUSY);
    assert_ok(wk_mailbox_post(mailbox, endpoint, WK_TRANSFER_LEND, ALL_RIGHTS, &ticket));
}

static void without_room_in_the_takers_table_it_stays(void **state)
{
    const uint64_t ticket = posted(event_there, WK_TRANSFER_GIVE);
    char *before;
    wk_handle handle;

    (void)state;
    act_as(other.thread_record);
    do
        duplicate(take_there, ALL_RIGHTS);
    while (other.process_record->table.made % CAPABILITIES_PER_PAGE != 0);
    before = check_state_text();
    host_allocations_left = 0;
    assert_status(take(ticket, &handle), WK_NO_MEMORY);
    host_allocations_left = UINT64_MAX;
    assert_state_is(before);
    taken(ticket);
}

/* ---- what becomes of it while it stands there ---- */

static void what_is_revoked_has_gone_and_its_slot_is_free(void **state)
{
    uint64_t tickets[SLOTS], ticket;

    (void)state;
    for (unsigned i = 0; i < SLOTS; i++)
        tickets[i] = posted(event_there, WK_TRANSFER_LEND);
    taken(tickets[1]);
    act_as(one.thread_record);
    assert_ok(wk_capability_revoke(event_there));
    for (unsigned i = 0; i < SLOTS; i++)
        assert_gone(tickets[i]);
    for (unsigned i = 0; i < SLOTS; i++)
        tickets[i] = posted(event_there, WK_TRANSFER_LEND);
    assert_status(post(event_there, WK_TRANSFER_LEND, &ticket), WK_WOULD_BLOCK);
}

static void what_was_given_is_revoked_with_what_it_was_borrowed_from(void **state)
{
    const wk_handle borrowed = program_grant(&one, event, WK_TRANSFER_LEND, ALL_RIGHTS);
    const uint64_t ticket = posted(borrowed, WK_TRANSFER_GIVE);

    (void)state;
    act_as(boot);
    assert_ok(wk_capability_delete(event));
    assert_gone(ticket);
}

static void what_is_just_being_taken_back_goes_though_it_moves(void **state)
{
    struct thread *taker = spawn(5, NULL);
    wk_handle first, second, third;
    uint64_t given, lent, ticket;

    (void)state;
    for (unsigned i = 0; i < 40; i++)
        lend(event, ALL_RIGHTS);
    first = program_grant(&one, event, WK_TRANSFER_LEND, ALL_RIGHTS);
    second = program_grant(&one, event, WK_TRANSFER_LEND, ALL_RIGHTS);
    third = program_grant(&one, event, WK_TRANSFER_LEND, ALL_RIGHTS);
    lent = posted(first, WK_TRANSFER_LEND);
    given = posted(second, WK_TRANSFER_GIVE);
    act_as(boot);
    begin_operation(taker, WK_CAPABILITY_REVOKE, event, (uint64_t[6]){0}, 1);
    assert_status(post(third, WK_TRANSFER_LEND, &ticket), WK_REVOKED);
    assert_status(post(third, WK_TRANSFER_DUP, &ticket), WK_REVOKED);
    first = capability_handle(taken(lent));
    second = capability_handle(taken(given));
    ticket = posted(third, WK_TRANSFER_GIVE);
    act_as(boot);
    assert_ok(finish_operation(taker));
    assert_null(slot_in(&other, first));
    assert_null(slot_in(&other, second));
    assert_gone(ticket);
    act_as(boot);
    assert_ptr_equal(slot_of(event)->children.next, &slot_of(event)->children);
}

static void what_was_given_stays_when_its_poster_ends(void **state)
{
    const uint64_t lent = posted(event_there, WK_TRANSFER_LEND);
    const uint64_t dup = posted(event_there, WK_TRANSFER_DUP);

    (void)state;
    act_as(boot);
    assert_ok(wk_process_kill(one.process, 0));
    assert_gone(lent);
    assert_null(taken(dup)->parent);
}

static void the_end_of_the_taker_leaves_everything(void **state)
{
    const uint64_t given = posted(event_there, WK_TRANSFER_GIVE);
    wk_handle back;

    (void)state;
    act_as(boot);
    assert_ok(wk_process_kill(other.process, 0));
    act_as(one.thread_record);
    assert_ok(wk_mailbox_withdraw(post_there, given, &back));
    assert_ok(wk_event_signal(back, 1));
}

static void what_is_given_keeps_its_object(void **state)
{
    const uint64_t identity = identity_of(event);
    const uint64_t ticket = posted(event_there, WK_TRANSFER_GIVE);

    (void)state;
    act_as(boot);
    assert_ok(wk_capability_delete(event));
    assert_true(object_exists(identity));
    act_as(other.thread_record);
    assert_ok(wk_capability_delete(capability_handle(taken(ticket))));
    assert_false(object_exists(identity));
}

static void a_bank_that_goes_takes_what_is_posted_of_it(void **state)
{
    const wk_handle its_bank = make_bank(BOOT_BANK, 10);
    const wk_handle there = program_grant(&one, make_event(its_bank), WK_TRANSFER_DUP, ALL_RIGHTS);
    const uint64_t ticket = posted(there, WK_TRANSFER_GIVE);

    (void)state;
    act_as(boot);
    assert_ok(wk_bank_destroy(its_bank));
    assert_gone(ticket);
}

/* ---- its end ---- */

/* Fills the mailbox: something lent, the last capability of an event and of a bank with one. */
static void fill(uint64_t identities[2])
{
    const wk_handle inner = make_bank(BOOT_BANK, 10);
    wk_handle only, inner_there;

    make_event(inner);
    only = make_event(BOOT_BANK);
    identities[0] = identity_of(only);
    identities[1] = identity_of(inner);
    only = program_grant(&one, only, WK_TRANSFER_GIVE, ALL_RIGHTS);
    inner_there = program_grant(&one, inner, WK_TRANSFER_GIVE, ALL_RIGHTS);
    posted(event_there, WK_TRANSFER_LEND);
    posted(only, WK_TRANSFER_GIVE);
    posted(inner_there, WK_TRANSFER_GIVE);
    posted(event_there, WK_TRANSFER_LEND);
    act_as(boot);
}

static void assert_emptied(const uint64_t identities[2])
{
    wk_handle handle;

    assert_false(object_exists(identities[0]));
    assert_false(object_exists(identities[1]));
    assert_true(list_is_empty(&slot_in(&one, event_there)->children));
    assert_status(take(1, &handle), WK_BAD_HANDLE);
    act_as(boot);
}

static void its_last_capability_takes_all_that_stands_in_it(void **state)
{
    const uint64_t used = bank_used(BOOT_BANK), used_of_bank = bank_used(bank);
    uint64_t identities[2];

    (void)state;
    fill(identities);
    assert_ok(wk_capability_delete(mailbox));
    assert_emptied(identities);
    assert_int_equal(bank_used(BOOT_BANK), used);
    assert_true(bank_used(bank) <= used_of_bank);
}

static void its_bank_takes_all_that_stands_in_it(void **state)
{
    uint64_t identities[2];

    (void)state;
    fill(identities);
    assert_ok(wk_bank_destroy(bank));
    assert_emptied(identities);
}

static void the_bank_that_pays_for_it_may_stand_in_it(void **state)
{
    const uint64_t identity = identity_of(bank);
    uint64_t ticket;

    (void)state;
    assert_ok(wk_mailbox_post(mailbox, bank, WK_TRANSFER_GIVE, ALL_RIGHTS, &ticket));
    assert_ok(wk_capability_delete(mailbox));
    assert_false(object_exists(identity));
}

/* Interrupts its end with its bank at each point in turn: what is left ends too. */
static void once_it_is_dying_nothing_is_posted_or_taken(void **state)
{
    struct thread *ender = spawn(5, NULL);
    unsigned points = 1, refused = 0;

    (void)state;
    for (;; points++) {
        uint64_t identity, identities[2], ticket;
        const struct object *object;
        wk_handle handle;

        begin();
        identity = identity_of(mailbox);
        object = object_of(mailbox);
        fill(identities);
        invoke_partly(ender, WK_BANK_DESTROY, bank, (uint64_t[6]){0}, points, boot);
        if (ender->operation.step == NULL)
            break;
        if (object_exists(identity) && object->state == OBJECT_DYING) {
            refused += post(event_there, WK_TRANSFER_LEND, &ticket) == WK_REVOKED;
            assert_true(take(2, &handle) != WK_OK);
        }
        act_as(boot);
        assert_ok(finish_operation(ender));
        assert_emptied(identities);
    }
    assert_true(refused != 0 && points > SLOTS);
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        mailbox_test(its_bank_pays_for_the_slots_too),
        mailbox_test(what_is_given_is_the_takers_own),
        mailbox_test(what_is_lent_hangs_below_the_posters),
        mailbox_test(a_duplicate_is_owned_if_its_original_is),
        mailbox_test(what_was_borrowed_and_is_given_keeps_its_lender),
        mailbox_test(rights_narrow_on_the_way),
        mailbox_test(a_session_keeps_its_badge),
        mailbox_test(each_side_has_its_right_only),
        mailbox_test(a_ticket_is_good_once),
        mailbox_test(a_full_mailbox_refuses_until_one_is_taken),
        mailbox_test(a_mailbox_of_one_slot_takes_one_after_the_other),
        mailbox_test(withdrawing_needs_a_slot_too),
        mailbox_test(the_poster_may_withdraw_what_was_not_taken),
        mailbox_test(another_type_is_not_accepted_and_stays),
        mailbox_test(a_mailbox_is_not_posted),
        mailbox_test(what_is_lent_cannot_be_given),
        mailbox_test(what_a_thread_waits_by_cannot_be_given),
        mailbox_test(without_room_in_the_takers_table_it_stays),
        mailbox_test(what_is_revoked_has_gone_and_its_slot_is_free),
        mailbox_test(what_was_given_is_revoked_with_what_it_was_borrowed_from),
        mailbox_test(what_is_just_being_taken_back_goes_though_it_moves),
        mailbox_test(what_was_given_stays_when_its_poster_ends),
        mailbox_test(the_end_of_the_taker_leaves_everything),
        mailbox_test(what_is_given_keeps_its_object),
        mailbox_test(a_bank_that_goes_takes_what_is_posted_of_it),
        mailbox_test(its_last_capability_takes_all_that_stands_in_it),
        mailbox_test(its_bank_takes_all_that_stands_in_it),
        mailbox_test(the_bank_that_pays_for_it_may_stand_in_it),
        mailbox_test(once_it_is_dying_nothing_is_posted_or_taken),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(*tests));
}
