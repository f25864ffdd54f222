/* SPDX-License-Identifier: MIT */
/*
 * The file service and clients that mean it ill: lengths, capabilities and tickets that are not theirs, ways out of a view,
 * all the room there is, and sudden ends. Afterwards it serves as before, and what they took has come back.
 */
#include "files.h"

#include <winkle/calls.h>
#include <winkle/clock.h>
#include <winkle/event.h>

#define READ WK_OPEN_OPTIONS_READ
#define WRITE WK_OPEN_OPTIONS_WRITE
#define CREATE (READ | WRITE | WK_OPEN_OPTIONS_CREATE | UINT64_C(0644) << 16)
#define SERVICE_PAGES 1024
#define BEYOND (SHARED_BYTES - 4)
#define ROUNDS 6
#define SESSIONS_MOST 2048 /* more than a view may have */

static struct files files;
static wk_handle root;

/* ---- arguments ---- */

static void lengths_are_checked(void)
{
    struct opened opened = {0};
    uint64_t count = 0, next = 0;
    wk_handle node = open_node(root, "/etc/motd", READ), own = open_node(root, "/tmp/own", CREATE);

    EXPECT(WK_BAD_ARGUMENT, wk_directory_open(root, READ, shared_memory, BEYOND, 5, &opened.node, &opened.kind,
                                              &opened.device, &opened.identity, &opened.key));
    EXPECT(WK_BAD_ARGUMENT, wk_directory_open(root, READ, shared_memory, UINT64_MAX - 2, 4, &opened.node, &opened.kind,
                                              &opened.device, &opened.identity, &opened.key));
    EXPECT(WK_BAD_ARGUMENT, wk_directory_open(root, READ, shared_memory, 0, 0, &opened.node, &opened.kind,
                                              &opened.device, &opened.identity, &opened.key));
    EXPECT(WK_BAD_ARGUMENT, wk_directory_open(root, READ, shared_memory, 0, 4096, &opened.node, &opened.kind,
                                              &opened.device, &opened.identity, &opened.key));
    EXPECT(WK_BAD_ARGUMENT, wk_directory_make_link(root, 4, shared_memory, BEYOND, 4));
    EXPECT(WK_BAD_ARGUMENT, wk_directory_rename(root, 4095, shared_memory, SHARED_BYTES - 4095, 4095, 0, 0));
    EXPECT(WK_BAD_ARGUMENT, wk_file_read(node, shared_memory, BEYOND, 0, 100, &count));
    EXPECT(WK_OK, wk_file_read(node, shared_memory, BEYOND, 5, UINT64_MAX, &count)); /* three are left */
    EQUAL(3, count);
    EXPECT(WK_OK, wk_file_read(node, shared_memory, 0, UINT64_MAX - 1, UINT64_MAX, &count));
    EQUAL(0, count);
    EXPECT(WK_BAD_ARGUMENT, wk_file_list(root, shared_memory, BEYOND, 100, 0, &count, &next));
    EXPECT(WK_OK, wk_file_list(root, shared_memory, 0, UINT64_MAX, UINT64_MAX - 1, &count, &next));
    EQUAL(0, count);
    EXPECT(WK_BAD_ARGUMENT, wk_file_path(node, shared_memory, BEYOND, 100, &count));
    EXPECT(WK_NAME_TOO_LONG, wk_file_path(node, shared_memory, 0, 3, &count));
    EXPECT(WK_NO_MEMORY, wk_file_locate(own, WK_DIRECTION_WRITING, UINT64_MAX - 1, 4, &count, &next));
    EXPECT(WK_NO_MEMORY, wk_file_locate(own, WK_DIRECTION_WRITING, 0, UINT64_MAX, &count, &next));
    EXPECT(WK_NO_MEMORY, wk_file_locate(own, WK_DIRECTION_WRITING, 0, UINT64_C(1) << 40, &count, &next));
    EXPECT(WK_NO_MEMORY, wk_file_set_size(own, UINT64_MAX));
    EQUAL(0, status_of(own).size);
    close_node(node);
    close_node(own);
}

static void capabilities_are_checked(void)
{
    wk_handle event = 0, unreadable = 0, node = open_node(root, "/etc/motd", READ);
    wk_handle hello = open_node(root, "/bin/hello", READ);
    uint64_t words[6] = {READ, 0, 0, 4}, count = 0;

    EXPECT(WK_OK, wk_event_create(wk_self.bank, &event));
    EXPECT(WK_OK, wk_capability_lend(shared_memory, WK_MEMORY_RIGHT_WRITE, &unreadable));
    EXPECT(WK_NOT_ACCEPTED, wk_directory_make(root, WK_NODE_KIND_DIRECTORY, 0, 0, wk_self.bank, 0, 4));
    EXPECT(WK_WRONG_TYPE, wk_directory_make(root, WK_NODE_KIND_DIRECTORY, 0, 0, event, 0, 4));
    EXPECT(WK_WRONG_TYPE, wk_directory_make(root, WK_NODE_KIND_DIRECTORY, 0, 0, wk_self.process, 0, 4));
    EXPECT(WK_WRONG_TYPE, wk_file_map(hello, shared_memory, 0x10000, 0, 1, 0));
    EXPECT(WK_NO_RIGHT, wk_directory_make(root, WK_NODE_KIND_DIRECTORY, 0, 0, unreadable, 0, 4));
    EXPECT(WK_BAD_ARGUMENT, wk_call(root, WK_DIRECTORY_OPEN, words, WK_NO_DEADLINE)); /* a number for a capability */
    EXPECT(WK_NO_SUCH_OPERATION, wk_call(root, WK_DIRECTORY_BIND + 0x500, words, WK_NO_DEADLINE));
    EXPECT(WK_OK, wk_capability_delete(unreadable));
    EXPECT(WK_OK, wk_capability_lend(shared_memory, WK_MEMORY_RIGHT_READ, &unreadable));
    EXPECT(WK_NO_RIGHT, wk_file_read(node, unreadable, 0, 0, 4, &count));
    EXPECT(WK_OK, wk_file_read(node, shared_memory, 0, WK_CURRENT, 4, &count)); /* and its position did not move */
    CHECK(memcmp(shared, "Welc", 4) == 0);
    EXPECT(WK_OK, wk_capability_delete(unreadable));
    EXPECT(WK_OK, wk_capability_delete(event));
    close_node(hello);
    close_node(node);
}

static void tickets_end(void)
{
    wk_handle node = open_node(root, "/tmp/own", READ);
    const uint64_t ticket = ticket_of(node);

    EQUAL(ticket, ticket_of(node));
    for (uint64_t i = 1; i < 200; i++) {
        EXPECT(WK_NOT_FOUND, wk_directory_link_here(root, ticket + i, shared_memory, 0, put_text(0, "/tmp/guessed")));
        EXPECT(WK_NOT_FOUND, wk_directory_link_here(root, i, shared_memory, 0, put_text(0, "/tmp/guessed")));
    }
    close_node(node);
    while (wk_directory_link_here(root, ticket, shared_memory, 0, put_text(0, "/tmp/ended")) != WK_NOT_FOUND) {
        EXPECT(WK_OK, remove_at(root, "/tmp/ended", 0));
        files_nap();
    }
    EXPECT(WK_NOT_FOUND, wk_directory_link_here(root, ticket, shared_memory, 0, put_text(0, "/tmp/ended")));
}

/* ---- locks ---- */

static enum wk_status lock(wk_handle node, uint64_t type, uint64_t first, uint64_t last, uint64_t owner,
                           uint64_t waiter)
{
    return wk_file_lock(node, type, first, last, owner, waiter, 0);
}

/* Owners and waiters are not guessed, and whoever holds a lock and goes is noticed though nobody calls any more. */
static void locks_are_checked(void)
{
    wk_handle node = open_node(root, "/tmp/own", READ | WRITE), other = open_node(root, "/tmp/own", READ);
    wk_handle named = open_node(root, "/tmp/own", WK_OPEN_OPTIONS_PATH), event = 0, part = 0, waiter = 0;
    uint64_t number = 0, bits = 0;

    EXPECT(WK_BAD_ARGUMENT, lock(node, WK_LOCK_TYPE_EXCLUSIVE + 1, 0, 0, 0, 0));
    EXPECT(WK_BAD_ARGUMENT, lock(node, WK_LOCK_TYPE_SHARED, 1, 0, 0, 0));
    EXPECT(WK_BAD_ARGUMENT, lock(node, WK_LOCK_TYPE_SHARED, 0, 0, 12345, 0));
    EXPECT(WK_NO_RIGHT, lock(other, WK_LOCK_TYPE_EXCLUSIVE, 0, 0, 0, 0));
    EXPECT(WK_NO_RIGHT, wk_file_lock(named, WK_LOCK_TYPE_SHARED, 0, 0, 0, 0, WK_LOCK_OPTIONS_WHOLE));
    EXPECT(WK_OK, lock(node, WK_LOCK_TYPE_EXCLUSIVE, 0, UINT64_MAX, 0, 0));
    EXPECT(WK_WOULD_BLOCK, lock(other, WK_LOCK_TYPE_SHARED, 5, 5, 0, 0));
    EXPECT(WK_BAD_ARGUMENT, lock(other, WK_LOCK_TYPE_SHARED, 5, 5, 0, 12345));
    EXPECT(WK_BAD_ARGUMENT, lock(other, WK_LOCK_TYPE_SHARED, 5, 5, 0, ticket_of(node))); /* that is no waiter */
    EXPECT(WK_BAD_ARGUMENT, wk_file_unlock(other, 12345, 1));
    EXPECT(WK_BAD_ARGUMENT, wk_file_wait_no_more(other, 12345));
    EXPECT(WK_OK, wk_event_create(wk_self.bank, &event));
    EXPECT(WK_OK, wk_capability_dup(event, WK_EVENT_RIGHT_SIGNAL, &part));
    EXPECT(WK_OK, wk_file_enlist(root, part, 1, &waiter, &number));
    EXPECT(WK_WOULD_BLOCK, lock(other, WK_LOCK_TYPE_SHARED, 5, 5, 0, number));
    close_node(node);
    EXPECT(WK_OK, wk_event_wait(event, 1, wk_after_ns(ACTOR_PATIENCE_NS), &bits));
    EXPECT(WK_OK, lock(other, WK_LOCK_TYPE_SHARED, 5, 5, 0, number));
    close_node(waiter);
    close_node(other);
    close_node(named);
    EXPECT(WK_OK, wk_capability_delete(event));
}

/* ---- ways out ---- */

static void nothing_leads_out(void)
{
    static const char *const ways[] = {
        "..",
        "../..",
        "/..",
        "/../..",
        "/../etc/motd",
        "../etc/motd",
        "./../../etc/motd",
        "in/../../etc/motd",
        "/in/../../../etc/motd",
        "//../etc/motd",
        "up/etc/motd",
        "out",
        "rootlink/etc/motd",
        "up/up/up/etc/motd",
        "in/up/../../etc/motd",
        "loop/../../etc/motd",
        ".../etc/motd",
        "..//..//etc//motd",
        "/tmp/jail/../../etc/motd",
        "in/deeper/../../../../../../../../../../../../etc/motd",
        "/proc/self/root/etc/motd",
        "winkle/hello",
        "/winkle/hello",
        "up/winkle/hello",
        "/dev/null",
    };
    wk_handle jail, view = 0;
    struct node_status status = {0};
    const uint64_t outside = status_of(root).identity;

    EXPECT(WK_OK, make_at(root, WK_NODE_KIND_DIRECTORY, "/tmp/jail"));
    EXPECT(WK_OK, make_at(root, WK_NODE_KIND_DIRECTORY, "/tmp/jail/in"));
    EXPECT(WK_OK, make_at(root, WK_NODE_KIND_DIRECTORY, "/tmp/jail/in/deeper"));
    EXPECT(WK_OK, link_at(root, "../..", "/tmp/jail/up"));
    EXPECT(WK_OK, link_at(root, "../../..", "/tmp/jail/in/up"));
    EXPECT(WK_OK, link_at(root, "/etc/motd", "/tmp/jail/out"));
    EXPECT(WK_OK, link_at(root, "/", "/tmp/jail/rootlink"));
    EXPECT(WK_OK, link_at(root, "loop/..", "/tmp/jail/loop"));
    jail = open_node(root, "/tmp/jail", READ);
    EXPECT(WK_OK, wk_directory_view(jail, 0, &view));
    for (unsigned i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        const enum wk_status answer = status_at(view, ways[i], 1, &status);

        CHECK(answer == WK_NOT_FOUND || answer == WK_TOO_MANY_LINKS ||
              (answer == WK_OK && status.identity == status_of(jail).identity));
        CHECK(status.identity != outside);
    }
    EXPECT(WK_OK, rename_at(view, "in", "../inside", 0, 0));
    EXPECT(WK_OK, probe(view, "inside", READ));
    close_node(view);
    close_node(jail);
}

static void paths_are_bounded(void)
{
    char name[400];

    memset(name, 'n', sizeof(name));
    name[256] = '\0';
    EXPECT(WK_NAME_TOO_LONG, probe(root, name, CREATE));
    EXPECT(WK_NAME_TOO_LONG, make_at(root, WK_NODE_KIND_DIRECTORY, name));
    name[255] = '\0';
    EXPECT(WK_OK, probe(root, name, CREATE));
    EXPECT(WK_OK, remove_at(root, name, 0));
    /* forty links, and one more */
    for (unsigned i = 0; i < 42; i++) {
        char text[16];

        wk_print_text(name, sizeof(name), "/tmp/l%u", i + 1);
        wk_print_text(text, sizeof(text), i == 0 ? "own" : "l%u", i);
        EXPECT(WK_OK, link_at(root, text, name));
    }
    EXPECT(WK_OK, probe(root, "/tmp/l40", READ));
    EXPECT(WK_TOO_MANY_LINKS, probe(root, "/tmp/l41", READ));
}

/* ---- room ---- */

/* Bytes until there is no room: the file that got none is as it was, and all of it comes back. */
static void room_for_bytes_ends(void)
{
    wk_handle node = open_node(root, "/tmp/full", CREATE);
    const uint64_t before = files_free_pages(root);
    uint64_t size = 0;
    enum wk_status status;

    do {
        status = write_at(node, size, "x");
        size += status == WK_OK ? WK_PAGE_BYTES : 0;
    } while (status == WK_OK);
    EQUAL(WK_NO_MEMORY, status);
    CHECK(size / WK_PAGE_BYTES + 16 > before);
    EXPECT(WK_OK, probe(root, "/tmp/none", CREATE));                       /* names are paid otherwise */
    EXPECT(WK_NO_MEMORY, probe(root, "/winkle/test-files", READ | WRITE)); /* no room for a copy: it stays */
    EXPECT(WK_OK, probe(root, "/winkle/test-files", READ));
    close_node(node);
    EXPECT(WK_OK, remove_at(root, "/tmp/full", 0));
    EXPECT(WK_OK, remove_at(root, "/tmp/none", 0));
    files_expect_free(root, before);
}

/* Names until there is no room; then they go, and as many find room again. */
static unsigned fill_with_names(void)
{
    unsigned count = 0;
    char name[64];

    for (;; count++) {
        wk_print_text(name, sizeof(name), "/tmp/fill/a-name-of-some-length-%u", count);
        if (make_at(root, WK_NODE_KIND_FIFO, name) != WK_OK)
            break;
    }
    EXPECT(WK_NO_MEMORY, make_at(root, WK_NODE_KIND_FIFO, name));
    for (unsigned i = 0; i < count; i++) {
        wk_print_text(name, sizeof(name), "/tmp/fill/a-name-of-some-length-%u", i);
        EXPECT(WK_OK, remove_at(root, name, 0));
    }
    return count;
}

static void room_for_names_ends(void)
{
    unsigned first;

    EXPECT(WK_OK, make_at(root, WK_NODE_KIND_DIRECTORY, "/tmp/fill"));
    first = fill_with_names();
    CHECK(first > 1000);
    EQUAL(first, fill_with_names());
    EXPECT(WK_OK, remove_at(root, "/tmp/fill", 1));
}

/* A view made from a view takes of what that one may have; one of the whole tree does not. */
static void views_share(void)
{
    static wk_handle nodes[SESSIONS_MOST];
    wk_handle view = 0, inner = 0, other = 0;
    struct opened opened;
    unsigned count = 0;
    enum wk_status status = WK_OK;

    EXPECT(WK_OK, wk_directory_view(root, 0, &view));
    EXPECT(WK_OK, wk_directory_view(root, 0, &other));
    EXPECT(WK_OK, wk_directory_view(view, 0, &inner));
    for (; count < SESSIONS_MOST && (status = try_open(inner, "/etc", READ, &opened)) == WK_OK; count++)
        nodes[count] = opened.node;
    EXPECT(WK_NO_MEMORY, status);
    CHECK(count > 10);
    EXPECT(WK_NO_MEMORY, probe(view, "/etc", READ));
    EXPECT(WK_OK, probe(other, "/etc", READ));
    while (count-- > 0)
        close_node(nodes[count]);
    close_node(inner);
    while (probe(view, "/etc", READ) == WK_NO_MEMORY) /* until the ends have been told */
        EXPECT(WK_OK, wk_thread_sleep(wk_self.start->thread, wk_after_ns(20000000)));
    close_node(view);
    close_node(other);
}

/* ---- clients that end ---- */

/* Opens what it can, makes files, and stops in the midst of it: its bank, table or the service says no. */
static int play_greedy(void)
{
    wk_handle session = wk_named_handle("files");
    struct path_words file = path_words("/tmp/greedy"), directory = path_words("/");
    struct opened opened;
    unsigned count = 0;
    enum wk_status status;

    do {
        struct path_words *path = ++count % 2 != 0 ? &file : &directory;

        status = wk_directory_open_short(session, count % 2 != 0 ? CREATE : READ, path->words[0], path->words[1],
                                         path->words[2], path->words[3], path->words[4], &opened.node, &opened.kind,
                                         &opened.device, &opened.identity, &opened.key);
        if (status == WK_OK && count % 64 == 0)
            wk_file_ticket(opened.node, &opened.identity);
        if (status == WK_OK && count % 64 == 1)
            wk_file_locate(opened.node, WK_DIRECTION_WRITING, WK_CURRENT, 1, &opened.device, &opened.identity);
    } while (status == WK_OK);
    CHECK(status == WK_NO_MEMORY || status == WK_TABLE_FULL);
    return count > 100 ? 0 : 1;
}

/* Calls for ever, until it is killed. */
__attribute__((noreturn)) static void play_restless(void)
{
    for (;;) {
        struct opened opened;
        const struct path_words path = path_words("/tmp/restless");

        if (wk_directory_open_short(wk_named_handle("files"), CREATE, path.words[0], path.words[1], path.words[2],
                                    path.words[3], path.words[4], &opened.node, &opened.kind, &opened.device,
                                    &opened.identity, &opened.key) == WK_OK)
            wk_capability_delete(opened.node);
    }
}

/*
 * One client from its start to its end, and until the service has seen each of its sessions end: the bytes of the file that
 * it made come back with the last of them. A new client meets no record of the one before, so how many records there were
 * at once does not depend on how soon ends are told.
 */
static void one_client(const char *part, const char *file, bool is_killed)
{
    const uint64_t free = files_free_pages(root);
    struct actor client;
    wk_handle view = 0;
    enum wk_status status;

    EXPECT(WK_OK, wk_directory_view(root, 0, &view));
    actor_prepare(&client, ACTOR_BANK_PAGES);
    actor_lend(&client, "files", view, WK_RIGHTS_ALL);
    actor_play(&client, part);
    if (is_killed) {
        EXPECT(WK_OK, wk_thread_sleep(wk_self.start->thread, wk_after_ns(20000000)));
        EXPECT(WK_OK, wk_process_kill(client.child.process, 0));
    }
    actor_end_well(&client, 0);
    EXPECT(WK_OK, probe(root, "/etc/motd", READ)); /* whatever it took, it did not take all */
    close_node(view);
    status = remove_at(root, file, 0);
    CHECK(status == WK_OK || (is_killed && status == WK_NOT_FOUND)); /* killed before it made any */
    files_expect_free(root, free);
}

/* What the service has taken of its bank, once ends that were told take effect no more: they do so some 20 ms after a call. */
static uint64_t settled_pages(void)
{
    uint64_t before, now = used_pages(files.actor.bank);

    do {
        before = now;
        EXPECT(WK_OK, wk_thread_sleep(wk_self.start->thread, wk_after_ns(50000000)));
        now = used_pages(files.actor.bank);
    } while (now != before);
    return now;
}

/*
 * What records have been stays theirs, for those of the next client. A round may find more sessions ended and not yet told at
 * once than any round before it, and then takes pages for their records; what is lost is lost in every round.
 */
static void clients_end(void)
{
    uint64_t used = settled_pages(), least = UINT64_MAX;

    for (unsigned i = 0; i < ROUNDS; i++) {
        const uint64_t before = used;

        one_client("greedy", "/tmp/greedy", false);
        one_client("restless", "/tmp/restless", true);
        used = settled_pages();
        least = used - before < least ? used - before : least;
    }
    EQUAL(0, least);
}

int main(int argc, char **argv)
{
    if (plays(argc, argv, "greedy"))
        return play_greedy();
    if (plays(argc, argv, "restless"))
        play_restless();
    files_start(&files, SERVICE_PAGES, "test-root");
    root = files.root;
    lengths_are_checked();
    capabilities_are_checked();
    tickets_end();
    locks_are_checked();
    nothing_leads_out();
    paths_are_bounded();
    room_for_bytes_ends();
    views_share();
    clients_end();
    room_for_names_ends();
    EXPECT(WK_OK, probe(root, "/etc/motd", READ));
    files_end(&files);
    wk_print("files_hostile: good\n");
    return 0;
}
