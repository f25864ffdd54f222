/* SPDX-License-Identifier: MIT */
#include "cast.h"

/* What has come of a signal. */
struct cast {
    const struct process *sender;
    const struct signal *signal;
    unsigned found, reached;
    enum wk_status status;
};

/* Users are data: that they keep signals from each other is a custom, not a protection. */
static bool may_send(const struct process *sender, const struct process *to)
{
    return sender == NULL || sender->user == 0 || sender->user == to->user;
}

static void cast_at(struct cast *cast, struct process *to)
{
    enum wk_status status;

    cast->found++;
    if (!may_send(cast->sender, to))
        return;
    cast->reached++;
    if (cast->signal->signal == 0)
        return;
    status = signal_send(to, cast->signal);
    if (status != WK_OK)
        cast->status = status;
}

static enum wk_status result_of(const struct cast *cast)
{
    if (cast->found == 0)
        return WK_NOT_FOUND;
    if (cast->reached == 0)
        return WK_NO_RIGHT;
    return cast->found == 1 ? cast->status : WK_OK;
}

static enum wk_status from_to_group(const struct process *sender, uint64_t group, const struct signal *signal)
{
    struct cast cast = {.sender = sender, .signal = signal, .status = WK_OK};

    for (struct process *process = process_next(NULL); process != NULL; process = process_next(process)) {
        if (process->group == group)
            cast_at(&cast, process);
    }
    return result_of(&cast);
}

static enum wk_status from_to_all(const struct process *sender, const struct signal *signal)
{
    struct cast cast = {.sender = sender, .signal = signal, .status = WK_OK};

    for (struct process *process = process_next(NULL); process != NULL; process = process_next(process)) {
        if (process != sender && process != first_process)
            cast_at(&cast, process);
    }
    return result_of(&cast);
}

static enum wk_status from_to_one(const struct process *sender, uint64_t pid, const struct signal *signal)
{
    struct cast cast = {.sender = sender, .signal = signal, .status = WK_OK};
    struct process *process = process_of_pid(pid);

    if (process != NULL)
        cast_at(&cast, process);
    return result_of(&cast);
}

enum wk_status cast_as_kill(const struct process *sender, uint64_t which, const struct signal *signal)
{
    if (which == UINT64_MAX)
        return from_to_all(sender, signal);
    if ((int64_t)which < 0)
        return from_to_group(sender, -which, signal);
    if (which != 0)
        return from_to_one(sender, which, signal);
    return sender == NULL ? WK_NOT_FOUND : from_to_group(sender, sender->group, signal);
}

enum wk_status cast_at_group(uint64_t group, const struct signal *signal)
{
    return from_to_group(NULL, group, signal);
}

enum wk_status cast_at_session(uint64_t session, const struct signal *signal)
{
    struct cast cast = {.signal = signal, .status = WK_OK};

    for (struct process *process = process_next(NULL); process != NULL; process = process_next(process)) {
        if (process->session == session)
            cast_at(&cast, process);
    }
    return result_of(&cast);
}
