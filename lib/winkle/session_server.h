/* SPDX-License-Identifier: MIT */
/*
 * A service that is called by sessions and told of their ends. Two threads serve its endpoint: a passive one, which makes
 * calls fast and runs on what callers bring, and the calling one, which has a budget and so is told of sessions that ended
 * and of bits of its event; calls that come while the other is busy go to it too. A lock keeps them from each other's data.
 *
 * A passive thread whose caller has gone goes on with its reserve, perhaps with the lock, and no more urgently than it was made. So
 * the active one never waits for the lock: it calls its own endpoint, which carries the passive one on, as urgently as it is
 * itself.
 */
#ifndef WINKLE_SESSION_SERVER_H
#define WINKLE_SESSION_SERVER_H

#include <winkle/calls.h>

struct wk_session_server {
    /* Makes of a call its answer, which is `ok` with zeros before. With the lock. */
    void (*handle)(struct wk_message *message, struct wk_answer *answer);
    /* The last capability of that session, minted to notify, has gone. With the lock. */
    void (*closed)(uint64_t badge);
    /* Bits of the event came; or NULL. Without the lock; it takes it where it needs it. */
    void (*signalled)(struct wk_session_server *server, uint64_t bits);

    wk_handle endpoint; /* with the rights to serve and to mint */
    uint64_t accept_types;
    unsigned accept_count; /* as `endpoint: accept` */
    wk_handle event;       /* made by wk_session_server_prepare, bound to the endpoint */

    wk_handle own_session;
    wk_handle lock_event; /* where the passive thread waits for the lock */
    uint32_t lock;        /* 0 free, 1 taken, 2 taken and the passive thread waits */
};

/* Makes what the server needs. Requires: the fields up to accept_count are set. */
enum wk_status wk_session_server_prepare(struct wk_session_server *server);
/* Serves; answers only if it cannot begin or there is nothing to receive any more. */
enum wk_status wk_session_server_run(struct wk_session_server *server);
/* For `signalled`. */
void wk_session_server_lock(struct wk_session_server *server);
void wk_session_server_unlock(struct wk_session_server *server);

#endif
