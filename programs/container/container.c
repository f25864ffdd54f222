/* SPDX-License-Identifier: MIT */
/*
 * container [OPTION...] ROOT PROGRAM [ARGUMENT...] [--and [OPTION...] ROOT PROGRAM [ARGUMENT...]]...: runs programs of Linux side by side,
 * each in a container of its own with the directory ROOT as its root, until the last has ended.
 */
#include <container/container.h>

#include <winkle/bank.h>
#include <winkle/clock.h>
#include <winkle/event.h>
#include <winkle/machine.h>
#include <winkle/names.h>
#include <winkle/print.h>
#include <winkle/text.h>

#define CONTAINERS_MAX 8
#define LOOK_EVERY_NS (WK_NS_PER_SECOND / 100)
#define PAGES_PER_MIB (UINT64_C(1048576) / WK_PAGE_BYTES)
#define PERCENT_MAX 90
/* What is left for this program itself. */
#define PAGES_KEPT 256
#define STATUS_USAGE 2
#define STATUS_REFUSED 126
#define STATUS_CRASHED 125

struct run {
    struct container_plan plan;
    struct container container;
    bool runs;
    int status;
};

static struct run runs[CONTAINERS_MAX];
static unsigned run_count;
static struct wk_archive archive;
static wk_handle event;

__attribute__((noreturn)) static void fail_usage(const char *word, const char *problem)
{
    wk_print("container: %s: %s\n", word, problem);
    wk_print("usage: container [--memory MIB] [--time PERCENT] [--read-only] [--bind FROM TO]... ROOT PROGRAM "
             "[ARGUMENT...] [--and ...]\n");
    wk_exit(STATUS_USAGE);
}

/* ---- words ---- */

struct words {
    int count;
    char **next;
};

static char *next_word(struct words *words, const char *what)
{
    if (words->count == 0)
        fail_usage(what, "a word is missing");
    words->count--;
    return *words->next++;
}

static uint64_t next_number(struct words *words, const char *what, uint64_t most)
{
    const char *word = next_word(words, what);
    uint64_t number;

    if (!wk_parse_number(word, strlen(word), &number) || number == 0 || number > most)
        fail_usage(word, "this is no number, or out of range");
    return number;
}

static void read_option(struct words *words, struct container_plan *plan, const char *option)
{
    if (strcmp(option, "--memory") == 0) {
        plan->pages = next_number(words, option, UINT64_C(1) << 20) * PAGES_PER_MIB;
    } else if (strcmp(option, "--time") == 0) {
        plan->percent = next_number(words, option, PERCENT_MAX);
    } else if (strcmp(option, "--read-only") == 0) {
        plan->is_read_only = true;
    } else if (strcmp(option, "--bind") == 0) {
        if (plan->bind_count == CONTAINER_BINDS_MAX)
            fail_usage(option, "there are too many of these");
        plan->binds[plan->bind_count].from = next_word(words, option);
        plan->binds[plan->bind_count++].to = next_word(words, option);
    } else {
        fail_usage(option, "there is no such option");
    }
}

static void read_plan(struct words *words, struct container_plan *plan)
{
    const char *word = next_word(words, "container");

    while (strncmp(word, "--", 2) == 0) {
        read_option(words, plan, word);
        word = next_word(words, word);
    }
    plan->root = word;
    plan->words = (const char *const *)words->next;
    next_word(words, "PROGRAM");
    plan->word_count = 1;
    while (words->count > 0 && strcmp(*words->next, "--and") != 0) {
        next_word(words, "");
        plan->word_count++;
    }
}

static void read_plans(int argc, char **argv)
{
    struct words words = {argc - 1, argv + 1};

    do {
        if (run_count == CONTAINERS_MAX)
            fail_usage("--and", "there are too many of these");
        read_plan(&words, &runs[run_count++].plan);
    } while (words.count-- > 0 && words.next++ != NULL);
}

/* ---- beginning ---- */

static void expect(const char *what, enum wk_status status)
{
    if (status != WK_OK)
        wk_fail(what, status);
}

/* Who did not say how much memory is to be had gets an equal part of what the others leave. */
static void share_memory(void)
{
    uint64_t limit = 0, used = 0, objects, children, wanted = PAGES_KEPT;
    unsigned open = 0;
    enum wk_bank_kind kind;

    expect("its bank", wk_bank_info(wk_self.bank, &limit, &used, &objects, &children, &kind));
    for (unsigned i = 0; i < run_count; i++) {
        wanted += runs[i].plan.pages;
        open += runs[i].plan.pages == 0;
    }
    for (unsigned i = 0; i < run_count; i++) {
        if (runs[i].plan.pages == 0)
            runs[i].plan.pages = limit - used > wanted ? (limit - used - wanted) / open : 0;
    }
}

static void start(struct run *run, unsigned number)
{
    const char *problem;
    enum wk_status status;

    run->plan.archive = &archive;
    run->plan.files = wk_named_handle("files");
    run->plan.event = event;
    run->plan.first_bit = number * CONTAINER_BITS;
    status = container_start(&run->plan, &run->container, &problem);
    run->runs = status == WK_OK;
    if (run->runs)
        return;
    wk_print("container: %s: %s: %s\n", run->plan.root, problem, wk_status_name(status));
    run->status = STATUS_REFUSED;
}

/* ---- meanwhile ---- */

static void show(const struct run *run)
{
    char bytes[40];
    size_t count;

    while ((count = container_take_shown(&run->container, bytes)) != 0)
        wk_console_write(bytes, count);
}

/* What is typed goes to the first that runs. A byte without room is tried again. */
static void pass_typed(void)
{
    static uint64_t typed;
    static bool has_typed;

    for (unsigned i = 0; i < run_count; i++) {
        if (!runs[i].runs)
            continue;
        while (has_typed || wk_machine_console_read(wk_self.machine, &typed) == WK_OK) {
            has_typed = !container_type(&runs[i].container, (char)typed);
            if (has_typed)
                break;
        }
        return;
    }
}

static void end(struct run *run, bool has_failed)
{
    struct wk_end end;
    char text[96];

    show(run);
    if (has_failed) {
        wk_print("container: %s: one of its services has ended\n", run->plan.root);
        run->status = STATUS_CRASHED;
    } else if (wk_child_end(&run->container.program, &end) == WK_OK && wk_end_is_exit(&end)) {
        run->status = (int)(end.detail & 0xff);
    } else {
        wk_end_print(&end, text, sizeof(text));
        wk_print("container: %s: %s\n", run->plan.root, text);
        run->status = STATUS_CRASHED;
    }
    container_end(&run->container);
    run->runs = false;
}

static bool look(uint64_t bits)
{
    bool any = false;

    for (unsigned i = 0; i < run_count; i++, bits >>= CONTAINER_BITS) {
        if (runs[i].runs && (bits & CONTAINER_LINE) != 0)
            show(&runs[i]);
        if (runs[i].runs && (bits & (CONTAINER_ENDED | CONTAINER_FAILED)) != 0)
            end(&runs[i], (bits & CONTAINER_ENDED) == 0);
        any = any || runs[i].runs;
    }
    return any;
}

int main(int argc, char **argv)
{
    int status = 0;
    uint64_t bits = 0;

    read_plans(argc, argv);
    expect("the archive", wk_archive_map(&archive));
    expect("an event", wk_event_create(wk_self.bank, &event));
    share_memory();
    for (unsigned i = 0; i < run_count; i++)
        start(&runs[i], i);
    while (look(bits)) {
        bits = 0;
        pass_typed();
        wk_event_wait(event, UINT64_MAX, wk_after_ns(LOOK_EVERY_NS), &bits);
    }
    for (unsigned i = run_count; i-- > 0;)
        status = runs[i].status != 0 ? runs[i].status : status;
    return status;
}
