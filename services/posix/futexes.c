/* SPDX-License-Identifier: MIT */
#include "futexes.h"

#include "effects.h"

#include <winkle/event.h>
#include <winkle/links.h>
#include <winkle/records.h>

#define WAITERS_MAX 4096
#define BUCKETS 256

struct waiter {
    uint64_t owner;
    wk_handle event;
    uint64_t bits;
    struct futex_key key;
    uint64_t bitset;
    struct wk_link link; /* a bucket, while it is parked */
};

static struct wk_records waiters = {.bytes = sizeof(struct waiter), .limit = WAITERS_MAX};
static struct wk_link buckets[BUCKETS];
static uint64_t parked; /* waiters in all of them */

void futexes_init(void)
{
    for (unsigned i = 0; i < BUCKETS; i++)
        wk_link_init(&buckets[i]);
}

static void take_out(struct waiter *waiter)
{
    if (!wk_links_are_empty(&waiter->link))
        parked--;
    wk_link_remove(&waiter->link);
}

static bool is_same(struct futex_key one, struct futex_key other)
{
    return one.word[0] == other.word[0] && one.word[1] == other.word[1];
}

/* Words are aligned, memory identities are counted up. */
static struct wk_link *bucket_of(struct futex_key key)
{
    return &buckets[(key.word[0] * 31 + key.word[1] / 4) % BUCKETS];
}

uint64_t futex_enlist(uint64_t owner, wk_handle event, uint64_t bits)
{
    uint64_t number;
    struct waiter *waiter = wk_records_take(&waiters, &number);

    if (waiter == NULL)
        return 0;
    *waiter = (struct waiter){.owner = owner, .event = event, .bits = bits};
    wk_link_init(&waiter->link);
    return number;
}

bool futex_end(uint64_t number)
{
    struct waiter *waiter = wk_records_find(&waiters, number);

    if (waiter == NULL)
        return false;
    take_out(waiter);
    effect_delete(waiter->event);
    wk_records_give_back(&waiters, waiter);
    return true;
}

static struct waiter *find(uint64_t owner, uint64_t number)
{
    struct waiter *waiter = wk_records_find(&waiters, number);

    return waiter != NULL && waiter->owner == owner ? waiter : NULL;
}

enum wk_status futex_park(uint64_t owner, uint64_t number, struct futex_key key, uint64_t bitset)
{
    struct waiter *waiter = find(owner, number);

    if (waiter == NULL)
        return WK_NOT_FOUND;
    take_out(waiter);
    waiter->key = key;
    waiter->bitset = bitset;
    wk_link_append(bucket_of(key), &waiter->link);
    parked++;
    return WK_OK;
}

enum wk_status futex_leave(uint64_t owner, uint64_t number, uint64_t *was_parked)
{
    struct waiter *waiter = find(owner, number);

    if (waiter == NULL)
        return WK_NOT_FOUND;
    *was_parked = !wk_links_are_empty(&waiter->link);
    take_out(waiter);
    return WK_OK;
}

void futex_leave_all(uint64_t owner)
{
    for (unsigned i = 0; i < BUCKETS && parked != 0; i++) {
        struct wk_link *next;

        for (struct wk_link *link = buckets[i].next; link != &buckets[i]; link = next) {
            struct waiter *waiter = WK_LINKED(link, struct waiter, link);

            next = link->next;
            if (waiter->owner == owner)
                take_out(waiter);
        }
    }
}

uint64_t futex_unpark(struct futex_key key, uint64_t count, uint64_t bitset)
{
    const struct wk_link *bucket = bucket_of(key);
    struct wk_link *next;
    uint64_t unparked = 0;

    for (struct wk_link *link = bucket->next; link != bucket && unparked < count; link = next) {
        struct waiter *waiter = WK_LINKED(link, struct waiter, link);

        next = link->next;
        if (!is_same(waiter->key, key) || (waiter->bitset & bitset) == 0)
            continue;
        take_out(waiter);
        wk_event_signal(waiter->event, waiter->bits);
        unparked++;
    }
    return unparked;
}

/* The last of those that stand there now is looked at last, also if they move to the end of the same bucket. */
uint64_t futex_move(struct futex_key key, struct futex_key to, uint64_t count)
{
    const struct wk_link *bucket = bucket_of(key), *last = bucket->previous;
    uint64_t moved = 0;
    bool is_last = bucket == last;

    for (struct wk_link *link = bucket->next, *next; !is_last && moved < count; link = next) {
        struct waiter *waiter = WK_LINKED(link, struct waiter, link);

        next = link->next;
        is_last = link == last;
        if (!is_same(waiter->key, key))
            continue;
        wk_link_remove(&waiter->link);
        waiter->key = to;
        wk_link_append(bucket_of(to), &waiter->link);
        moved++;
    }
    return moved;
}
