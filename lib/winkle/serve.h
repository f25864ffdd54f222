/* SPDX-License-Identifier: MIT */
/*
 * Serving calls: the loop of a server's thread. A passive thread has no budget of its own: it runs on what its callers
 * bring and is as urgent as they are, so a service made of passive threads needs no priorities. A thread that keeps its
 * budget also receives bits of the bound event and the ends of sessions.
 */
#ifndef WINKLE_SERVE_H
#define WINKLE_SERVE_H

#include <winkle/calls.h>

struct wk_service {
    wk_handle endpoint; /* with the right to serve */
    /* Makes of a message its answer, which is `ok` with zeros before; it is sent only if the message is a call or a fault
     * that has not been saved (`endpoint: reply_save`). What came with the message as lent ends with the answer. */
    void (*handle)(struct wk_service *service, const struct wk_message *message, struct wk_answer *answer);
};

/* endpoint: reply_receive. If the answer can't be sent because of its capabilities, what it was to give is deleted, and the
 * caller is answered with the status that says why, and no words. If the caller has given up, it is deleted too. */
enum wk_status wk_answer_and_receive(wk_handle endpoint, const struct wk_answer *answer, struct wk_message *message,
                                     uint64_t deadline_ns);
/* reply: send, likewise. If nobody waits for the answer any more, what it was to give is deleted. */
enum wk_status wk_answer_saved(wk_handle reply, const struct wk_answer *answer);
/*
 * Receives and answers, over and over, as wk_answer_and_receive.
 * @return why there is nothing to receive any more: WK_REVOKED, WK_BAD_HANDLE, WK_NO_RIGHT, WK_BUSY.
 */
enum wk_status wk_serve(struct wk_service *service);
/* The same by a thread that becomes passive: the calling one, which wk_thread_run made or is the first. It does not see
 * the end of its endpoint, for then nobody runs it any more: wk_thread_abandon ends it. */
enum wk_status wk_serve_passively(struct wk_service *service);

#endif
