/* SPDX-License-Identifier: MIT */
#include <container/beside.h>

#include <winkle/capability.h>
#include <winkle/file.h>
#include <winkle/directory.h>
#include <winkle/heap.h>
#include <winkle/text.h>
#include <winkle/thread.h>

#define PERSONALITY "/winkle/linux"
#define STREAMS 3

static const char *const services[] = {"files", "pipes", "terminal", "parent", "posix"};
#define SERVICES (sizeof(services) / sizeof(services[0]))

/* The bytes of the personality, from wk_allocate. */
static enum wk_status read_personality(uint8_t **bytes, size_t *length)
{
    struct wk_stream stream;
    uint64_t mode, owner, identity, size, modified, changed;
    size_t count = 1;
    enum wk_status status = wk_stream_open(PERSONALITY, WK_OPEN_OPTIONS_READ, &stream);

    if (status != WK_OK)
        return status;
    status = wk_file_status(stream.session, &mode, &owner, &identity, &size, &modified, &changed);
    *bytes = status == WK_OK ? wk_allocate(size) : NULL;
    if (*bytes == NULL)
        status = status == WK_OK ? WK_NO_MEMORY : status;
    for (*length = 0; status == WK_OK && *length < size && count != 0; *length += count)
        status = wk_stream_read(&stream, *bytes + *length, size - *length, &count);
    wk_stream_close(&stream);
    return status;
}

static void add(struct wk_grant *grants, unsigned *count, const char *name, wk_handle session, uint64_t kind)
{
    grants[(*count)++] = (struct wk_grant){name, session, WK_TRANSFER_DUP, WK_RIGHTS_ALL, kind, 0};
}

static unsigned make_grants(const struct beside_plan *plan, struct wk_grant *grants)
{
    const struct {
        const char *name;
        const struct wk_stream *stream;
    } streams[STREAMS] = {{"input", plan->in}, {"output", plan->out}, {"errors", plan->errors}};
    unsigned count = 0;

    for (unsigned i = 0; i < SERVICES; i++) {
        if (wk_named_handle(services[i]) != 0)
            add(grants, &count, services[i], wk_named_handle(services[i]), 0);
    }
    for (unsigned i = 0; i < STREAMS; i++) {
        if (streams[i].stream->session != 0)
            add(grants, &count, streams[i].name, streams[i].stream->session, streams[i].stream->kind);
    }
    return count;
}

static enum wk_status launch(const struct beside_plan *plan, const uint8_t *elf, size_t elf_bytes,
                             struct wk_child *child, const char **problem)
{
    const char *words[1 + BESIDE_WORDS_MAX] = {"linux"};
    struct wk_grant grants[SERVICES + STREAMS];
    const unsigned count = make_grants(plan, grants);
    enum wk_thread_state state;
    uint64_t priority, hart;
    const enum wk_status status = wk_thread_info(wk_self.start->thread, &state, &priority, &hart);

    if (status != WK_OK)
        return status;
    memcpy(words + 1, plan->words, plan->word_count * sizeof(words[0]));
    return wk_launch(&(struct wk_launch){.elf = elf,
                                         .elf_bytes = elf_bytes,
                                         .argc = 1 + (int)plan->word_count,
                                         .argv = words,
                                         .bank = wk_self.bank,
                                         .bank_rights = WK_BANK_RIGHTS_TO_SPEND,
                                         .budget_of = wk_self.budget,
                                         .forks = true,
                                         .ceiling = priority,
                                         .priority = priority,
                                         .end_event = plan->event,
                                         .end_bits = plan->bits,
                                         .grants = grants,
                                         .grant_count = count},
                     child, problem);
}

enum wk_status beside_start(const struct beside_plan *plan, struct wk_child *child, const char **problem)
{
    uint8_t *elf = NULL;
    size_t elf_bytes = 0;
    enum wk_status status = WK_BAD_ARGUMENT;

    *problem = "it has too many words";
    if (plan->word_count == 0 || plan->word_count > BESIDE_WORDS_MAX)
        return status;
    *problem = "the personality of Linux cannot be read";
    status = read_personality(&elf, &elf_bytes);
    if (status == WK_OK)
        status = launch(plan, elf, elf_bytes, child, problem);
    wk_free(elf);
    return status;
}
