/* SPDX-License-Identifier: MIT */
/* The example of docs/mailboxes.md: memory is posted into a mailbox, and taken out of it by its ticket. */
#include <winkle/bank.h>
#include <winkle/capability.h>
#include <winkle/mailbox.h>
#include <winkle/memory.h>
#include <winkle/print.h>
#include <winkle/process.h>
#include <winkle/start.h>

static void expect(const char *what, enum wk_status status)
{
    if (status != WK_OK)
        wk_fail(what, status);
}

/* The maker's part: the client gets the right to post, as `*there` in its table, and the maker keeps one to take. */
static wk_handle set_up(wk_handle bank, wk_handle client, wk_handle *there)
{
    wk_handle mailbox, mine;

    expect("a mailbox", wk_mailbox_create(bank, 16, &mailbox));
    expect("granting", wk_process_grant(client, mailbox, WK_TRANSFER_LEND, WK_MAILBOX_RIGHT_POST, there));
    expect("lending", wk_capability_lend(mailbox, WK_MAILBOX_RIGHT_TAKE, &mine));
    return mine;
}

/* The sender's: WK_WOULD_BLOCK if all slots are in use. */
static enum wk_status post(wk_handle mailbox, wk_handle memory, uint64_t *ticket)
{
    return wk_mailbox_post(mailbox, memory, WK_TRANSFER_LEND, WK_MEMORY_RIGHT_READ, ticket);
}

/* The receiver's. */
static enum wk_status take(wk_handle mailbox, uint64_t ticket, wk_handle *memory)
{
    return wk_mailbox_take(mailbox, ticket, UINT64_C(1) << WK_TYPE_MEMORY, memory);
}

int main(void)
{
    wk_handle process = wk_self.start->process, there = 0, mine, memory, taken;
    uint64_t ticket;

    expect("memory", wk_memory_create(wk_self.bank, 1, 0, &memory));
    mine = set_up(wk_self.bank, process, &there); /* the client is this program itself */
    expect("posting", post(there, memory, &ticket));
    expect("taking", take(mine, ticket, &taken));
    if (take(mine, ticket, &taken) != WK_WOULD_BLOCK)
        wk_fail("a ticket that was used", WK_OK);
    wk_print("mailboxes: good\n");
    return 0;
}
