/* SPDX-License-Identifier: MIT */
/* What the parts of the terminal service share. There is one terminal. */
#ifndef TERMINAL_H
#define TERMINAL_H

#include "line.h"

#include <winkle/abi.h>
#include <winkle/links.h>

#define ROOT_BADGE 0

struct terminal {
    struct line line;
    uint16_t rows, columns, width, height;
    uint64_t session;    /* whose controlling terminal it is; 0: nobody's */
    uint64_t foreground; /* the group in the foreground; 0: none */
};
extern struct terminal terminal;

/* ---- jobs.c: sessions and groups of processes ---- */

void jobs_start(wk_handle posix);
/* Whether the group may not read now; 0 always may. */
bool jobs_is_background(uint64_t group);
/* Signals to the foreground group, which are sent by jobs_send_signals. */
void jobs_signal(enum tty_signal signal);
void jobs_send_signals(void);

/* ---- waiters.c: who wants to know when it is worth while to try again ---- */

/* What a waiter waits for: WK_READINESS_*, or that all has been shown. */
#define WAITS_FOR_SHOWN (UINT32_C(1) << 31)

struct waiter {
    struct wk_link armed; /* in no list while it waits for nothing */
    wk_handle event;
    uint64_t bits;
    uint32_t wanted;
    uint32_t need;  /* bytes that it wants to read; 0: as many as make the terminal readable */
    uint32_t flags; /* of a session that was opened, which waits for nothing: WK_DESCRIPTION_FLAGS_* */
};

void waiters_start(void);
void waiter_init(struct waiter *waiter, wk_handle event, uint64_t bits);
void waiter_end(struct waiter *waiter);
void waiter_arm(struct waiter *waiter, uint32_t wanted, uint32_t need);
/* Tells those for whom something has come to be so. */
void waiters_tell(uint64_t now_ns);
/* All of them are to try again. */
void waiters_tell_all(void);

/* ---- hardware.c: where bytes come from and go to ---- */

/* `timer_bit` of the event is signalled when hardware_look is to be called. */
enum wk_status hardware_start(wk_handle event, uint64_t timer_bit);
void hardware_look(void);
/* What can be shown is shown, or on its way; what was typed can come. To be called when anything has changed. */
void hardware_go_on(uint64_t now_ns);
/* A driver in place of the console of last resort, with its session's badge. */
bool hardware_has_driver(void);
void hardware_connect(uint64_t badge, wk_handle event, uint64_t bits);
/* Whether this is the driver's session. */
bool hardware_is_driver(uint64_t badge);
void hardware_disconnect(void);
/* For the driver. */
size_t hardware_put_received(const uint8_t *bytes, size_t length, uint64_t now_ns);
size_t hardware_take_to_send(uint8_t *bytes, size_t most);

#endif
