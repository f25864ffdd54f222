/* SPDX-License-Identifier: MIT */
#include "terminal.h"

#include <winkle/event.h>

static struct wk_link armed;

void waiters_start(void)
{
    wk_link_init(&armed);
}

void waiter_init(struct waiter *waiter, wk_handle event, uint64_t bits)
{
    waiter->event = event;
    waiter->bits = bits;
    wk_link_init(&waiter->armed);
}

void waiter_end(struct waiter *waiter)
{
    wk_link_remove(&waiter->armed);
}

void waiter_arm(struct waiter *waiter, uint32_t wanted, uint32_t need)
{
    wk_link_remove(&waiter->armed);
    waiter->wanted = wanted;
    waiter->need = need;
    wk_link_append(&armed, &waiter->armed);
}

static bool can_read(const struct waiter *waiter, uint64_t now_ns)
{
    const struct line *line = &terminal.line;

    return line_is_readable(line) || now_ns >= line_deadline(line) ||
           (waiter->need != 0 && !line_is_canonical(line) && line_readable_bytes(line) >= waiter->need);
}

static bool is_so(const struct waiter *waiter, uint64_t now_ns)
{
    return ((waiter->wanted & WK_READINESS_READABLE) != 0 && can_read(waiter, now_ns)) ||
           ((waiter->wanted & WK_READINESS_WRITABLE) != 0 && line_is_writable(&terminal.line)) ||
           ((waiter->wanted & WAITS_FOR_SHOWN) != 0 && !line_has_output(&terminal.line));
}

/* That the event has gone is its owner's loss. */
static void tell(struct waiter *waiter)
{
    wk_link_remove(&waiter->armed);
    wk_event_signal(waiter->event, waiter->bits);
}

void waiters_tell(uint64_t now_ns)
{
    for (struct wk_link *link = armed.next, *next = link->next; link != &armed; link = next, next = next->next) {
        struct waiter *waiter = WK_LINKED(link, struct waiter, armed);

        if (is_so(waiter, now_ns))
            tell(waiter);
    }
}

void waiters_tell_all(void)
{
    while (!wk_links_are_empty(&armed))
        tell(WK_LINKED(armed.next, struct waiter, armed));
}
