/* SPDX-License-Identifier: MIT */
#include <winkle/serve.h>

#include <winkle/capability.h>
#include <winkle/thread.h>
#include <winkle/threads.h>

#include <stdbool.h>

/* Whether nothing has been answered for that reason, so that it may be tried again without capabilities. */
static bool is_refused(enum wk_status status)
{
    return status == WK_NOT_ACCEPTED || status == WK_IS_LENT || status == WK_NO_MEMORY || status == WK_TABLE_FULL;
}

static void delete_given(const struct wk_answer *answer)
{
    const uint64_t given = WK_MESSAGE_GIVEN(answer->capabilities);

    for (unsigned word = 0; word < 6; word++) {
        if (answer->capabilities & WK_MESSAGE_CAPABILITY(word) && given >> word & 1)
            wk_capability_delete(answer->words[word]);
    }
}

enum wk_status wk_serve(struct wk_service *service)
{
    struct wk_message message;
    enum wk_status status = wk_receive(service->endpoint, &message, WK_NO_DEADLINE);

    while (status == WK_OK) {
        struct wk_answer answer = {.status = WK_OK};

        service->handle(service, &message, &answer);
        status = wk_reply_receive(service->endpoint, &answer, &message, WK_NO_DEADLINE);
        if (answer.capabilities == 0 || !is_refused(status))
            continue;
        delete_given(&answer);
        status = wk_reply_receive(service->endpoint, &(struct wk_answer){.status = status}, &message, WK_NO_DEADLINE);
    }
    return status;
}

enum wk_status wk_serve_passively(struct wk_service *service)
{
    const enum wk_status status = wk_thread_set_budget(wk_thread_self()->handle, 0);

    return status == WK_OK ? wk_serve(service) : status;
}
