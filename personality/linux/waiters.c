/* SPDX-License-Identifier: MIT */
#include "waiters.h"

#include "files.h"
#include "signals.h"

#include <winkle/capability.h>
#include <winkle/clock.h>
#include <winkle/event.h>
#include <winkle/file.h>
#include <winkle/pipe.h>
#include <winkle/posix.h>
#include <winkle/terminal.h>

_Static_assert(sizeof(((struct thread *)NULL)->waiters) == WAITER_KINDS * sizeof(struct waiter), "linux.h");

uint64_t waiter_number(enum waiter_kind kind, wk_handle session)
{
    struct thread *self = current();
    struct waiter *waiter = &self->waiters[kind];
    wk_handle event;
    enum wk_status status = WK_BAD_ARGUMENT;

    if (waiter->session != 0)
        return waiter->number;
    if (wk_capability_dup(self->event, WK_EVENT_RIGHT_SIGNAL, &event) != WK_OK)
        return 0;
    switch (kind) {
    case WAITER_PIPES:
        status = wk_pipe_enlist(session, event, WAITER_BIT, &waiter->session, &waiter->number);
        break;
    case WAITER_TERMINAL:
        status = wk_terminal_enlist(session, event, WAITER_BIT, &waiter->session, &waiter->number);
        break;
    case WAITER_FUTEXES:
        status = wk_posix_enlist(session, event, WAITER_BIT_FUTEXES, &waiter->session, &waiter->number);
        break;
    case WAITER_FILES:
        status = wk_file_enlist(session, event, WAITER_BIT, &waiter->session, &waiter->number);
        break;
    case WAITER_KINDS:
        break;
    }
    if (status != WK_OK) {
        waiter->session = 0;
        wk_capability_delete(event); /* if the call did not take it */
        return 0;
    }
    return waiter->number;
}

void waiters_forget(struct thread *thread)
{
    for (unsigned i = 0; i < WAITER_KINDS; i++) {
        if (thread->waiters[i].session != 0)
            wk_capability_delete(thread->waiters[i].session);
        thread->waiters[i] = (struct waiter){0};
    }
    thread->told_of = 0;
}

static inline int64_t result_of(enum wk_status status)
{
    return status == WK_OK ? 0 : status == WK_TIMED_OUT ? -ETIMEDOUT : signals_restart();
}

/* It was interrupted: apart, so that what is waited for without that saves no registers for it. */
static __attribute__((noinline)) int64_t go_on(uint64_t bits, uint64_t deadline_ns)
{
    struct thread *self = current();
    enum wk_status status = WK_INTERRUPTED;
    uint64_t taken;

    while (status == WK_INTERRUPTED && signals_let_wait()) {
        status = wk_event_wait(self->event, bits, deadline_ns, &taken);
        self->told_of = 0;
    }
    return result_of(status);
}

int64_t wait_for_bits(uint64_t bits, uint64_t deadline_ns)
{
    struct thread *self = current();
    uint64_t taken;
    const enum wk_status status = wk_event_wait(self->event, bits, deadline_ns, &taken);

    self->told_of = 0; /* it may just have been */
    return status == WK_INTERRUPTED ? go_on(bits, deadline_ns) : result_of(status);
}

int64_t wait_for_event(uint64_t deadline_ns)
{
    return wait_for_bits(UINT64_MAX, deadline_ns);
}
