/* SPDX-License-Identifier: MIT */
/*
 * Services that init starts: boot_cases.py boots manifests in which this program is a service (`keeper`), a service that
 * uses it (`middle`), and what uses both (`user`, as which it is run).
 */
#include "check.h"

#include <winkle/notes.h>
#include <winkle/notes_service.h>
#include <winkle/serve.h>
#include <winkle/text.h>

#include <stdbool.h>

/* A client that reads this note has the service die. */
#define FATAL 1000

static uint64_t count;

static enum wk_status keep(struct wk_message *message, const struct wk_notes_add_in *in, struct wk_notes_add_out *out)
{
    (void)in;
    EQUAL(0, message->badge);
    out->number = count++;
    return WK_OK;
}

static enum wk_status read(struct wk_message *message, const struct wk_notes_read_in *in, struct wk_notes_read_out *out)
{
    (void)message;
    (void)out;
    if (in->number == FATAL)
        __asm__ volatile("ebreak");
    return WK_NOT_AVAILABLE;
}

static enum wk_status pass_on(struct wk_message *message, const struct wk_notes_add_in *in,
                              struct wk_notes_add_out *out)
{
    (void)message;
    return wk_notes_add(wk_named_handle("keeping"), in->text0, 0, 0, 0, &out->number);
}

static const struct wk_notes_handlers keeper = {.add = keep, .read = read}, middle = {.add = pass_on};
static const struct wk_notes_handlers *handlers;

static void handle(struct wk_service *service, const struct wk_message *message, struct wk_answer *answer)
{
    struct wk_message copy = *message;

    (void)service;
    wk_notes_dispatch(handlers, &copy, answer);
}

static int serve(const struct wk_notes_handlers *chosen)
{
    struct wk_service service = {.endpoint = wk_named_handle("endpoint"), .handle = handle};

    handlers = chosen;
    EXPECT(WK_OK, wk_serve(&service));
    return 0;
}

/* A call that waits is answered `revoked`; then there is no capability any more. */
static bool is_gone(enum wk_status status)
{
    return status == WK_REVOKED || status == WK_BAD_HANDLE;
}

/* The keeper may be started once again, and no more. */
static int use(void)
{
    const wk_handle keeping = wk_named_handle("keeping"), passing = wk_named_handle("passing");
    uint64_t words[4];

    EQUAL(0, wk_named_handle("endpoint"));
    EXPECT(WK_OK, wk_notes_add(passing, 1, 0, 0, 0, &words[0]));
    EQUAL(0, words[0]);
    EXPECT(WK_OK, wk_notes_add(keeping, 1, 0, 0, 0, &words[0]));
    EQUAL(1, words[0]);
    EXPECT(WK_ABANDONED, wk_notes_read(keeping, FATAL, &words[0], &words[1], &words[2], &words[3]));
    EXPECT(WK_OK, wk_notes_add(keeping, 1, 0, 0, 0, &words[0]));
    EQUAL(0, words[0]);
    EXPECT(WK_OK, wk_notes_add(passing, 1, 0, 0, 0, &words[0]));
    EQUAL(1, words[0]);
    EXPECT(WK_ABANDONED, wk_notes_read(keeping, FATAL, &words[0], &words[1], &words[2], &words[3]));
    CHECK(is_gone(wk_notes_add(keeping, 1, 0, 0, 0, &words[0])));
    CHECK(is_gone(wk_notes_add(passing, 1, 0, 0, 0, &words[0])));
    wk_print("started: good\n");
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "keep") == 0)
        return serve(&keeper);
    return argc > 1 ? serve(&middle) : use();
}
