/* SPDX-License-Identifier: MIT */
/* Without a capability called `notes` it is the server, and starts itself as the clients. */
#include "notes.h"

#include <winkle/bank.h>
#include <winkle/clock.h>
#include <winkle/event.h>
#include <winkle/launch.h>
#include <winkle/print.h>
#include <winkle/text.h>

#define PRIORITY 50

void expect(const char *what, enum wk_status status)
{
    if (status != WK_OK)
        wk_fail(what, status);
}

static void start_client(const struct wk_file *file, unsigned number, wk_handle session, wk_handle ended,
                         struct wk_child *child)
{
    const struct wk_grant grants[] = {
        {"machine", wk_self.machine, WK_TRANSFER_LEND, WK_RIGHTS_ALL, 0, 0},
        {"notes", session, WK_TRANSFER_GIVE, WK_RIGHTS_ALL, 0, 0},
    };
    const char *problem;
    char text[4];
    enum wk_status status;

    wk_print_text(text, sizeof(text), "%u", number);
    status = wk_launch(&(struct wk_launch){.elf = file->bytes,
                                           .elf_bytes = file->length,
                                           .argc = 2,
                                           .argv = (const char *const[]){"notes", text},
                                           .bank = wk_self.bank,
                                           .bank_rights = WK_BANK_RIGHTS_TO_SPEND,
                                           .ceiling = PRIORITY,
                                           .priority = PRIORITY,
                                           .end_event = ended,
                                           .end_bits = UINT64_C(1) << number,
                                           .grants = grants,
                                           .grant_count = sizeof(grants) / sizeof(grants[0])},
                       child, &problem);
    if (status != WK_OK)
        wk_fail(problem, status);
}

static int be_server(void)
{
    wk_handle sessions[NOTES_CLIENTS], ended;
    struct wk_child children[NOTES_CLIENTS];
    struct wk_archive archive;
    struct wk_file file;
    uint64_t failures = 0;

    server_create(sessions);
    expect("an event", wk_event_create(wk_self.bank, &ended));
    expect("the archive", wk_archive_map(&archive));
    if (wk_archive_find(&archive, "bin/notes", &file) != 0)
        wk_fail("no program bin/notes", WK_OK);
    for (unsigned i = 0; i < NOTES_CLIENTS; i++)
        start_client(&file, i, sessions[i], ended, &children[i]);
    server_run();
    for (unsigned i = 0; i < NOTES_CLIENTS; i++) {
        struct wk_end end;

        expect("waiting", wk_child_wait(&children[i], ended, UINT64_C(1) << i, WK_FOREVER, &end));
        failures += !wk_end_is_exit(&end) || end.detail != 0;
        wk_child_release(&children[i]);
    }
    wk_print("notes: %lu of %u clients failed\n", failures, NOTES_CLIENTS);
    return failures != 0;
}

int main(int argc, char **argv)
{
    const wk_handle session = wk_named_handle("notes");
    uint64_t number;

    if (session == 0)
        return be_server();
    if (argc != 2 || !wk_parse_number(argv[1], strlen(argv[1]), &number))
        wk_fail("usage: notes NUMBER", WK_OK);
    return client_main(session, number);
}
