/* SPDX-License-Identifier: MIT */
/*
 * The terminal service: its sessions, and a handler for each operation. Sessions with badge 0 are the terminal's; the badges
 * of others, waiters, what was opened, and the driver's line, are the numbers of their records.
 */
#include "terminal.h"

#include <winkle/capability.h>
#include <winkle/clock.h>
#include <winkle/endpoint.h>
#include <winkle/memory.h>
#include <winkle/pages.h>
#include <winkle/records.h>
#include <winkle/session_server.h>
#include <winkle/start.h>
#include <winkle/terminal_service.h>
#include <winkle/text.h>

#define SESSIONS_MAX 1024
#define TIMER_BIT 1
#define STAGING_PAGES 1
#define STAGING_BYTES (STAGING_PAGES * WK_PAGE_BYTES)
/* Words that carry several numbers. */
#define LOW_BITS 8
#define GROUP_BITS 24
#define LOW(word) ((word) & ((UINT64_C(1) << LOW_BITS) - 1))
#define GROUP(word) ((word) >> LOW_BITS & ((UINT64_C(1) << GROUP_BITS) - 1))
#define WAITER(word) ((word) >> (LOW_BITS + GROUP_BITS))
_Static_assert(sizeof(struct tty_attributes) == 36, "as the interface says");

struct terminal terminal;

/* Records of waiters, of sessions that were opened, and one for the line; of the latter the waiter is of no use. */
static struct wk_records sessions = {.bytes = sizeof(struct waiter), .limit = SESSIONS_MAX};
static struct wk_session_server server;
/* Through these pages bytes go to and from the memory of clients. */
static wk_handle staging;
static uint8_t *staging_bytes;

/* ---- sessions ---- */

static struct waiter *open_session(wk_handle *handle)
{
    uint64_t number;
    struct waiter *session = wk_records_take(&sessions, &number);

    if (session == NULL)
        return NULL;
    waiter_init(session, 0, 0);
    if (wk_endpoint_mint(server.endpoint, number, 1, handle) == WK_OK)
        return session;
    wk_records_give_back(&sessions, session);
    return NULL;
}

static struct waiter *find_waiter(uint64_t number)
{
    return hardware_is_driver(number) ? NULL : wk_records_find(&sessions, number);
}

/* Whether nobody waits at the session by which a call came. */
static bool is_non_blocking(const struct wk_message *message)
{
    const struct waiter *session = find_waiter(message->badge);

    return session != NULL && (session->flags & WK_DESCRIPTION_FLAGS_NON_BLOCKING) != 0;
}

static void closed(uint64_t badge)
{
    struct waiter *session = wk_records_find(&sessions, badge);

    if (session == NULL)
        return;
    if (hardware_is_driver(badge)) {
        hardware_disconnect();
        hardware_go_on(wk_now_ns());
    } else {
        waiter_end(session);
        if (session->event != 0)
            wk_capability_delete(session->event);
    }
    wk_records_give_back(&sessions, session);
}

static enum wk_status enlist(struct wk_message *message, const struct wk_terminal_enlist_in *in,
                             struct wk_terminal_enlist_out *out)
{
    struct waiter *waiter = open_session(&out->waiter);

    (void)message;
    if (waiter == NULL) {
        wk_capability_delete(in->event);
        return WK_NO_MEMORY;
    }
    waiter_init(waiter, in->event, in->bits);
    out->number = wk_record_number(waiter);
    return WK_OK;
}

static enum wk_status open(struct wk_message *message, struct wk_terminal_open_out *out)
{
    (void)message;
    return open_session(&out->session) == NULL ? WK_NO_MEMORY : WK_OK;
}

static enum wk_status description_flags(struct wk_message *message, struct wk_terminal_description_flags_out *out)
{
    const struct waiter *session = find_waiter(message->badge);

    if (session == NULL)
        return WK_NO_RIGHT;
    out->flags = session->flags;
    return WK_OK;
}

static enum wk_status set_description_flags(struct wk_message *message,
                                            const struct wk_terminal_set_description_flags_in *in)
{
    struct waiter *session = find_waiter(message->badge);

    if (session == NULL)
        return WK_NO_RIGHT;
    session->flags = (uint32_t)in->flags;
    return WK_OK;
}

static enum wk_status would_block(uint64_t number, uint32_t wanted, uint32_t need)
{
    struct waiter *waiter = find_waiter(number);

    if (waiter != NULL)
        waiter_arm(waiter, wanted, need);
    return WK_WOULD_BLOCK;
}

/* ---- reading and writing ---- */

static enum wk_status take(const struct wk_message *message, uint8_t *bytes, uint64_t length, uint64_t waiter,
                           uint64_t group, uint64_t now_ns, size_t *count)
{
    const bool waits = waiter != 0 && !is_non_blocking(message);
    const uint32_t least = terminal.line.attributes.cc[TTY_VMIN];

    if (jobs_is_background(group))
        return WK_NO_RIGHT;
    if (line_read(&terminal.line, bytes, length, count, waits ? LINE_WAITS : LINE_DOES_NOT_WAIT, now_ns))
        return WK_OK;
    hardware_go_on(now_ns); /* for VTIME */
    if (is_non_blocking(message))
        return WK_BUSY;
    return would_block(waiter, WK_READINESS_READABLE, length < least ? (uint32_t)length : least);
}

static enum wk_status read_short(struct wk_message *message, const struct wk_terminal_read_short_in *in,
                                 struct wk_terminal_read_short_out *out)
{
    const uint64_t now_ns = wk_now_ns();
    const enum wk_status status =
        take(message, (uint8_t *)&out->bytes0, in->length, in->waiter, in->group, now_ns, &out->count);

    if (status == WK_OK)
        hardware_go_on(now_ns);
    return status;
}

/* What can be wrong with memory that a client lent is the client's business: it learns what the kernel said. */
static enum wk_status read(struct wk_message *message, const struct wk_terminal_read_in *in,
                           struct wk_terminal_read_out *out)
{
    const uint64_t now_ns = wk_now_ns(), length = in->length < STAGING_BYTES ? in->length : STAGING_BYTES;
    const struct line_mark mark = line_mark(&terminal.line);
    enum wk_status status = take(message, staging_bytes, length, in->waiter, in->group, now_ns, &out->count);

    if (status != WK_OK)
        return status;
    if (out->count != 0)
        status = wk_memory_copy(in->memory, in->offset, staging, 0, out->count);
    if (status != WK_OK)
        line_put_back(&terminal.line, mark);
    else
        hardware_go_on(now_ns);
    return status;
}

static enum wk_status may_write(const struct wk_message *message, uint64_t waiter, uint64_t group)
{
    if (line_has_local(&terminal.line, TTY_TOSTOP) && jobs_is_background(group))
        return WK_NO_RIGHT;
    if (line_is_writable(&terminal.line))
        return WK_OK;
    return is_non_blocking(message) ? WK_BUSY : would_block(waiter, WK_READINESS_WRITABLE, 0);
}

static enum wk_status write_short(struct wk_message *message, const struct wk_terminal_write_short_in *in,
                                  struct wk_terminal_write_short_out *out)
{
    const uint64_t length = LOW(in->length_group_waiter);
    enum wk_status status;

    if (length == 0 || length > WK_SHORT_MAX)
        return WK_BAD_ARGUMENT;
    status = may_write(message, WAITER(in->length_group_waiter), GROUP(in->length_group_waiter));
    if (status != WK_OK)
        return status;
    out->count = line_write(&terminal.line, (const uint8_t *)&in->bytes0, length);
    hardware_go_on(wk_now_ns());
    return WK_OK;
}

static enum wk_status write(struct wk_message *message, const struct wk_terminal_write_in *in,
                            struct wk_terminal_write_out *out)
{
    const uint64_t length = in->length < STAGING_BYTES ? in->length : STAGING_BYTES;
    enum wk_status status = may_write(message, in->waiter, in->group);

    if (status == WK_OK)
        status = wk_memory_copy(staging, 0, in->memory, in->offset, length);
    if (status != WK_OK)
        return status;
    out->count = line_write(&terminal.line, staging_bytes, length);
    hardware_go_on(wk_now_ns());
    return WK_OK;
}

static enum wk_status poll(struct wk_message *message, const struct wk_terminal_poll_in *in,
                           struct wk_terminal_poll_out *out)
{
    const struct line *line = &terminal.line;

    (void)message;
    out->ready =
        (line_is_readable(line) ? WK_READINESS_READABLE : 0) | (line_is_writable(line) ? WK_READINESS_WRITABLE : 0);
    out->input = line_readable_bytes(line);
    out->output = line->output_head - line->output_tail;
    if ((out->ready & in->wanted) == 0)
        would_block(in->waiter, (uint32_t)in->wanted, 0);
    return WK_OK;
}

/* ---- attributes ---- */

static enum wk_status attributes(struct wk_message *message, struct wk_terminal_attributes_out *out)
{
    (void)message;
    memcpy(&out->bytes0, &terminal.line.attributes, sizeof(terminal.line.attributes));
    return WK_OK;
}

static enum wk_status when_shown(uint64_t waiter)
{
    return line_has_output(&terminal.line) ? would_block(waiter, WAITS_FOR_SHOWN, 0) : WK_OK;
}

static enum wk_status set_attributes(struct wk_message *message, const struct wk_terminal_set_attributes_in *in)
{
    const uint64_t when = LOW(in->when_group_waiter);
    struct tty_attributes wanted;

    (void)message;
    if (when > WK_TERMINAL_WHEN_FLUSHED)
        return WK_BAD_ARGUMENT;
    if (jobs_is_background(GROUP(in->when_group_waiter)))
        return WK_NO_RIGHT;
    if (when != WK_TERMINAL_WHEN_NOW && when_shown(WAITER(in->when_group_waiter)) != WK_OK)
        return WK_WOULD_BLOCK;
    if (when == WK_TERMINAL_WHEN_FLUSHED)
        line_flush_input(&terminal.line);
    memcpy(&wanted, &in->bytes0, sizeof(wanted));
    line_set_attributes(&terminal.line, &wanted);
    waiters_tell_all();
    hardware_go_on(wk_now_ns());
    return WK_OK;
}

static enum wk_status flush(struct wk_message *message, const struct wk_terminal_flush_in *in)
{
    (void)message;
    if (jobs_is_background(in->group))
        return WK_NO_RIGHT;
    if (in->queues != WK_TERMINAL_QUEUES_OUTPUT)
        line_flush_input(&terminal.line);
    if (in->queues != WK_TERMINAL_QUEUES_INPUT)
        line_flush_output(&terminal.line);
    hardware_go_on(wk_now_ns());
    return WK_OK;
}

static enum wk_status drain(struct wk_message *message, const struct wk_terminal_drain_in *in)
{
    (void)message;
    return jobs_is_background(in->group) ? WK_NO_RIGHT : when_shown(in->waiter);
}

static void send_character(enum tty_character character)
{
    if (terminal.line.attributes.cc[character] != 0)
        line_show_raw(&terminal.line, terminal.line.attributes.cc[character]);
}

static enum wk_status flow(struct wk_message *message, const struct wk_terminal_flow_in *in)
{
    (void)message;
    if (jobs_is_background(in->group))
        return WK_NO_RIGHT;
    switch ((enum wk_terminal_flow_action)in->action) {
    case WK_TERMINAL_FLOW_ACTION_STOP_OUTPUT:
        line_stop(&terminal.line);
        break;
    case WK_TERMINAL_FLOW_ACTION_START_OUTPUT:
        line_start(&terminal.line);
        break;
    case WK_TERMINAL_FLOW_ACTION_STOP_INPUT:
        send_character(TTY_VSTOP);
        break;
    case WK_TERMINAL_FLOW_ACTION_START_INPUT:
        send_character(TTY_VSTART);
        break;
    }
    hardware_go_on(wk_now_ns());
    return WK_OK;
}

/* ---- size ---- */

static enum wk_status size(struct wk_message *message, struct wk_terminal_size_out *out)
{
    (void)message;
    *out = (struct wk_terminal_size_out){terminal.rows, terminal.columns, terminal.width, terminal.height};
    return WK_OK;
}

static enum wk_status set_size(struct wk_message *message, const struct wk_terminal_set_size_in *in)
{
    (void)message;
    if (in->rows != terminal.rows || in->columns != terminal.columns || in->width != terminal.width ||
        in->height != terminal.height)
        jobs_signal(TTY_SIGWINCH);
    terminal.rows = (uint16_t)in->rows;
    terminal.columns = (uint16_t)in->columns;
    terminal.width = (uint16_t)in->width;
    terminal.height = (uint16_t)in->height;
    jobs_send_signals();
    return WK_OK;
}

/* ---- jobs ---- */

static enum wk_status foreground(struct wk_message *message, struct wk_terminal_foreground_out *out)
{
    (void)message;
    out->group = terminal.foreground;
    out->session = terminal.session;
    return WK_OK;
}

static enum wk_status set_foreground(struct wk_message *message, const struct wk_terminal_set_foreground_in *in)
{
    (void)message;
    if (in->session != terminal.session)
        return WK_NOT_AVAILABLE;
    if (jobs_is_background(in->caller_group))
        return WK_NO_RIGHT;
    terminal.foreground = in->group;
    return WK_OK;
}

static enum wk_status attach(struct wk_message *message, const struct wk_terminal_attach_in *in)
{
    (void)message;
    if (terminal.session != 0 && terminal.session != in->session && in->steals == 0)
        return WK_BUSY;
    if (terminal.session != in->session)
        terminal.foreground = in->group;
    terminal.session = in->session;
    return WK_OK;
}

static enum wk_status detach(struct wk_message *message, const struct wk_terminal_detach_in *in)
{
    (void)message;
    if (in->session != terminal.session)
        return WK_NOT_AVAILABLE;
    jobs_signal(TTY_SIGHUP);
    jobs_signal(TTY_SIGCONT);
    jobs_send_signals();
    terminal.session = terminal.foreground = 0;
    return WK_OK;
}

/* ---- the driver ---- */

static enum wk_status connect_line(struct wk_message *message, const struct wk_terminal_connect_line_in *in,
                                   struct wk_terminal_connect_line_out *out)
{
    enum wk_status status = WK_OK;
    struct waiter *session = NULL;

    if (message->badge != ROOT_BADGE)
        status = WK_NO_RIGHT;
    else if (hardware_has_driver())
        status = WK_BUSY;
    else if ((session = open_session(&out->line)) == NULL)
        status = WK_NO_MEMORY;
    if (status != WK_OK) {
        wk_capability_delete(in->event);
        return status;
    }
    hardware_connect(wk_record_number(session), in->event, in->bits);
    hardware_go_on(wk_now_ns());
    return WK_OK;
}

static enum wk_status put_received(struct wk_message *message, const struct wk_terminal_put_received_in *in,
                                   struct wk_terminal_put_received_out *out)
{
    const uint64_t now_ns = wk_now_ns();

    if (!hardware_is_driver(message->badge))
        return WK_NO_RIGHT;
    out->count = hardware_put_received((const uint8_t *)&in->bytes0, in->length, now_ns);
    hardware_go_on(now_ns);
    return WK_OK;
}

static enum wk_status take_to_send(struct wk_message *message, const struct wk_terminal_take_to_send_in *in,
                                   struct wk_terminal_take_to_send_out *out)
{
    if (!hardware_is_driver(message->badge))
        return WK_NO_RIGHT;
    out->count = hardware_take_to_send((uint8_t *)&out->bytes0, in->length);
    waiters_tell(wk_now_ns());
    return WK_OK;
}

/* ---- all of it ---- */

static const struct wk_terminal_handlers handlers = {.enlist = enlist,
                                                     .open = open,
                                                     .description_flags = description_flags,
                                                     .set_description_flags = set_description_flags,
                                                     .read_short = read_short,
                                                     .write_short = write_short,
                                                     .read = read,
                                                     .write = write,
                                                     .poll = poll,
                                                     .attributes = attributes,
                                                     .set_attributes = set_attributes,
                                                     .flush = flush,
                                                     .drain = drain,
                                                     .flow = flow,
                                                     .size = size,
                                                     .set_size = set_size,
                                                     .foreground = foreground,
                                                     .set_foreground = set_foreground,
                                                     .attach = attach,
                                                     .detach = detach,
                                                     .connect_line = connect_line,
                                                     .put_received = put_received,
                                                     .take_to_send = take_to_send};

static void handle(struct wk_message *message, struct wk_answer *answer)
{
    wk_terminal_dispatch(&handlers, message, answer);
}

static void signalled(struct wk_session_server *self, uint64_t bits)
{
    (void)bits;
    wk_session_server_lock(self);
    hardware_look();
    wk_session_server_unlock(self);
}

static void note_signal(struct line *line, enum tty_signal signal)
{
    (void)line;
    jobs_signal(signal);
}

static struct wk_session_server server = {
    .handle = handle,
    .closed = closed,
    .signalled = signalled,
    .accept_types = UINT64_C(1) << WK_TYPE_EVENT | UINT64_C(1) << WK_TYPE_MEMORY,
    .accept_count = 1,
};

int main(void)
{
    void *address;
    enum wk_status status;

    line_init(&terminal.line);
    terminal.line.signal = note_signal;
    waiters_start();
    jobs_start(wk_named_handle("posix"));
    server.endpoint = wk_named_handle("endpoint");
    status = wk_session_server_prepare(&server);
    if (status == WK_OK)
        status = wk_map_new(STAGING_PAGES, 0, &staging, &address);
    if (status == WK_OK) {
        staging_bytes = address;
        status = hardware_start(server.event, TIMER_BIT);
    }
    hardware_look();
    if (status == WK_OK)
        status = wk_session_server_run(&server);
    wk_fail("serving", status);
}
