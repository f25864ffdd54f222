/* SPDX-License-Identifier: MIT */
/*
 * The process service: its sessions, which are processes and waiters, and a handler for each operation. The session with badge
 * 0 is the container's; those of processes have the numbers of their records for badges, those of waiters theirs with a bit
 * above.
 */
#include "arrivals.h"
#include "cast.h"
#include "family.h"
#include "futexes.h"
#include "kernel_effects.h"
#include "signals.h"

#include <winkle/capability.h>
#include <winkle/endpoint.h>
#include <winkle/posix_service.h>
#include <winkle/records.h>
#include <winkle/start.h>
#include <winkle/text.h>

#define CONTAINER_BADGE 0
#define WAITER_BADGE (UINT64_C(1) << WK_RECORDS_NUMBER_BITS)

static struct wk_session_server server;

/* The process that calls, or NULL. */
static struct process *caller(const struct wk_message *message)
{
    struct process *process = process_of_badge(message->badge);

    return process != NULL && process->state != STATE_ZOMBIE ? process : NULL;
}

/* The same for what outlives the process: of one that is killed nothing is to come any more. */
static struct process *lasting_caller(const struct wk_message *message)
{
    struct process *process = caller(message);

    return process != NULL && process->state != STATE_KILLED ? process : NULL;
}

static void closed(uint64_t badge)
{
    struct process *process;

    if (badge & WAITER_BADGE) {
        futex_end(badge & ~WAITER_BADGE);
        return;
    }
    process = process_of_badge(badge);
    if (process != NULL && process->state != STATE_ZOMBIE) {
        futex_leave_all(badge);
        family_end(process);
    }
}

/* ---- entering ---- */

static enum wk_status attach(struct wk_message *message, const struct wk_posix_attach_in *in,
                             struct wk_posix_attach_out *out)
{
    const struct arrival arrival = {in->process, in->thread, in->event, 0};
    struct welcome given = {0};
    enum wk_status status;

    if (message->badge != CONTAINER_BADGE) {
        arrival_drop(&arrival);
        return WK_NO_RIGHT;
    }
    status = arrive(server.endpoint, NULL, &arrival, &given);
    *out = (struct wk_posix_attach_out){.session = given.session, .page = given.page, .pid = given.pid};
    return status;
}

static enum wk_status fork(struct wk_message *message, const struct wk_posix_fork_in *in, struct wk_posix_fork_out *out)
{
    const struct arrival arrival = {in->process, in->thread, in->event, in->end_signal};
    struct process *parent = lasting_caller(message);
    struct welcome given = {0};
    enum wk_status status;

    if (parent == NULL) {
        arrival_drop(&arrival);
        return WK_NO_RIGHT;
    }
    status = arrive(server.endpoint, parent, &arrival, &given);
    *out = (struct wk_posix_fork_out){.session = given.session, .page = given.page, .pid = given.pid};
    return status;
}

/* ---- of itself ---- */

static enum wk_status set_thread(struct wk_message *message, const struct wk_posix_set_thread_in *in)
{
    struct process *process = caller(message);
    enum wk_status status = arrival_check(in->thread, WK_TYPE_THREAD, WK_THREAD_RIGHT_CONTROL);

    if (process == NULL)
        status = WK_NO_RIGHT;
    if (status != WK_OK) {
        effect_delete(in->thread);
        return status;
    }
    effect_delete(process->thread);
    process->thread = in->thread;
    if (process->pending != 0)
        effect_interrupt(process); /* the one before may have been told, and did not act */
    return WK_OK;
}

static enum wk_status set_name(struct wk_message *message, const struct wk_posix_set_name_in *in)
{
    struct process *process = caller(message);

    if (process == NULL)
        return WK_NO_RIGHT;
    process->name[0] = in->name0;
    process->name[1] = in->name1;
    return WK_OK;
}

static enum wk_status set_arguments(struct wk_message *message, const struct wk_posix_set_arguments_in *in)
{
    const uint64_t position = in->position_length & UINT32_MAX, length = in->position_length >> 32;
    const uint64_t words[PART_WORDS] = {in->bytes0, in->bytes1, in->bytes2, in->bytes3, in->bytes4};
    struct process *process = caller(message);

    if (process == NULL)
        return WK_NO_RIGHT;
    if (length > WK_ARGUMENTS_MAX || position >= WK_ARGUMENTS_MAX || position % WK_ARGUMENTS_PART != 0)
        return WK_BAD_ARGUMENT;
    memcpy(process->arguments[position / WK_ARGUMENTS_PART], words, sizeof(words));
    process->arguments_bytes = length;
    return WK_OK;
}

static enum wk_status page(struct wk_message *message, struct wk_posix_page_out *out)
{
    const struct process *process = caller(message);

    if (process == NULL)
        return WK_NO_RIGHT;
    return wk_capability_lend(process->page, WK_MEMORY_RIGHT_READ, &out->page) == WK_OK ? WK_OK : WK_NO_MEMORY;
}

static enum wk_status set_owner(struct wk_message *message, const struct wk_posix_set_owner_in *in)
{
    struct process *process = caller(message);

    if (process == NULL)
        return WK_NO_RIGHT;
    process->user = in->user;
    process->owner_group = in->group;
    return WK_OK;
}

static enum wk_status set_ignored(struct wk_message *message, const struct wk_posix_set_ignored_in *in)
{
    struct process *process = caller(message);

    if (process == NULL)
        return WK_NO_RIGHT;
    process->ignored = in->ignored;
    process->has_no_zombies = in->no_zombies != 0;
    process->has_no_stops = in->no_stops != 0;
    if (process->pending & in->ignored) {
        signals_drop(process, in->ignored);
        effect_page(process);
    }
    return WK_OK;
}

static enum wk_status set_notice(struct wk_message *message, const struct wk_posix_set_notice_in *in)
{
    struct process *process = caller(message);

    if (process == NULL)
        return WK_NO_RIGHT;
    process->has_notice = in->notice != 0;
    return WK_OK;
}

static enum wk_status stop(struct wk_message *message, const struct wk_posix_stop_in *in)
{
    struct process *process = caller(message);

    if (process == NULL)
        return WK_NO_RIGHT;
    if (in->signal != SIGNAL_STOP && family_is_orphaned(process->group))
        return WK_NOT_AVAILABLE;
    if (process != first_process)
        signal_stop(process, in->signal); /* it is suspended, so it takes the answer when it goes on */
    return WK_OK;
}

static enum wk_status exit(struct wk_message *message, const struct wk_posix_exit_in *in)
{
    struct process *process = caller(message);

    if (process == NULL)
        return WK_NO_RIGHT;
    process->end_status = in->end_status;
    process->has_end_status = true;
    return WK_OK;
}

static enum wk_status set_alarm(struct wk_message *message, const struct wk_posix_set_alarm_in *in,
                                struct wk_posix_set_alarm_out *out)
{
    const struct alarm_times times = {.at = in->at, .interval = in->interval};
    struct process *process = caller(message);
    struct alarm_times earlier;
    enum wk_status status;

    if (process == NULL)
        return WK_NO_RIGHT;
    status = alarm_set(process, in->number, &times, in->signal, in->value, &earlier);
    if (status != WK_OK)
        return status;
    out->earlier_at = earlier.at;
    out->earlier_interval = earlier.interval;
    out->overruns = earlier.overruns;
    return WK_OK;
}

/* ---- families ---- */

static enum wk_status wait(struct wk_message *message, const struct wk_posix_wait_in *in, struct wk_posix_wait_out *out)
{
    struct process *process = caller(message);
    struct child_news news;
    enum wk_status status;

    if (process == NULL)
        return WK_NO_RIGHT;
    status = family_wait(process, in->which, in->options, &news);
    if (status != WK_OK)
        return status;
    out->pid = news.pid;
    out->end_status = news.end_status;
    out->user = news.user;
    out->used = news.used;
    return WK_OK;
}

static enum wk_status set_group(struct wk_message *message, const struct wk_posix_set_group_in *in)
{
    struct process *self = caller(message), *process;
    uint64_t group;

    if (self == NULL)
        return WK_NO_RIGHT;
    process = in->pid == 0 ? self : process_of_pid(in->pid);
    if (process == NULL || (process != self && process->parent != self) || process->state == STATE_ZOMBIE)
        return WK_NOT_FOUND;
    group = in->group == 0 ? process->pid : in->group;
    if (process->session == process->pid || process->session != self->session ||
        (group != process->pid && !group_exists(group, self->session)))
        return WK_NO_RIGHT;
    process->group = group;
    effect_page(process);
    return WK_OK;
}

static enum wk_status new_session(struct wk_message *message, struct wk_posix_new_session_out *out)
{
    struct process *process = caller(message);

    if (process == NULL || group_exists(process->pid, 0))
        return WK_NO_RIGHT;
    process->session = process->group = out->sid = process->pid;
    effect_page(process);
    return WK_OK;
}

#define ORPHANED_BIT (UINT64_C(1) << 40)

static uint64_t letter_of(const struct process *process, const struct process *asks)
{
    static const char letters[] = {
        [STATE_RUNNING] = 'R', [STATE_STOPPED] = 'T', [STATE_KILLED] = 'R', [STATE_ZOMBIE] = 'Z'};
    const bool sleeps = process->state == STATE_RUNNING && process != asks && effect_is_waiting(process);

    return (uint64_t)(sleeps ? 'S' : letters[process->state]);
}

static enum wk_status describe(struct wk_message *message, const struct wk_posix_describe_in *in,
                               struct wk_posix_describe_out *out)
{
    struct process *process = process_at_least(in->at_least);
    const struct process *asks = caller(message);

    if (message->badge & WAITER_BADGE)
        return WK_NO_RIGHT;
    if (process == NULL)
        return WK_NOT_FOUND;
    out->pid = process->pid;
    out->parent = (process->parent == NULL ? 0 : process->parent->pid) | process->group << 32;
    out->session = process->session | letter_of(process, asks) << 32;
    if (process == asks && family_is_orphaned(process->group))
        out->session |= ORPHANED_BIT;
    out->name0 = process->name[0];
    out->name1 = process->name[1];
    out->used = effect_usage(process);
    return WK_OK;
}

static enum wk_status arguments(struct wk_message *message, const struct wk_posix_arguments_in *in,
                                struct wk_posix_arguments_out *out)
{
    const struct process *process = process_of_pid(in->pid);
    const uint64_t *words;

    if (message->badge & WAITER_BADGE)
        return WK_NO_RIGHT;
    if (process == NULL)
        return WK_NOT_FOUND;
    if (in->position % WK_ARGUMENTS_PART != 0)
        return WK_BAD_ARGUMENT;
    words = process->arguments[in->position / WK_ARGUMENTS_PART];
    out->user_length = (process->user & UINT32_MAX) | process->arguments_bytes << 32;
    out->bytes0 = words[0];
    out->bytes1 = words[1];
    out->bytes2 = words[2];
    out->bytes3 = words[3];
    out->bytes4 = words[4];
    return WK_OK;
}

/* ---- signals ---- */

static enum wk_status kill(struct wk_message *message, const struct wk_posix_kill_in *in)
{
    const struct process *sender = lasting_caller(message);
    struct signal signal = {.signal = in->signal, .value = in->value, .code = in->code};

    if (sender == NULL && message->badge != CONTAINER_BADGE)
        return WK_NO_RIGHT;
    if (sender != NULL) {
        signal.sender = sender->pid;
        signal.user = sender->user;
    }
    return cast_as_kill(sender, in->which, &signal);
}

static enum wk_status signal_group(struct wk_message *message, const struct wk_posix_signal_group_in *in)
{
    const struct signal signal = {.signal = in->signal, .code = in->code};

    return message->badge == CONTAINER_BADGE ? cast_at_group(in->group, &signal) : WK_NO_RIGHT;
}

static enum wk_status signal_session(struct wk_message *message, const struct wk_posix_signal_session_in *in)
{
    const struct signal signal = {.signal = in->signal, .code = in->code};

    return message->badge == CONTAINER_BADGE ? cast_at_session(in->session, &signal) : WK_NO_RIGHT;
}

static enum wk_status watch_session(struct wk_message *message, const struct wk_posix_watch_session_in *in)
{
    struct process *leader = message->badge == CONTAINER_BADGE ? process_of_pid(in->session) : NULL;

    if (leader == NULL || leader->session != in->session || leader->state == STATE_ZOMBIE) {
        effect_delete(in->event);
        return message->badge == CONTAINER_BADGE ? WK_NOT_FOUND : WK_NO_RIGHT;
    }
    effect_delete(leader->watch);
    leader->watch = in->event;
    leader->watch_bits = in->bits;
    return WK_OK;
}

static enum wk_status take_signals(struct wk_message *message, const struct wk_posix_take_signals_in *in,
                                   struct wk_posix_take_signals_out *out)
{
    struct process *process = caller(message);
    struct signal signal;

    if (process == NULL)
        return WK_NO_RIGHT;
    if (!signal_take(process, in->wanted, &signal))
        return WK_OK;
    out->signal = signal.signal;
    out->sender = signal.sender;
    out->user = signal.user;
    out->value = signal.value;
    out->code = signal.code;
    return WK_OK;
}

/* ---- futexes ---- */

static enum wk_status enlist(struct wk_message *message, const struct wk_posix_enlist_in *in,
                             struct wk_posix_enlist_out *out)
{
    const uint64_t number = caller(message) == NULL ? 0 : futex_enlist(message->badge, in->event, in->bits);

    if (number == 0) {
        effect_delete(in->event);
        return caller(message) == NULL ? WK_NO_RIGHT : WK_NO_MEMORY;
    }
    if (wk_endpoint_mint(server.endpoint, number | WAITER_BADGE, 1, &out->waiter) != WK_OK) {
        futex_end(number);
        return WK_NO_MEMORY;
    }
    out->number = number;
    return WK_OK;
}

static enum wk_status park(struct wk_message *message, const struct wk_posix_park_in *in)
{
    return futex_park(message->badge, in->waiter, (struct futex_key){{in->key0, in->key1}}, in->bitset);
}

static enum wk_status unpark(struct wk_message *message, const struct wk_posix_unpark_in *in,
                             struct wk_posix_unpark_out *out)
{
    if (caller(message) == NULL)
        return WK_NO_RIGHT;
    out->unparked = futex_unpark((struct futex_key){{in->key0, in->key1}}, in->count, in->bitset);
    return WK_OK;
}

static enum wk_status requeue(struct wk_message *message, const struct wk_posix_requeue_in *in,
                              struct wk_posix_requeue_out *out)
{
    const struct futex_key key = {{in->key0, in->key1}}, to = {{in->to0, in->to1}};

    if (caller(message) == NULL)
        return WK_NO_RIGHT;
    out->unparked = futex_unpark(key, in->unpark_count, UINT64_MAX);
    out->moved = futex_move(key, to, in->move_count);
    return WK_OK;
}

static enum wk_status leave(struct wk_message *message, const struct wk_posix_leave_in *in,
                            struct wk_posix_leave_out *out)
{
    return futex_leave(message->badge, in->waiter, &out->was_parked);
}

/* ---- all of it ---- */

static const struct wk_posix_handlers handlers = {
    .attach = attach,
    .fork = fork,
    .set_thread = set_thread,
    .set_name = set_name,
    .set_arguments = set_arguments,
    .page = page,
    .exit = exit,
    .wait = wait,
    .kill = kill,
    .take_signals = take_signals,
    .stop = stop,
    .set_ignored = set_ignored,
    .set_notice = set_notice,
    .set_group = set_group,
    .new_session = new_session,
    .set_owner = set_owner,
    .set_alarm = set_alarm,
    .describe = describe,
    .arguments = arguments,
    .signal_group = signal_group,
    .signal_session = signal_session,
    .watch_session = watch_session,
    .enlist = enlist,
    .park = park,
    .unpark = unpark,
    .requeue = requeue,
    .leave = leave,
};

static void handle(struct wk_message *message, struct wk_answer *answer)
{
    wk_posix_dispatch(&handlers, message, answer);
}

static struct wk_session_server server = {
    .handle = handle,
    .closed = closed,
    .signalled = effects_signalled,
    .accept_types = UINT64_C(1) << WK_TYPE_PROCESS | UINT64_C(1) << WK_TYPE_THREAD | UINT64_C(1) << WK_TYPE_EVENT,
    .accept_count = 3,
};

int main(void)
{
    enum wk_status status;

    server.endpoint = wk_named_handle("endpoint");
    processes_init();
    futexes_init();
    status = wk_session_server_prepare(&server);
    if (status == WK_OK)
        status = effects_prepare(server.event);
    if (status == WK_OK)
        status = wk_session_server_run(&server);
    wk_fail("serving", status);
}
