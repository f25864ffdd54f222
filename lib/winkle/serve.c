/* SPDX-License-Identifier: MIT */
#include <winkle/serve.h>

#include <winkle/requests.h>
#include <winkle/thread.h>
#include <winkle/threads.h>

#include <stdbool.h>

/* Whether nothing has been answered for that reason, so that it may be tried again without capabilities. */
static bool is_refused(enum wk_status status)
{
    return status == WK_NOT_ACCEPTED || status == WK_IS_LENT || status == WK_NO_MEMORY || status == WK_TABLE_FULL;
}

enum wk_status wk_answer_and_receive(wk_handle endpoint, const struct wk_answer *answer, struct wk_message *message,
                                     uint64_t deadline_ns)
{
    const enum wk_status status = wk_reply_receive(endpoint, answer, message, deadline_ns);

    if (answer->capabilities == 0)
        return status;
    wk_answer_drop(answer); /* what was given has gone by now; if the caller had given up it is here still */
    if (!is_refused(status))
        return status;
    return wk_reply_receive(endpoint, &(struct wk_answer){.status = status}, message, deadline_ns);
}

enum wk_status wk_answer_saved(wk_handle reply, const struct wk_answer *answer)
{
    const enum wk_status status = wk_reply_send(reply, answer);

    if (status == WK_OK || answer->capabilities == 0)
        return status;
    wk_answer_drop(answer);
    return is_refused(status) ? wk_reply_send(reply, &(struct wk_answer){.status = status}) : status;
}

enum wk_status wk_serve(struct wk_service *service)
{
    struct wk_message message;
    enum wk_status status = wk_receive(service->endpoint, &message, WK_NO_DEADLINE);

    while (status == WK_OK) {
        struct wk_answer answer = {.status = WK_OK};

        service->handle(service, &message, &answer);
        status = answer.capabilities == 0 ? wk_reply_receive(service->endpoint, &answer, &message, WK_NO_DEADLINE)
                                          : wk_answer_and_receive(service->endpoint, &answer, &message, WK_NO_DEADLINE);
    }
    return status;
}

enum wk_status wk_serve_passively(struct wk_service *service)
{
    const enum wk_status status = wk_thread_set_budget(wk_thread_self()->handle, 0);

    return status == WK_OK ? wk_serve(service) : status;
}
