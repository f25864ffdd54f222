/* SPDX-License-Identifier: MIT */
/*
 * Capabilities over channels between processes of which one has no room for them, or ends while they are under way:
 * what was not taken comes back, slots do not stay in use, and the other side has nothing of it.
 */
#include "actors.h"
#include "serving.h"

#include <winkle/calls.h>
#include <winkle/process.h>

#define ROOMY 1
#define CROWDED 2
#define SPARE 8 /* slots that are free again when it is roomy */
#define STATUS 5
#define HAND_OVER 0x2000
#define OPEN 1
#define HELD 2

static wk_handle spare[SPARE], parent;
static wk_handle gate; /* an event: the handler of `read` waits there, and says so */
static unsigned watched, saved;

/* ---- a table without room ---- */

/* Takes all slots that the bank can pay for. The stack's pages are there before. */
static void fill_table(void)
{
    volatile uint8_t stack[16384];
    wk_handle handle = 0;

    for (unsigned i = 0; i < sizeof(stack); i += 4096)
        stack[i] = 0;
    EXPECT(WK_OK, wk_event_create(wk_self.bank, &parent));
    for (unsigned i = 0; wk_capability_lend(parent, WK_EVENT_RIGHT_SIGNAL, &handle) == WK_OK; i++)
        spare[i % SPARE] = handle;
}

static void make_room(void)
{
    for (unsigned i = 0; i < SPARE; i++)
        EXPECT(WK_OK, wk_capability_delete(spare[i]));
}

static void take_room(void)
{
    for (unsigned i = 0; i < SPARE; i++)
        EXPECT(WK_OK, wk_capability_lend(parent, WK_EVENT_RIGHT_SIGNAL, &spare[i]));
}

/* ---- the server ---- */

static enum wk_status watch(struct wk_message *message, const struct wk_notes_watch_in *in)
{
    (void)message;
    watched++;
    return wk_capability_delete(in->event);
}

static enum wk_status save(struct wk_message *message, const struct wk_notes_save_in *in, struct wk_notes_save_out *out)
{
    (void)message;
    (void)in;
    out->count = ++saved;
    return WK_OK;
}

static enum wk_status share(struct wk_message *message, struct wk_notes_share_out *out)
{
    (void)message;
    return wk_memory_create(wk_self.bank, 1, 0, &out->memory);
}

static enum wk_status add(struct wk_message *message, const struct wk_notes_add_in *in, struct wk_notes_add_out *out)
{
    (void)message;
    (void)out;
    if (in->text0 == ROOMY)
        make_room();
    else
        fill_table();
    return WK_OK;
}

static enum wk_status read(struct wk_message *message, const struct wk_notes_read_in *in, struct wk_notes_read_out *out)
{
    uint64_t bits;

    (void)message;
    (void)in;
    (void)out;
    EXPECT(WK_OK, wk_event_signal(gate, HELD));
    return wk_event_wait(gate, OPEN, wk_after_ns(SERVING_PATIENCE_NS), &bits);
}

static const struct wk_notes_handlers handlers = {.connect = serve_connect,
                                                  .mailboxes = serve_mailboxes,
                                                  .watch = watch,
                                                  .save = save,
                                                  .share = share,
                                                  .add = add,
                                                  .read = read};

/* ---- a server without room ---- */

/* Gives a session of itself away, and serves; it is crowded when its client says so. */
static void play_crowded_server(void)
{
    uint64_t words[6] = {0};

    server_begin(&handlers);
    words[0] = client_mint(0);
    EXPECT(WK_OK, wk_call(wk_named_handle("session"), HAND_OVER | WK_MESSAGE_CAPABILITY(0) | WK_MESSAGE_GIVE(0), words,
                          WK_FOREVER));
    EXPECT(WK_OK, wk_server_run(&server));
    wk_exit(STATUS);
}

static wk_handle begin_server(struct actor *actor)
{
    struct wk_message message;
    wk_handle endpoint = 0, session = 0;

    EXPECT(WK_OK, wk_endpoint_create(wk_self.bank, &endpoint));
    EXPECT(WK_OK, wk_endpoint_accept(endpoint, UINT64_C(1) << WK_TYPE_SESSION, 1));
    EXPECT(WK_OK, wk_endpoint_mint(endpoint, 1, 0, &session));
    actor_prepare(actor, ACTOR_BANK_PAGES);
    actor_lend(actor, "session", session, WK_SESSION_RIGHT_CALL);
    actor_start(actor, 2, (const char *const[]){"test-carrying_peers", "server"});
    EXPECT(WK_OK, wk_receive(endpoint, &message, wk_after_ns(SERVING_PATIENCE_NS)));
    EQUAL(1, message.capabilities);
    EXPECT(WK_OK, wk_reply(endpoint, &(struct wk_answer){.status = WK_OK}));
    EXPECT(WK_OK, wk_capability_delete(session));
    EXPECT(WK_OK, wk_capability_delete(endpoint));
    return message.words[0];
}

/* What was given comes back, by both functions; what was lent has never gone. */
static void find_no_room(struct client *client, wk_handle event)
{
    const struct wk_connection *connection = &client->by_channel;
    struct wk_completion completion;
    wk_handle part = 0;

    EXPECT(WK_OK, wk_capability_lend(event, WK_EVENT_RIGHT_SIGNAL, &part));
    for (unsigned i = 0; i < 2 * SERVING_SLOTS; i++) {
        EXPECT(WK_NO_MEMORY, wk_notes_watch_by(connection, part));
        EXPECT(WK_BAD_HANDLE, wk_capability_check(part));
        part = wk_carrier_returned(&client->carrier, 0);
        EQUAL(0, wk_carrier_returned(&client->carrier, 0));
        EXPECT(WK_OK, wk_notes_watch_start(connection, 1, part));
        client_finish(connection, &completion);
        EQUAL(WK_RECEIVED(0, 1) | WK_NO_MEMORY, completion.answer);
        part = completion.words[0];
        EXPECT(WK_OK, wk_event_signal(part, 1));
    }
    EXPECT(WK_NO_MEMORY, wk_notes_watch_by(connection, part)); /* nobody asks for it: it goes with the channel */
    EQUAL(0, watched);
}

static void server_is_crowded(void)
{
    struct client client;
    struct actor actor;
    wk_handle event = 0, part = 0;
    uint64_t number = 0;

    client_open(&client, begin_server(&actor));
    EXPECT(WK_OK, wk_event_create(wk_self.bank, &event));
    EXPECT(WK_OK, wk_notes_add_by(&client.by_channel, CROWDED, 0, 0, 0, &number));
    find_no_room(&client, event);
    EXPECT(WK_OK, wk_notes_add_by(&client.by_channel, ROOMY, 0, 0, 0, &number));
    for (unsigned i = 0; i < 2 * SERVING_SLOTS; i++) {
        EXPECT(WK_OK, wk_capability_lend(event, WK_EVENT_RIGHT_SIGNAL, &part));
        EXPECT(WK_OK, wk_notes_watch_by(&client.by_channel, part));
    }
    client_close(&client);
    EXPECT(WK_OK, wk_capability_delete(event));
    actor_end_well(&actor, STATUS);
}

/* ---- a client without room ---- */

static void play_crowded_client(void)
{
    struct client client;
    wk_handle shared = 0;

    client_open(&client, wk_named_handle("session"));
    fill_table();
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < SERVING_SLOTS; i++)
            EXPECT(WK_NO_MEMORY, wk_notes_share_by(&client.by_channel, &shared));
        EXPECT(WK_WOULD_BLOCK, wk_notes_share_by(&client.by_channel, &shared));
        make_room();
        for (unsigned i = 0; i < 2 * SERVING_SLOTS; i++) {
            EXPECT(WK_OK, wk_notes_share_by(&client.by_channel, &shared));
            EXPECT(WK_OK, wk_capability_delete(shared));
        }
        take_room();
    }
    wk_exit(STATUS);
}

/* Runs an actor as the client of a server in the test; `during` is what happens meanwhile. */
static void serve_actor(const char *part, void (*during)(struct actor *actor))
{
    struct actor actor;

    server_begin(&handlers);
    EXPECT(WK_OK, wk_thread_run(&serving_thread, serve_all, NULL, 16, 100));
    actor_prepare(&actor, ACTOR_BANK_PAGES);
    actor_lend(&actor, "session", client_mint(0), WK_SESSION_RIGHT_CALL);
    actor.grants[actor.grant_count - 1].transfer = WK_TRANSFER_GIVE;
    if (during == NULL)
        actor_start(&actor, 2, (const char *const[]){"test-carrying_peers", part});
    else
        during(&actor);
    server_end(); /* when the actor has ended and all is served; its bank is there until then, and what it paid for */
    actor_end_well(&actor, STATUS);
}

/* ---- a client that ends ---- */

/* Sends when it is told to, which the server does not see before it has ended. */
static void play_goner(void)
{
    struct client client;
    wk_handle event = 0, part = 0, memory = 0;
    uint64_t bits;

    client_open(&client, wk_named_handle("session"));
    EXPECT(WK_OK, wk_event_create(wk_self.bank, &event));
    EXPECT(WK_OK, wk_memory_create(wk_self.bank, 1, 0, &memory));
    EXPECT(WK_OK, wk_event_signal(wk_named_handle("ready"), 1));
    EXPECT(WK_OK, wk_event_wait(wk_named_handle("begin"), 1, WK_FOREVER, &bits));
    EXPECT(WK_OK, wk_notes_save_start(&client.by_channel, 1, memory));
    EXPECT(WK_OK, wk_notes_watch_start(&client.by_channel, 2, event));
    EXPECT(WK_OK, wk_event_create(wk_self.bank, &event));
    EXPECT(WK_OK, wk_capability_lend(event, WK_RIGHTS_ALL, &part));
    EXPECT(WK_OK, wk_notes_watch_start(&client.by_channel, 3, part));
    wk_exit(STATUS);
}

static void read_one(void *session)
{
    uint64_t words[4];

    EXPECT(WK_OK, wk_notes_read(*(wk_handle *)session, 0, &words[0], &words[1], &words[2], &words[3]));
}

/* What it owned and gave is served; what it lent, or gave of what it had borrowed from itself, has gone with it. */
static void let_go(struct actor *actor)
{
    struct wk_thread reader;
    wk_handle session = client_mint(1), ready = 0, start = 0;
    uint64_t bits;

    EXPECT(WK_OK, wk_event_create(wk_self.bank, &gate));
    EXPECT(WK_OK, wk_event_create(wk_self.bank, &ready));
    EXPECT(WK_OK, wk_event_create(wk_self.bank, &start));
    actor_lend(actor, "ready", ready, WK_EVENT_RIGHT_SIGNAL);
    actor_lend(actor, "begin", start, WK_EVENT_RIGHT_WAIT);
    actor_start(actor, 2, (const char *const[]){"test-carrying_peers", "goner"});
    EXPECT(WK_OK, wk_event_wait(ready, 1, wk_after_ns(SERVING_PATIENCE_NS), &bits));
    watched = saved = 0;
    EXPECT(WK_OK, wk_thread_run(&reader, read_one, &session, 8, 100));
    EXPECT(WK_OK, wk_event_wait(gate, HELD, wk_after_ns(SERVING_PATIENCE_NS), &bits));
    EXPECT(WK_OK, wk_event_signal(start, 1));
    EXPECT(WK_OK, wk_event_wait(actor->event, 1, wk_after_ns(SERVING_PATIENCE_NS), &bits));
    EQUAL(0, watched);
    EXPECT(WK_OK, wk_event_signal(actor->event, 1)); /* for who waits for it next */
    EXPECT(WK_OK, wk_event_signal(gate, OPEN));
    EXPECT(WK_OK, wk_thread_join(&reader, wk_after_ns(SERVING_PATIENCE_NS)));
    EXPECT(WK_OK, wk_capability_delete(session));
    EXPECT(WK_OK, wk_capability_delete(gate));
    EXPECT(WK_OK, wk_capability_delete(ready));
    EXPECT(WK_OK, wk_capability_delete(start));
}

static void client_is_crowded(void)
{
    serve_actor("client", NULL);
}

static void client_goes(void)
{
    serve_actor("goner", let_go);
    EQUAL(0, saved);
    EQUAL(1, watched);
}

int main(int argc, char **argv)
{
    if (plays(argc, argv, "server"))
        play_crowded_server();
    if (plays(argc, argv, "client"))
        play_crowded_client();
    if (plays(argc, argv, "goner"))
        play_goner();
    CHECK(argc == 1);
    leaves_nothing(server_is_crowded);
    leaves_nothing(client_is_crowded);
    leaves_nothing(client_goes);
    wk_print("carrying_peers: good\n");
    return 0;
}
