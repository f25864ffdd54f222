/* SPDX-License-Identifier: MIT */
/*
 * A native program among those of Linux: what it reads, prints and opens is what a shell gave it, and it starts programs of Linux itself.
 *
 *   test-filter upper               its input, with capital letters
 *   test-filter count [PATH...]     how many lines and bytes its input or files have
 *   test-filter keep PATH           puts its input at the end of a file
 *   test-filter say WORD            a line to each of output and errors; status 3
 *   test-filter yes                 prints for ever
 *   test-filter sleep               waits for ever
 *   test-filter run WORD...         a program of Linux with its own streams, whose status becomes its own
 *   test-filter between WORD...     a program of Linux that it sends its input by a pipe, and whose output comes by another
 */
#include <container/beside.h>

#include <winkle/capability.h>
#include <winkle/clock.h>
#include <winkle/directory.h>
#include <winkle/event.h>
#include <winkle/pipe.h>
#include <winkle/print.h>
#include <winkle/stream.h>
#include <winkle/text.h>

#define PART_BYTES 5000
#define END_BIT 1

static char part[PART_BYTES];

static void must(const char *what, enum wk_status status)
{
    if (status != WK_OK)
        wk_fail(what, status);
}

static size_t read_part(struct wk_stream *stream)
{
    size_t count;

    must("reading", wk_stream_read(stream, part, sizeof(part), &count));
    return count;
}

static void copy(struct wk_stream *from, struct wk_stream *to)
{
    for (size_t count; (count = read_part(from)) != 0;)
        must("writing", wk_stream_write(to, part, count));
}

static int upper(void)
{
    for (size_t count; (count = read_part(&wk_input)) != 0;) {
        for (size_t i = 0; i < count; i++)
            part[i] = part[i] >= 'a' && part[i] <= 'z' ? (char)(part[i] - 'a' + 'A') : part[i];
        must("writing", wk_stream_write(&wk_output, part, count));
    }
    return 0;
}

static void count_one(struct wk_stream *stream, const char *name)
{
    uint64_t lines = 0, bytes = 0;

    for (size_t count; (count = read_part(stream)) != 0; bytes += count) {
        for (size_t i = 0; i < count; i++)
            lines += part[i] == '\n';
    }
    wk_print("%lu %lu %s\n", lines, bytes, name);
}

static int count_all(int argc, char **argv)
{
    if (argc == 0)
        count_one(&wk_input, "-");
    for (int i = 0; i < argc; i++) {
        struct wk_stream stream;

        must(argv[i], wk_stream_open(argv[i], WK_OPEN_OPTIONS_READ, &stream));
        count_one(&stream, argv[i]);
        wk_stream_close(&stream);
    }
    return 0;
}

static int keep(const char *path)
{
    struct wk_stream stream;

    must(path, wk_stream_open(path, WK_OPEN_OPTIONS_WRITE | WK_OPEN_OPTIONS_CREATE | WK_OPEN_OPTIONS_APPEND, &stream));
    copy(&wk_input, &stream);
    wk_stream_close(&stream);
    return 0;
}

static int say(const char *word)
{
    wk_print("%s\n", word);
    wk_print_error("errors: %s\n", word);
    return 3;
}

/* ---- programs of Linux ---- */

static int run(const struct beside_plan *wanted, struct wk_stream *feed, struct wk_stream *result)
{
    struct beside_plan plan = *wanted;
    struct wk_child child;
    struct wk_end end;
    const char *problem;
    enum wk_status status;

    must("an event", wk_event_create(wk_self.bank, &plan.event));
    plan.bits = END_BIT;
    status = beside_start(&plan, &child, &problem);
    if (status != WK_OK)
        wk_fail(problem, status);
    if (feed != NULL) {
        wk_capability_delete(plan.in->session);
        wk_capability_delete(plan.out->session);
        if (wk_input.kind != WK_STREAM_NONE)
            copy(&wk_input, feed);
        wk_stream_close(feed);
        for (size_t count; (count = read_part(result)) != 0;)
            must("printing", wk_console_write(part, count));
    }
    must("its end", wk_child_wait(&child, plan.event, END_BIT, WK_FOREVER, &end));
    wk_child_release(&child);
    return (int)end.detail;
}

/* What it reads is less than a pipe holds. */
static int run_between(struct beside_plan *plan)
{
    struct wk_stream in = {.kind = WK_STREAM_PIPE}, out = in, feed = in, result = in;

    must("a pipe", wk_pipe_create(wk_named_handle("pipes"), &in.session, &feed.session));
    must("a pipe", wk_pipe_create(wk_named_handle("pipes"), &result.session, &out.session));
    plan->in = &in;
    plan->out = &out;
    return run(plan, &feed, &result);
}

static int run_linux(bool is_between, int argc, char **argv)
{
    struct beside_plan plan = {.words = (const char *const *)argv,
                               .word_count = (unsigned)argc,
                               .in = &wk_input,
                               .out = &wk_output,
                               .errors = &wk_errors};

    return is_between ? run_between(&plan) : run(&plan, NULL, NULL);
}

static void sleep_for_ever(void)
{
    wk_handle event;
    uint64_t bits;

    must("an event", wk_event_create(wk_self.bank, &event));
    wk_event_wait(event, 1, WK_FOREVER, &bits);
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";

    if (strcmp(what, "upper") == 0)
        return upper();
    if (strcmp(what, "count") == 0)
        return count_all(argc - 2, argv + 2);
    if (strcmp(what, "keep") == 0 && argc == 3)
        return keep(argv[2]);
    if (strcmp(what, "say") == 0 && argc == 3)
        return say(argv[2]);
    while (strcmp(what, "yes") == 0)
        wk_print("yes\n");
    if (strcmp(what, "sleep") == 0)
        sleep_for_ever();
    if ((strcmp(what, "run") == 0 || strcmp(what, "between") == 0) && argc > 2)
        return run_linux(what[0] == 'b', argc - 2, argv + 2);
    wk_fail("usage: test-filter upper|count|keep|say|yes|sleep|run|between WORD...", WK_OK);
}
