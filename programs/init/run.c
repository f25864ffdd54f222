/* SPDX-License-Identifier: MIT */
/* Running one program to its end, and whether all of its memory came back. */
#include "init.h"

#include <winkle/clock.h>
#include <winkle/event.h>
#include <winkle/print.h>

/* Meanwhile services that die are started again. */
static void wait_for_end(struct init *init, const struct wk_child *child, struct wk_end *end)
{
    uint64_t bits = 0;

    do {
        if (wk_event_wait(init->end_event, ~END_PAUSE, WK_FOREVER, &bits) == WK_OK)
            services_ended(init, bits);
    } while ((bits & END_PROGRAM) == 0);
    wk_child_end(child, end);
}

struct run_result run_program(struct init *init, const struct manifest_program *program, const char *name, int argc,
                              const char *const *argv)
{
    char path[WK_ARCHIVE_NAME_BYTES];
    struct wk_file file;
    struct account before;
    struct instance instance;
    struct run_result result = {.refusal = program_find(init, program, name, path, &file)};

    if (result.refusal == 0)
        result.refusal = services_start_for(init, program);
    if (result.refusal != 0)
        return result;
    before = account_read();
    result.refusal = instance_create(&instance, program, path);
    if (result.refusal == 0)
        result.refusal = instance_launch(init, &instance, program, path, &file, END_PROGRAM, argc, argv);
    if (result.refusal == 0) {
        result.started = true;
        wait_for_end(init, &instance.child, &result.end);
    }
    instance_destroy(&instance);
    result.pages_lost = account_missing(init, &before);
    if (result.pages_lost != 0)
        wk_print("winkle: %s: %lu pages lost\n", path, result.pages_lost);
    return result;
}
