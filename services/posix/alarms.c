/* SPDX-License-Identifier: MIT */
/* A binary heap, the earliest first; each alarm knows its place in it. */
#include "alarms.h"

#include "effects.h"
#include "signals.h"

#include <winkle/records.h>

#define ALARMS_MAX 1024
#define INTERVAL_MIN_NS 100000 /* whoever wants it more often has overruns instead */
#define CODE_TIMER ((uint64_t)-2)

struct alarm {
    struct process *process;
    struct wk_link link; /* process->alarms */
    uint64_t number, signal, value;
    struct alarm_times times;
    unsigned place;
};

static struct wk_records alarms = {.bytes = sizeof(struct alarm), .limit = ALARMS_MAX};
static struct alarm *heap[ALARMS_MAX];
static unsigned count;
static uint64_t timer_at = UINT64_MAX;

/* ---- the heap ---- */

static void put(unsigned place, struct alarm *alarm)
{
    heap[place] = alarm;
    alarm->place = place;
}

static void move_up(unsigned place, struct alarm *alarm)
{
    for (; place > 0 && heap[(place - 1) / 2]->times.at > alarm->times.at; place = (place - 1) / 2)
        put(place, heap[(place - 1) / 2]);
    put(place, alarm);
}

static void move_down(unsigned place, struct alarm *alarm)
{
    for (;;) {
        unsigned child = 2 * place + 1;

        if (child + 1 < count && heap[child + 1]->times.at < heap[child]->times.at)
            child++;
        if (child >= count || heap[child]->times.at >= alarm->times.at)
            break;
        put(place, heap[child]);
        place = child;
    }
    put(place, alarm);
}

static void insert(struct alarm *alarm)
{
    move_up(count++, alarm);
}

static void take_out(struct alarm *alarm)
{
    struct alarm *last = heap[--count];

    if (last == alarm)
        return;
    if (alarm->place > 0 && heap[(alarm->place - 1) / 2]->times.at > last->times.at)
        move_up(alarm->place, last);
    else
        move_down(alarm->place, last);
}

static void set_timer(void)
{
    const uint64_t at = count == 0 ? UINT64_MAX : heap[0]->times.at;

    if (at != timer_at)
        effect_set_timer(at);
    timer_at = at;
}

/* ---- alarms ---- */

static struct alarm *find(struct process *process, uint64_t number)
{
    for (struct wk_link *link = process->alarms.next; link != &process->alarms; link = link->next) {
        struct alarm *alarm = WK_LINKED(link, struct alarm, link);

        if (alarm->number == number)
            return alarm;
    }
    return NULL;
}

static struct alarm *create(struct process *process, uint64_t number)
{
    uint64_t record_number;
    struct alarm *alarm = wk_records_take(&alarms, &record_number);

    if (alarm == NULL)
        return NULL;
    alarm->process = process;
    alarm->number = number;
    wk_link_append(&process->alarms, &alarm->link);
    return alarm;
}

static void drop(struct alarm *alarm)
{
    wk_link_remove(&alarm->link);
    wk_records_give_back(&alarms, alarm);
}

enum wk_status alarm_set(struct process *process, uint64_t number, const struct alarm_times *times, uint64_t signal,
                         uint64_t value, struct alarm_times *earlier)
{
    struct alarm *alarm = find(process, number);

    *earlier = alarm == NULL ? (struct alarm_times){0} : alarm->times;
    if (alarm != NULL)
        take_out(alarm);
    else if (times->at != 0)
        alarm = create(process, number);
    if (times->at != 0 && alarm == NULL)
        return WK_NO_MEMORY;
    if (times->at != 0) {
        alarm->times = (struct alarm_times){.at = times->at, .interval = times->interval};
        alarm->signal = signal;
        alarm->value = value;
        insert(alarm);
    } else if (alarm != NULL) {
        drop(alarm);
    }
    set_timer();
    return WK_OK;
}

/* When it comes next: not before a while has passed, and what is missed counts as overruns. */
static void repeat(struct alarm *alarm, uint64_t now_ns)
{
    const uint64_t interval = alarm->times.interval;
    const uint64_t earliest = now_ns > UINT64_MAX - INTERVAL_MIN_NS ? UINT64_MAX : now_ns + INTERVAL_MIN_NS;
    uint64_t steps = 1;

    if (interval > UINT64_MAX - alarm->times.at) {
        alarm->times.at = UINT64_MAX;
    } else {
        if (alarm->times.at + interval < earliest)
            steps = (earliest - alarm->times.at - 1) / interval + 1;
        alarm->times.overruns += steps - 1;
        alarm->times.at += steps * interval;
    }
    insert(alarm);
}

static void expire(struct alarm *alarm, uint64_t now_ns)
{
    struct process *process = alarm->process;

    take_out(alarm);
    if (process->pending & signal_bit(alarm->signal))
        alarm->times.overruns++;
    else
        signal_send(process, &(struct signal){.signal = alarm->signal, .value = alarm->value, .code = CODE_TIMER});
    if (alarm->times.interval != 0)
        repeat(alarm, now_ns);
    else
        drop(alarm);
}

void alarms_run(uint64_t now_ns)
{
    timer_at = UINT64_MAX; /* it has expired */
    while (count > 0 && heap[0]->times.at <= now_ns)
        expire(heap[0], now_ns);
    set_timer();
}

void alarms_drop(struct process *process)
{
    while (!wk_links_are_empty(&process->alarms)) {
        struct alarm *alarm = WK_LINKED(process->alarms.next, struct alarm, link);

        take_out(alarm);
        drop(alarm);
    }
    set_timer();
}
