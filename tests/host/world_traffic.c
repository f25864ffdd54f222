/* SPDX-License-Identifier: MIT */
/* What random programs have to do with each other: calls, answers, and the budgets that pay for them. */
#include "world_parts.h"

#include "harness_parts.h"

#include <stdio.h>

#define MILLISECOND UINT64_C(1000000)

/* What the programs have of each hart's time: whoever has a budget may take all that its parent has. */
static wk_handle budgets[HARTS_MAX];
static wk_handle mailbox; /* which all of them have */

void make_budgets(wk_handle bank)
{
    for (unsigned i = 0; i < hart_count; i++)
        assert_ok(wk_budget_split(WK_FIRST_HANDLE(WK_BOOT_BUDGET + i), bank, 6 * MILLISECOND, 10 * MILLISECOND,
                                  PRIORITY + 1, 0, &budgets[i]));
}

void make_known(wk_handle endpoint, wk_handle process)
{
    wk_handle session, handle;

    if (slot_of(endpoint) == NULL || slot_of(process) == NULL || !object_is_live(object_of(endpoint)) ||
        !object_is_live(object_of(process)) || wk_endpoint_mint(endpoint, process, 1, &session) != WK_OK)
        return;
    if (wk_process_grant(process, session, WK_TRANSFER_GIVE, ALL_RIGHTS, &handle) != WK_OK)
        (void)wk_capability_delete(session);
    else
        (void)wk_process_set_fault_handler(process, handle); /* the last of the others that it came to know */
}

void make_traffic(wk_handle process, wk_handle bank, wk_handle event, uint64_t index, wk_handle *endpoint)
{
    const wk_handle whole = budgets[index % hart_count];
    wk_handle budget, handle;

    assert_ok(wk_endpoint_create(bank, endpoint));
    assert_ok(wk_endpoint_accept(*endpoint, 0xffff, 6));
    assert_ok(wk_endpoint_bind(*endpoint, event, 0xf));
    assert_ok(wk_process_grant(process, *endpoint, WK_TRANSFER_DUP, ALL_RIGHTS, &handle));
    if (wk_budget_split(whole, bank, MILLISECOND, 10 * MILLISECOND, PRIORITY + 1, 0, &budget) != WK_OK)
        assert_ok(wk_budget_split(whole, bank, 0, 0, PRIORITY + 1, 0, &budget)); /* so many there have been */
    assert_ok(wk_process_grant(process, budget, WK_TRANSFER_GIVE, ALL_RIGHTS, &handle));
}

void make_mailbox(wk_handle bank)
{
    assert_ok(wk_mailbox_create(bank, 3, &mailbox));
}

void share_mailbox(wk_handle process)
{
    wk_handle handle;

    if (slot_of(mailbox) != NULL && object_is_live(object_of(mailbox)))
        assert_ok(wk_process_grant(process, mailbox, WK_TRANSFER_DUP, ALL_RIGHTS, &handle));
}

const struct interface_operation *some_mailbox_operation(struct choices *choices)
{
    static const uint64_t operations[] = {WK_MAILBOX_POST, WK_MAILBOX_POST, WK_MAILBOX_TAKE, WK_MAILBOX_TAKE,
                                          WK_MAILBOX_WITHDRAW};

    return operation_by_number(operations[choose(choices, 5)]);
}

void choose_ticket_words(struct choices *choices, const struct process *process, uint64_t *words)
{
    const struct capability *capability = capability_find(&process->table, words[0]);

    if (capability == NULL || capability->type != WK_TYPE_MAILBOX)
        return;
    words[1] = container_of(capability->object, struct mailbox, object)->last_ticket - choose(choices, 4);
    words[2] = one_in(choices, 3) ? words[2] : 0xffff;
}

void choose_budget_words(struct choices *choices, uint64_t *numbers)
{
    static const uint64_t capacities[] = {0, 0, 10000, 100000, 300000, MILLISECOND};
    static const uint64_t periods[] = {100000, MILLISECOND, 7 * MILLISECOND, 10 * MILLISECOND, 100 * MILLISECOND};

    numbers[0] = capacities[choose(choices, 6)];
    numbers[1] = numbers[0] == 0 ? 0 : periods[choose(choices, 5)];
    numbers[2] = PRIORITY + 1 - choose(choices, 3);
    numbers[3] = one_in(choices, 3) ? numbers[1] : 0;
}

/* Makes some of the words capabilities, lent or given. */
static uint64_t some_cargo(struct choices *choices, const struct process *process, uint64_t words[6])
{
    uint64_t flags = 0;

    if (!one_in(choices, 3))
        return 0;
    for (unsigned i = 0; i < 6; i++) {
        if (!one_in(choices, 3))
            continue;
        words[i] = some_handle(choices, process, WK_TYPE_NONE);
        flags |= WK_MESSAGE_CAPABILITY(i) | (one_in(choices, 3) ? WK_MESSAGE_GIVE(i) : 0);
    }
    return flags;
}

/* Three of four waits come to an end by themselves. */
static uint64_t some_deadline(struct choices *choices)
{
    if (choose(choices, 4) == 0)
        return 0;
    harness_deadline = host_time_ns + choose(choices, 20) * MILLISECOND;
    return WK_MESSAGE_DEADLINE;
}

uint64_t some_call(struct choices *choices, const struct process *process, uint64_t words[6])
{
    const uint64_t number = one_in(choices, 4) ? interface_operations[choose(choices, INTERFACE_OPERATION_COUNT)].number
                                               : 0x2000 + choose(choices, 2);

    return number | some_cargo(choices, process, words) | some_deadline(choices) |
           WK_MESSAGE_ACCEPT(one_in(choices, 2) ? 0xffff : choose(choices, 0x10000)) |
           (one_in(choices, 30) ? WK_MESSAGE_KERNEL_ONLY : 0);
}

void act_message(struct choices *choices, struct thread *thread, struct thread *rival)
{
    static const uint64_t serving[] = {WK_ENDPOINT_RECEIVE,       WK_ENDPOINT_REPLY_RECEIVE, WK_ENDPOINT_REPLY_RECEIVE,
                                       WK_ENDPOINT_REPLY,         WK_ENDPOINT_REPLY_SAVE,    WK_REPLY_SEND,
                                       WK_ENDPOINT_REPLY_RECEIVE, WK_ENDPOINT_RECEIVE};
    const struct process *process = thread->process;
    uint64_t words[7] = {0};
    uint64_t operation;
    enum wk_status status;

    if (thread->operation.step != NULL)
        return;
    for (unsigned i = 1; i < 7; i++)
        words[i] = choose(choices, 4);
    if (choose(choices, 2) == 0) {
        operation = some_call(choices, process, &words[1]);
        words[0] = some_handle(choices, process, WK_TYPE_SESSION);
    } else {
        operation = serving[choose(choices, 8)];
        words[0] = some_handle(choices, process, operation == WK_REPLY_SEND ? WK_TYPE_REPLY : WK_TYPE_ENDPOINT);
        if (operation != WK_ENDPOINT_REPLY_SAVE)
            operation |= some_cargo(choices, process, &words[1]) | some_deadline(choices) |
                         WK_MESSAGE_STATUS(one_in(choices, 2) ? WK_OK : choose(choices, INTERFACE_STATUS_COUNT));
    }
    say("message", thread, words);
    world_invocations++;
    if (WK_MESSAGE_CAPABILITIES(operation) != 0 && one_in(choices, 3)) {
        invoke_partly(thread, operation, words[0], &words[1], (unsigned)choose(choices, 6),
                      rival == thread ? NULL : rival);
        check_kernel();
        return;
    }
    act_as(thread);
    status = wk_trap(operation, words[0], &words[1]);
    if (world_is_loud)
        printf("    %#lx: %lu\n", (unsigned long)operation, (unsigned long)status);
}
