/* SPDX-License-Identifier: MIT */
#include "arrivals.h"

#include "effects.h"
#include "family.h"

#include <winkle/capability.h>
#include <winkle/endpoint.h>
#include <winkle/memory.h>
#include <winkle/start.h>

#define PROCESS_RIGHTS (WK_PROCESS_RIGHT_CONTROL | WK_PROCESS_RIGHT_INSPECT)

enum wk_status arrival_check(wk_handle handle, enum wk_type type, uint64_t rights)
{
    uint64_t its_type, its_rights, borrowed, lent, badge, identity;
    const enum wk_status status =
        wk_capability_info(handle, &its_type, &its_rights, &borrowed, &lent, &badge, &identity);

    if (status != WK_OK || its_type != type)
        return WK_BAD_ARGUMENT;
    return (its_rights & rights) == rights ? WK_OK : WK_NO_RIGHT;
}

static enum wk_status check_arrival(const struct arrival *arrival)
{
    enum wk_status status = arrival_check(arrival->process, WK_TYPE_PROCESS, PROCESS_RIGHTS);

    if (status == WK_OK)
        status = arrival_check(arrival->thread, WK_TYPE_THREAD, WK_THREAD_RIGHT_CONTROL);
    return status == WK_OK ? arrival_check(arrival->event, WK_TYPE_EVENT, WK_EVENT_RIGHT_SIGNAL) : status;
}

/* The process gets a part of the page, which goes with the service's whole. */
static enum wk_status welcome(wk_handle endpoint, struct process *process, struct welcome *welcome)
{
    enum wk_status status = effect_make_page(process);

    if (status == WK_OK)
        status = wk_capability_lend(process->page, WK_MEMORY_RIGHT_READ, &welcome->page);
    if (status == WK_OK)
        status = wk_endpoint_mint(endpoint, process_badge(process), 1, &welcome->session);
    welcome->pid = process->pid;
    return status;
}

void arrival_drop(const struct arrival *arrival)
{
    effect_delete(arrival->process);
    effect_delete(arrival->thread);
    effect_delete(arrival->event);
}

static void refuse(struct process *process, const struct arrival *arrival)
{
    arrival_drop(arrival);
    if (process == NULL)
        return;
    effect_keep_page(process);
    process_forget(process);
}

enum wk_status arrive(wk_handle endpoint, struct process *parent, const struct arrival *arrival, struct welcome *out)
{
    struct process *process = NULL;
    enum wk_status status = check_arrival(arrival);

    if (status == WK_OK) {
        process = family_enter(parent);
        status = process == NULL ? WK_NO_MEMORY : welcome(endpoint, process, out);
    }
    if (status != WK_OK) {
        refuse(process, arrival);
        return status;
    }
    process->process = arrival->process;
    process->thread = arrival->thread;
    process->event = arrival->event;
    process->end_signal = arrival->end_signal;
    effect_page(process);
    return WK_OK;
}
