/* SPDX-License-Identifier: MIT */
#include <winkle/faults.h>

#include <winkle/process.h>

bool wk_fault_read(const struct wk_message *message, struct wk_fault *fault)
{
    const uint64_t *words = message->words;

    if (message->kind != WK_MESSAGE_KIND_FAULT)
        return false;
    *fault =
        (struct wk_fault){(enum wk_upcall_cause)words[0], words[1], words[2], words[3], (enum wk_end_reason)words[4]};
    return true;
}

void wk_fault_go_on(struct wk_answer *answer, uint64_t pc)
{
    *answer = (struct wk_answer){.status = WK_OK, .words = {pc}};
}

void wk_fault_decline(struct wk_answer *answer)
{
    *answer = (struct wk_answer){.status = WK_NOT_AVAILABLE};
}

enum wk_status wk_fault_set_handler(wk_handle process, wk_handle session)
{
    uint64_t there;
    const enum wk_status status = wk_process_grant(process, session, WK_TRANSFER_LEND, WK_SESSION_RIGHT_FAULT, &there);

    return status == WK_OK ? wk_process_set_fault_handler(process, there) : status;
}
