/* SPDX-License-Identifier: MIT */
/*
 * Runs the wrappers, stubs and tables generated from tests/tools/golden/interfaces: a stub's trap goes straight through
 * the wrappers to the handlers below, which record what reached them. Run by tests/tools/test_interfaces.py.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <winkle/clerk.h>
#include <winkle/clerk_client.h>
#include <winkle/clerk_service.h>
#include <winkle/crate.h>
#include <winkle/label.h>
#include <winkle/message.h>
#include <winkle/names.h>

#include "handlers.h"
#include "interface_table.h"
#include "invoke.h"
#include "wrappers.h"

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: expected %s\n", __FILE__, __LINE__, #condition);                                   \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static char object_storage;
static struct capability invoked = {(struct object *)&object_storage};
static struct capability other;
static const char *called;             /* the handler that ran last */
static struct capability *called_with; /* its capability argument */
static uint64_t looked_up[4];          /* number, handle, type, rights of the last look-up */
static uint64_t wrong_argument;
static enum wk_status handler_answers = WK_OK;
static bool has_more_results;
static uint64_t result_words[6];

#define ENTRY(name) name,
static enum wk_status (*const wrappers[])(struct invocation *invocation, uint64_t word0, uint64_t word1, uint64_t word2,
                                          uint64_t word3, uint64_t word4, uint64_t word5) = {OPERATION_WRAPPERS(ENTRY)};

/*
 * Like the kernel's, for tests: a trap is an invocation of `invoked`. It answers errors with whatever words the handler
 * left, which the kernel would clear: a stub is not to look at them.
 */
enum wk_status wk_trap(uint64_t operation, wk_handle handle, uint64_t words[static 6])
{
    (void)handle;
    struct invocation invocation = {.capability = &invoked, .operation = operation};
    called = NULL;
    called_with = NULL;
    wrong_argument = 0;
    enum wk_status status = wrappers[(operation & ~WK_MESSAGE_QUICK) - WK_OPERATION_FIRST](
        &invocation, words[0], words[1], words[2], words[3], words[4], words[5]);
    has_more_results = status == WK_ANSWERED;
    if (has_more_results)
        status = WK_OK;
    memcpy(words, invocation.words, sizeof invocation.words);
    memcpy(result_words, words, sizeof result_words);
    return status;
}

struct capability *invocation_capability(struct invocation *invocation, unsigned number, uint64_t handle,
                                         enum wk_type type, uint16_t rights)
{
    looked_up[0] = number;
    looked_up[1] = handle;
    looked_up[2] = type;
    looked_up[3] = rights;
    invocation->refusal = handle == 99 ? WK_BAD_HANDLE : WK_OK;
    return handle == 99 ? NULL : &other;
}

struct capability *invocation_stored_capability(struct invocation *invocation, unsigned number, enum wk_type type,
                                                uint16_t rights)
{
    return invocation_capability(invocation, number, invocation->arguments[number - 1], type, rights);
}

enum wk_status invocation_answered(enum wk_status status)
{
    return status == WK_OK ? WK_ANSWERED : status;
}

uint64_t invocation_number(const struct invocation *invocation)
{
    return invocation->operation;
}

enum wk_status invocation_bad_argument(struct invocation *invocation, unsigned number)
{
    (void)invocation;
    wrong_argument = number;
    return WK_BAD_ARGUMENT;
}

static enum wk_status answer(const char *name, struct capability *argument)
{
    called = name;
    called_with = argument;
    return handler_answers;
}

enum wk_status crate_create(struct invocation *invocation, struct crate *crate, struct capability *lid,
                            const struct wk_crate_create_in *in, struct wk_crate_create_out *out)
{
    CHECK((void *)crate == (void *)invocation->capability->object);
    out->crate = in->bytes + in->state; /* were `in` and `out` the same words, this would go wrong */
    out->crate += in->bytes;
    return answer("create", lid);
}

enum wk_status crate_destroy(struct invocation *invocation, struct crate *crate)
{
    CHECK((void *)crate == (void *)invocation->capability->object);
    return answer("destroy", NULL);
}

enum wk_status crate_handle(struct invocation *invocation, struct crate *crate, const struct wk_crate_handle_in *in)
{
    CHECK((void *)crate == (void *)invocation->capability->object);
    CHECK(in->mask == invocation->arguments[5]);
    return answer("handle", NULL);
}

enum wk_status crate_look(struct invocation *invocation, struct crate *crate, struct wk_crate_look_out *out)
{
    (void)invocation;
    (void)crate;
    CHECK(out->state == 0 && out->things == 0 && out->last == 0);
    *out = (struct wk_crate_look_out){.state = WK_CRATE_STATE_OPEN, .things = 12, .last = WK_BUSY};
    return answer("look", NULL);
}

enum wk_status label_check(struct invocation *invocation, struct capability *capability)
{
    CHECK(capability == invocation->capability);
    return answer("check", NULL);
}

enum wk_status label_stick(struct invocation *invocation, struct capability *capability, struct capability *thing,
                           const struct wk_label_stick_in *in)
{
    CHECK(capability == invocation->capability && in->colour == invocation->arguments[2]);
    return answer("stick", thing);
}

enum wk_status label_ship(struct invocation *invocation, struct crate *crate, struct capability *target,
                          const struct wk_label_ship_in *in, struct wk_label_ship_out *out)
{
    CHECK((void *)crate == (void *)invocation->capability->object);
    out->stamp = in->label_number;
    return answer("ship", target);
}

static void check_ranges(void)
{
    wk_handle made = 77;
    CHECK(wk_crate_create(1, 0, WK_CRATE_STATE_OPEN, 0, &made) == WK_BAD_ARGUMENT && wrong_argument == 1);
    CHECK(wk_crate_create(1, 12, WK_CRATE_STATE_OPEN, 0, &made) == WK_BAD_ARGUMENT && wrong_argument == 1);
    CHECK(wk_crate_create(1, 4104, WK_CRATE_STATE_OPEN, 0, &made) == WK_BAD_ARGUMENT && wrong_argument == 1);
    CHECK(wk_crate_create(1, 8, (enum wk_crate_state)2, 0, &made) == WK_BAD_ARGUMENT && wrong_argument == 2);
    CHECK(!called && made == 77);
    CHECK(wk_crate_create(1, 4096, WK_CRATE_STATE_OPEN, 0, &made) == WK_OK && made == 8193 && !called_with);

    uint64_t all = WK_HANDLING_UPRIGHT | WK_HANDLING_FRAGILE;
    CHECK(wk_crate_handle(1, all + 1, 255, 0, WK_OK, 16, 0) == WK_BAD_ARGUMENT && wrong_argument == 1);
    CHECK(wk_crate_handle(1, all, 256, 0, WK_OK, 16, 0) == WK_BAD_ARGUMENT && wrong_argument == 2);
    CHECK(wk_crate_handle(1, all, 255, 1, WK_OK, 16, 0) == WK_BAD_ARGUMENT && wrong_argument == 3);
    CHECK(wk_crate_handle(1, all, 255, WK_SHELF_END + 4096, WK_OK, 16, 0) == WK_BAD_ARGUMENT && wrong_argument == 3);
    CHECK(wk_crate_handle(1, all, 255, 0, (enum wk_status)9, 16, 0) == WK_BAD_ARGUMENT && wrong_argument == 4);
    CHECK(wk_crate_handle(1, all, 255, 0, WK_BUSY, 15, 0) == WK_BAD_ARGUMENT && wrong_argument == 5);
    CHECK(wk_crate_handle(1, all, 255, WK_SHELF_END, WK_BUSY, 16, UINT64_MAX) == WK_OK && !strcmp(called, "handle"));
    CHECK(wk_label_stick(1, 5, WK_RIGHTS_ALL + 1, 7) == WK_BAD_ARGUMENT && wrong_argument == 2);
    CHECK(wk_label_stick(1, 5, WK_RIGHTS_ALL, 8) == WK_BAD_ARGUMENT && wrong_argument == 3);
}

static void check_capabilities(void)
{
    wk_handle made = 77;
    CHECK(wk_crate_create(1, 8, WK_CRATE_STATE_CLOSED, 99, &made) == WK_BAD_HANDLE && !called && made == 77);
    CHECK(wk_crate_create(1, 8, WK_CRATE_STATE_CLOSED, 5, &made) == WK_OK && called_with == &other);
    CHECK(looked_up[0] == 3 && looked_up[1] == 5 && looked_up[2] == WK_TYPE_CRATE &&
          looked_up[3] == WK_CRATE_RIGHT_OPEN);
    CHECK(wk_label_stick(1, 0, 0, 0) == WK_OK && called_with == &other);
    CHECK(looked_up[0] == 1 && looked_up[2] == WK_TYPE_NONE && looked_up[3] == 0);
    uint64_t stamp = 0;
    CHECK(wk_label_ship(1, 9, 5, &stamp) == WK_OK && stamp == 9 && looked_up[0] == 2);
    CHECK(looked_up[3] == (WK_CRATE_RIGHT_PAY | WK_CRATE_RIGHT_OPEN));
}

static void check_results(void)
{
    enum wk_crate_state state = WK_CRATE_STATE_CLOSED;
    enum wk_status last = WK_OK;
    uint64_t things = 0;
    handler_answers = WK_BUSY;
    CHECK(wk_crate_look(1, &state, &things, &last) == WK_BUSY && !has_more_results && result_words[1] == 12);
    CHECK(state == WK_CRATE_STATE_CLOSED && things == 0 && last == WK_OK);
    CHECK(wk_crate_destroy(1) == WK_BUSY && wk_label_check(1) == WK_BUSY);
    handler_answers = WK_OK;
    CHECK(wk_crate_look(1, &state, &things, &last) == WK_OK && has_more_results);
    CHECK(state == WK_CRATE_STATE_OPEN && things == 12 && last == WK_BUSY);
    CHECK(result_words[3] == 0 && result_words[4] == 0 && result_words[5] == 0);
    CHECK(wk_crate_destroy(1) == WK_OK && !has_more_results);
}

/* Entries say the same as traps; what a service does not use is 0, whatever stood there before. */
static void check_entries(void)
{
    struct wk_queue queue = {.entry = {{9, 9, 9, 9, 9, 9, 9, 9}}};
    const uint64_t *words = queue.entry.words;

    CHECK(wk_crate_create_prepare(&queue, 7, 3, 8, WK_CRATE_STATE_CLOSED, 5));
    CHECK(words[0] == WK_RING_ENTRY(WK_CRATE_CREATE, 0, 3) && words[1] == 7);
    CHECK(words[2] == 8 && words[3] == WK_CRATE_STATE_CLOSED && words[4] == 5);
    CHECK(!wk_label_check_prepare(&queue, 8, 4) && words[1] == 7);
    queue.is_full = false;
    CHECK(wk_clerk_burn_prepare(&queue, UINT32_MAX, 3, 21, 0));
    CHECK(words[1] == WK_RING_ENTRY_TAG(UINT32_MAX, WK_MESSAGE_CAPABILITY(0) | WK_MESSAGE_GIVE(0)));
    CHECK(words[2] == 21 && words[3] == 0 && words[4] == 0 && words[5] == 0 && words[6] == 0 && words[7] == 0);
    queue.is_full = false;
    CHECK(wk_clerk_burn_prepare(&queue, 0, 3, 21, 22));
    CHECK(words[1] >> 32 == (WK_MESSAGE_CAPABILITY(0) | WK_MESSAGE_GIVE(0) | WK_MESSAGE_CAPABILITY(1)) >> 16);
    queue.is_full = false;
    CHECK(wk_clerk_ask_prepare(&queue, 0, 3, 1) && words[1] == 0);
}

/* ---- a service: what a client sends goes straight to the dispatch ---- */

static uint64_t dropped;     /* the words whose capabilities were deleted last */
static uint64_t marked_more; /* words that the client marks as capabilities beside those it should */
static uint64_t marked_less; /* and that it does not, though it should */
static uint64_t kept;        /* words whose loan the handler keeps */
static uint64_t given_back;  /* the answer's marks */
static uint64_t file_other;  /* a result */
static struct wk_ring_message sent;
static unsigned expected_handles; /* words of the answer that the client's function says are capabilities */

void wk_request_drop(const struct wk_message *message, uint64_t words)
{
    dropped |= words & message->capabilities;
}

static enum wk_status ask(struct wk_message *message, const struct wk_clerk_ask_in *in, struct wk_clerk_ask_out *out)
{
    CHECK(message->operation == WK_CLERK_ASK);
    out->answer = in->question + 1;
    return answer("ask", NULL);
}

static enum wk_status file(struct wk_message *message, const struct wk_clerk_file_in *in, struct wk_clerk_file_out *out)
{
    message->capabilities &= ~kept;
    *out = (struct wk_clerk_file_out){.receipt = in->crate + in->seal, .full = in->drawer, .other = file_other};
    return answer("file", NULL);
}

static enum wk_status sort(struct wk_message *message, const struct wk_clerk_sort_in *in, struct wk_clerk_sort_out *out)
{
    (void)message;
    *out = (struct wk_clerk_sort_out){.state = in->state, .last = in->last};
    return answer("sort", NULL);
}

static enum wk_status close_desk(struct wk_message *message)
{
    (void)message;
    return answer("close", NULL);
}

static const struct wk_clerk_handlers handlers = {.ask = ask, .file = file, .sort = sort, .close = close_desk};

enum wk_status wk_connection_call(const struct wk_connection *connection, const struct wk_ring_message *message,
                                  unsigned handles, struct wk_completion *completion)
{
    const uint64_t bits = message->words[1] >> 32 << 16;
    struct wk_message received = {.capabilities = (WK_MESSAGE_CAPABILITIES(bits) | marked_more) & ~marked_less,
                                  .operation = WK_RING_OPERATION(message->words[0])};
    struct wk_answer answered = {.status = WK_OK};

    called = NULL;
    dropped = 0;
    expected_handles = handles;
    if (connection->number != 1)
        return WK_REVOKED;
    memcpy(received.words, message->words + 2, sizeof received.words);
    wk_clerk_dispatch(&handlers, &received, &answered);
    given_back = answered.capabilities;
    completion->tag = WK_RING_TAG(message->words[1]);
    completion->answer = answered.status | WK_RECEIVED(0, WK_MESSAGE_CAPABILITIES(answered.capabilities));
    memcpy(completion->words, answered.words, sizeof answered.words);
    memcpy(result_words, answered.words, sizeof result_words);
    return WK_OK;
}

enum wk_status wk_connection_start(const struct wk_connection *connection, const struct wk_ring_message *message,
                                   unsigned handles)
{
    (void)connection;
    sent = *message;
    expected_handles = handles;
    return WK_BUSY;
}

static const struct wk_connection there = {1}, gone = {0};

static enum wk_status sort_with(uint64_t handling, uint64_t state, uint64_t last, uint64_t urgency, uint64_t from,
                                uint64_t allowed)
{
    enum wk_crate_state out_state;
    enum wk_status out_last;

    return wk_clerk_sort_by(&there, handling, (enum wk_crate_state)state, (enum wk_status)last, urgency, from, allowed,
                            &out_state, &out_last);
}

static void check_service_ranges(void)
{
    CHECK(sort_with(4, 0, 0, 0, 4096, 0) == WK_BAD_ARGUMENT && !called);
    CHECK(sort_with(3, 2, 0, 0, 4096, 0) == WK_BAD_ARGUMENT && !called);
    CHECK(sort_with(3, 1, WK_REVOKED + 1, 0, 4096, 0) == WK_BAD_ARGUMENT && !called);
    CHECK(sort_with(3, 1, WK_REVOKED, 256, 4096, 0) == WK_BAD_ARGUMENT && !called);
    CHECK(sort_with(3, 1, WK_REVOKED, 255, 0, 0) == WK_BAD_ARGUMENT && !called);
    CHECK(sort_with(3, 1, WK_REVOKED, 255, 4097, 0) == WK_BAD_ARGUMENT && !called);
    CHECK(sort_with(3, 1, WK_REVOKED, 255, WK_SHELF_END + 4096, 0) == WK_BAD_ARGUMENT && !called);
    CHECK(sort_with(3, 1, WK_REVOKED, 255, WK_SHELF_END, WK_RIGHTS_ALL + 1) == WK_BAD_ARGUMENT && !called);
    CHECK(sort_with(3, 1, WK_REVOKED, 255, WK_SHELF_END, WK_RIGHTS_ALL) == WK_OK && !strcmp(called, "sort"));
    CHECK(result_words[0] == 1 && result_words[1] == WK_REVOKED);
}

static void check_service_capabilities(void)
{
    wk_handle receipt = 0, second = 0;
    uint64_t full = 0;

    CHECK(wk_clerk_file_by(&there, 5, 21, 22, 0, &receipt, &full, &second) == WK_OK && !strcmp(called, "file"));
    CHECK(receipt == 43 && full == 5 && second == 0 && dropped == 2 && expected_handles == 5);
    CHECK(given_back == (WK_MESSAGE_CAPABILITY(0) | WK_MESSAGE_GIVE(0)));
    file_other = 7;
    kept = 2;
    CHECK(wk_clerk_file_by(&there, 5, 21, 22, 23, &receipt, &full, &second) == WK_OK && second == 7 && dropped == 0);
    kept = 0;
    marked_more = 1; /* in a word that is a number */
    CHECK(wk_clerk_file_by(&there, 5, 21, 22, 0, &receipt, &full, &second) == WK_BAD_ARGUMENT && !called &&
          dropped == 7);
    CHECK(wk_clerk_close_by(&there) == WK_BAD_ARGUMENT && !called && dropped == 1);
    marked_more = 0;
    marked_less = 2; /* a number where a capability is due */
    CHECK(wk_clerk_file_by(&there, 5, 21, 22, 0, &receipt, &full, &second) == WK_BAD_ARGUMENT && !called &&
          dropped == 4);
    marked_less = 8; /* and where one may be */
    CHECK(wk_clerk_file_by(&there, 5, 21, 22, 23, &receipt, &full, &second) == WK_BAD_ARGUMENT && !called &&
          dropped == 6);
    marked_less = 0;
}

/* Without results where it failed; without a handler; without a connection; and as an entry. */
static void check_service_answers(void)
{
    uint64_t result = 77;
    wk_handle receipt = 77, second = 77;

    CHECK(wk_clerk_ask_by(&there, 4, &result) == WK_OK && result == 5);
    handler_answers = WK_BUSY;
    CHECK(wk_clerk_ask_by(&there, 8, &result) == WK_BUSY && result == 5 && result_words[0] == 0);
    CHECK(wk_clerk_file_by(&there, 5, 21, 22, 0, &receipt, &result, &second) == WK_BUSY && dropped == 2 &&
          given_back == 0);
    handler_answers = WK_OK;
    CHECK(wk_clerk_burn_by(&there, 21, 22) == WK_NO_SUCH_OPERATION && dropped == 3);
    CHECK(wk_clerk_ask_by(&gone, 4, &result) == WK_REVOKED && result == 5);
    CHECK(wk_clerk_close_by(&there) == WK_OK && !strcmp(called, "close"));
    CHECK(wk_clerk_file_start(&there, 9, 5, 21, 22, 0) == WK_BUSY && expected_handles == 5);
    CHECK(wk_clerk_burn_start(&there, 9, 21, 0) == WK_BUSY && expected_handles == 0);
    CHECK(sent.words[0] == WK_RING_ENTRY(WK_CLERK_BURN, 0, 0) && sent.words[2] == 21 && sent.words[7] == 0);
    CHECK(sent.words[1] == WK_RING_ENTRY_TAG(9, WK_MESSAGE_CAPABILITY(0) | WK_MESSAGE_GIVE(0)));
}

/* An answer that is given later is what the dispatch would have made of the same results. */
static void check_late_answers(void)
{
    const struct wk_clerk_file_out file_out = {.receipt = 4, .full = 5, .other = 0};
    const struct wk_clerk_sort_out sort_out = {.state = WK_CRATE_STATE_CLOSED, .last = WK_BUSY};
    struct wk_answer late;

    wk_clerk_file_answer(&late, WK_OK, &file_out);
    CHECK(late.status == WK_OK && late.capabilities == (WK_MESSAGE_CAPABILITY(0) | WK_MESSAGE_GIVE(0)));
    CHECK(late.words[0] == 4 && late.words[1] == 5 && late.words[2] == 0);
    wk_clerk_file_answer(&late, WK_BUSY, &file_out);
    CHECK(late.status == WK_BUSY && late.capabilities == 0 && late.words[0] == 0);
    wk_clerk_sort_answer(&late, WK_OK, &sort_out);
    CHECK(late.capabilities == 0 && late.words[0] == WK_CRATE_STATE_CLOSED && late.words[1] == WK_BUSY);
}

/* A word that does not come as a capability is no handle, whatever the server says. */
static void check_service_results(void)
{
    const struct wk_completion completion = {.answer = WK_RECEIVED(0, 4), .words = {1, 2, 3}};
    wk_handle receipt = 77, second = 77;
    uint64_t full = 77;

    CHECK(wk_clerk_file_results(&completion, &receipt, &full, &second) == WK_OK);
    CHECK(receipt == 0 && full == 2 && second == 3);
}

static void check_unknown_operation(void)
{
    struct wk_message message = {.operation = WK_CLERK_CLOSE + 1, .capabilities = 0x21};
    struct wk_answer answered = {.status = WK_OK};

    dropped = 0;
    wk_clerk_dispatch(&handlers, &message, &answered);
    CHECK(answered.status == WK_NO_SUCH_OPERATION && dropped == 0x21);
}

static void check_tables(void)
{
    for (unsigned i = 0; i < INTERFACE_OPERATION_COUNT; ++i) {
        const struct interface_operation *operation = &interface_operations[i];
        CHECK(!strcmp(operation->name, wk_operation_name(operation->number)));
        if (operation->is_service)
            continue;
        const uint64_t index = operation->number - WK_OPERATION_FIRST;
        CHECK(wrappers[index] && operation_needs[index] == OPERATION_NEEDS(operation->type, operation->rights));
        CHECK(operation_bounds[index] == (operation->is_trap_only ? OPERATION_TRAP_ONLY : operation->bound));
    }
    for (unsigned i = 0; i < INTERFACE_STATUS_COUNT; ++i)
        CHECK(!strcmp(interface_status_names[i], wk_status_name(i)));
    CHECK(!strcmp(wk_type_name(WK_TYPE_CRATE), "crate") && !strcmp(wk_status_name(1000), "unknown status"));
    CHECK(!strcmp(interface_right_names[WK_TYPE_CRATE][1], "open"));
}

int main(void)
{
    check_ranges();
    check_capabilities();
    check_results();
    check_entries();
    check_service_ranges();
    check_service_capabilities();
    check_service_answers();
    check_late_answers();
    check_service_results();
    check_unknown_operation();
    check_tables();
    return 0;
}
