/* SPDX-License-Identifier: MIT */
/* The portable parts of the file service: the tree, paths and views, sessions, and the archive's tree; every allocation fails once. */
#include "../../lib/winkle/archive.c"
#include "../../services/files/archive_tree.c"
#include "../../services/files/path.c"
#include "../../services/files/session.c"
#include "../../services/files/tree.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define READ_MODE (MODE_FILE << MODE_KIND_SHIFT | 0644)
#define NAMES 3000

static uint64_t clock_ns, drawn;
static long left_to_fail = -1; /* so many allocations succeed; negative: all */
static long held;              /* records and pages that are not given back */

/* In front of every record, so that what a test leaves can be given back. */
struct held_record {
    struct held_record *previous, *next;
};

static struct held_record all = {&all, &all};

void *pool_take(size_t bytes)
{
    struct held_record *record;

    if (left_to_fail == 0)
        return NULL;
    left_to_fail -= left_to_fail > 0;
    held++;
    record = calloc(1, sizeof(*record) + bytes);
    *record = (struct held_record){&all, all.next};
    record->next->previous = record;
    all.next = record;
    return record + 1;
}

void pool_give(void *record, size_t bytes)
{
    struct held_record *header = (struct held_record *)record - 1;

    (void)bytes;
    held--;
    header->previous->next = header->next;
    header->next->previous = header->previous;
    free(header);
}

void *pool_take_pages(uint64_t pages, wk_handle *memory)
{
    void *address = pool_take(pages * WK_PAGE_BYTES);

    *memory = (wk_handle)address;
    return address;
}

void pool_give_pages(wk_handle memory)
{
    pool_give((void *)memory, 0);
}

void content_drop(struct node *node)
{
    node->content = (struct content){0};
}

uint64_t time_now(void)
{
    return ++clock_ns;
}

void locks_session_ends(struct session *session)
{
    (void)session;
}

uint64_t random_number(void)
{
    return ++drawn * 0x9e3779b97f4a7c15;
}

/* ---- a tree ---- */

static struct node *root;
static struct view *view;

static struct text text_of(const char *path)
{
    return (struct text){path, strlen(path)};
}

static enum wk_status find_in(const struct view *in, const char *path, struct found *found)
{
    return path_find_node(in, &in->root, text_of(path), FOLLOW_ALL, found);
}

static struct node *node_in(const struct view *in, const char *path)
{
    struct found found;

    assert_int_equal(find_in(in, path, &found), WK_OK);
    return found.place.node;
}

static enum wk_status add_node(const char *path, uint16_t mode, const char *text)
{
    struct found found;
    struct node *node = node_create(mode);
    enum wk_status status =
        node == NULL ? WK_NO_MEMORY : path_find(view, &view->root, text_of(path), FOLLOW_ALL_BUT_LAST, &found);

    if (status == WK_OK && text != NULL) {
        node->text = pool_take(strlen(text) + 1);
        if (node->text == NULL)
            status = WK_NO_MEMORY;
        else
            memcpy(node->text, text, strlen(text));
        node->size = strlen(text);
    }
    if (status == WK_OK)
        status = name_add(found.directory.node, found.text, found.length, found.hash, NAME_TEXT_COPIED, node);
    if (node != NULL)
        node_release(node);
    return status;
}

static void make(const char *path, uint16_t mode, const char *text)
{
    assert_int_equal(add_node(path, mode, text), WK_OK);
}

static void take_away(const char *path)
{
    struct found found;

    assert_int_equal(path_find_node(view, &view->root, text_of(path), FOLLOW_ALL_BUT_LAST, &found), WK_OK);
    name_remove(found.name);
}

static int set_up(void **state)
{
    (void)state;
    assert_int_equal(tree_create(1, 4, &root), WK_OK);
    view = view_create(NULL, &(struct place){root, false});
    assert_non_null(view);
    make("/a", DIRECTORY_MODE, NULL);
    make("/a/b", DIRECTORY_MODE, NULL);
    make("/a/b/f", READ_MODE, NULL);
    make("/l", MODE_LINK << MODE_KIND_SHIFT | 0777, "a/b/f");
    make("/a/up", MODE_LINK << MODE_KIND_SHIFT | 0777, "../../../a/");
    make("/a/abs", MODE_LINK << MODE_KIND_SHIFT | 0777, "/f");
    make("/loop", MODE_LINK << MODE_KIND_SHIFT | 0777, "loop/x");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    while (all.next != &all)
        pool_give(all.next + 1, 0);
    block_count = 0;
    free_sessions = NULL;
    open_count = 0;
    memset(with_tickets, 0, sizeof(with_tickets));
    return 0;
}

static void assert_path(const struct view *in, struct node *node, const char *wanted)
{
    char buffer[64], *path;

    assert_int_equal(path_of(in, node, buffer, sizeof(buffer), &path), WK_OK);
    assert_int_equal(buffer + sizeof(buffer) - path, strlen(wanted));
    assert_memory_equal(path, wanted, strlen(wanted));
}

static void paths_are_walked(void **state)
{
    struct node *file = node_in(view, "/a/b/f");
    struct found found;

    (void)state;
    assert_ptr_equal(node_in(view, "a//b/./f"), file);
    assert_ptr_equal(node_in(view, "l"), file);
    assert_ptr_equal(node_in(view, "a/up/b/../b/f"), file);
    assert_ptr_equal(node_in(view, "/../../a/b/f"), file);
    assert_ptr_equal(node_in(view, "/"), root);
    assert_ptr_equal(node_in(view, ".."), root);
    assert_int_equal(find_in(view, "", &found), WK_NOT_FOUND);
    assert_int_equal(find_in(view, "x", &found), WK_NOT_FOUND);
    assert_int_equal(find_in(view, "x/y", &found), WK_NOT_FOUND);
    assert_int_equal(find_in(view, "l/", &found), WK_NOT_DIRECTORY);
    assert_int_equal(find_in(view, "l/x", &found), WK_NOT_DIRECTORY);
    assert_int_equal(find_in(view, "loop", &found), WK_TOO_MANY_LINKS);
    assert_int_equal(find_in(view, "a/abs", &found), WK_NOT_FOUND);
    assert_int_equal(path_find(view, &view->root, (struct text){"a/bc", 3}, FOLLOW_ALL, &found), WK_OK);
    assert_memory_equal(found.text, "b", 1);
    assert_int_equal(path_find(view, &view->root, (struct text){"a\0b", 3}, FOLLOW_ALL, &found), WK_OK);
    assert_ptr_equal(found.place.node, node_in(view, "a"));
    assert_path(view, file, "/a/b/f");
    assert_path(view, root, "/");
}

static void last_names_are_kept(void **state)
{
    struct found found;

    (void)state;
    assert_int_equal(path_find(view, &view->root, text_of("a/new//"), FOLLOW_ALL, &found), WK_OK);
    assert_null(found.place.node);
    assert_true(found.wants_directory);
    assert_int_equal(found.length, 3);
    assert_memory_equal(found.text, "new", 3);
    assert_ptr_equal(found.directory.node, node_in(view, "a"));
    assert_int_equal(path_find(view, &view->root, text_of("a/."), FOLLOW_ALL, &found), WK_OK);
    assert_null(found.directory.node);
    assert_int_equal(path_find(view, &view->root, text_of("l"), FOLLOW_ALL_BUT_LAST, &found), WK_OK);
    assert_true(node_is_link(found.place.node));
}

static void views_end_at_their_root(void **state)
{
    struct node *directory = node_in(view, "/a/b"), *file = node_in(view, "/a/b/f");
    struct view *inner = view_create(view, &(struct place){directory, true});
    struct found found;

    (void)state;
    assert_ptr_equal(node_in(inner, "/f"), file);
    assert_ptr_equal(node_in(inner, "../../f"), file);
    assert_int_equal(find_in(inner, "/a", &found), WK_NOT_FOUND);
    assert_int_equal(find_in(inner, "f", &found), WK_OK);
    assert_true(found.place.is_read_only && found.directory.is_read_only);
    assert_path(inner, file, "/f");
    /* from outside there is no way up, and no path */
    assert_int_equal(
        path_find_node(inner, &(struct place){node_in(view, "/a"), false}, text_of(".."), FOLLOW_ALL, &found),
        WK_NOT_FOUND);
    assert_int_equal(path_of(inner, node_in(view, "/a"), (char[8]){0}, 8, &(char *){NULL}), WK_NOT_FOUND);
    view_release(inner);
}

static void binds_lead_across_and_back(void **state)
{
    struct view *inner = view_create(view, &(struct place){node_in(view, "/a"), false}), *copy;
    const struct place at = {node_in(view, "/a/b"), false}, to = {root, true};
    struct found found;

    (void)state;
    make("/a/other", DIRECTORY_MODE, NULL);
    make("/plain", READ_MODE, NULL);
    assert_int_equal(view_bind(inner, &at, &to), WK_OK);
    assert_int_equal(view_bind(inner, &at, &(struct place){node_in(view, "/a/other"), false}), WK_EXISTS);
    assert_int_equal(find_in(inner, "b/a/b/f", &found), WK_NOT_FOUND); /* /a/b is bound wherever it is met */
    assert_int_equal(find_in(inner, "b/l", &found), WK_NOT_FOUND);
    assert_int_equal(find_in(inner, "b", &found), WK_OK);
    assert_true(found.is_bound && found.place.is_read_only && !found.directory.is_read_only);
    assert_int_equal(find_in(inner, "b/plain", &found), WK_OK); /* only the directory itself is */
    assert_false(found.is_bound);
    assert_ptr_equal(node_in(inner, "b/.."), node_in(view, "/a"));
    assert_int_equal(find_in(inner, "b/../other", &found), WK_OK);
    assert_false(found.place.is_read_only);
    assert_path(inner, root, "/b");
    copy = view_create(inner, &inner->root);
    view_release(inner);
    assert_int_equal(find_in(copy, "b/loop", &found), WK_TOO_MANY_LINKS);
    view_release(copy);
}

static void names_come_and_go(void **state)
{
    struct node *directory = node_in(view, "/a");
    struct name *name;
    unsigned count = 0;
    char path[32];

    (void)state;
    for (unsigned i = 0; i < NAMES; i++) {
        sprintf(path, "/a/n%u", i);
        make(path, i % 2 != 0 ? READ_MODE : DIRECTORY_MODE, NULL);
    }
    assert_int_equal(directory->names.count, NAMES + 3);
    assert_int_equal(node_links(directory), 3 + NAMES / 2);
    for (uint64_t cookie = 0; (name = name_at(directory, cookie)) != NULL; cookie = name->cookie + 1) {
        directory->names.resume = name->next;
        count++;
    }
    assert_int_equal(count, NAMES + 3);
    for (unsigned i = 0; i < NAMES; i++) {
        sprintf(path, "/a/n%u", i);
        take_away(path);
    }
    assert_int_equal(directory->names.count, 3);
    assert_null(directory->names.resume);
}

static void nodes_live_while_used(void **state)
{
    struct node *file = node_in(view, "/a/b/f");
    const long before = held;

    (void)state;
    node_use(file);
    take_away("/a/b/f");
    assert_int_equal(node_links(file), 0);
    assert_int_equal(held, before - 1); /* the name */
    node_release(file);
    assert_int_equal(held, before - 2);
}

static void sessions_open_and_close(void **state)
{
    struct session *first, *second;
    uint64_t ticket;
    long before;

    (void)state;
    assert_int_equal(sessions_create(root, 3), WK_OK);
    assert_ptr_equal(session_with(0)->place.node, root);
    before = held;
    assert_null(session_with(1));
    assert_null(session_with(UINT64_MAX));
    assert_int_equal(session_open(session_with(0)->view, &view->root, 1, &first), WK_OK);
    assert_int_equal(session_open(session_with(0)->view, &view->root, 1, &second), WK_OK);
    assert_int_equal(session_open(session_with(0)->view, &view->root, 1, &second), WK_NO_MEMORY);
    ticket = session_ticket(first);
    assert_int_equal(session_ticket(first), ticket);
    assert_ptr_equal(session_of_ticket(ticket), first);
    assert_null(session_of_ticket(ticket + 1));
    assert_null(session_of_ticket(0));
    session_note_end(first->badge);
    session_note_end(0); /* the root's stays */
    session_note_end(12345);
    sessions_close_ended();
    assert_null(session_of_ticket(ticket));
    assert_int_equal(sessions_open(), 2);
    session_close(second);
    assert_int_equal(held, before);
}

/* ---- the archive's tree ---- */

static char archive_bytes[4096];
static size_t archive_length;

static void add_entry_of(unsigned mode, const char *name, const char *content)
{
    archive_length +=
        (size_t)sprintf(archive_bytes + archive_length, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x", 1,
                        mode, 0, 0, 1, 7, (unsigned)strlen(content), 0, 0, 0, 0, (unsigned)strlen(name) + 1, 0);
    for (int i = 0; i < 2; i++) {
        const char *part = i == 0 ? name : content;

        memcpy(archive_bytes + archive_length, part, strlen(part) + (i == 0));
        archive_length = (archive_length + strlen(part) + (i == 0) + 3) & ~(size_t)3;
    }
}

static struct wk_archive an_archive(void)
{
    memset(archive_bytes, 0, sizeof(archive_bytes));
    archive_length = 0;
    add_entry_of(0100555, "bin/hello", "native");
    add_entry_of(0040711, "root/etc", "");
    add_entry_of(0100640, "root/etc/motd", "welcome");
    add_entry_of(0120777, "root/link", "etc/motd");
    add_entry_of(0100644, "root/deep/er/file", "x");
    add_entry_of(0100644, "root/etc/motd/below", "no directory");
    add_entry_of(0100644, "rootless", "not below the prefix");
    add_entry_of(0, "TRAILER!!!", "");
    return (struct wk_archive){(const uint8_t *)archive_bytes, archive_length};
}

static void the_archive_is_a_tree(void **state)
{
    const struct wk_archive archive = an_archive();
    struct found found;
    struct node *file;

    (void)state;
    assert_int_equal(archive_entries(&archive), 7);
    assert_int_equal(archive_add(root, &archive, "root"), WK_OK);
    assert_int_equal(standard_add(root), WK_OK);
    file = node_in(view, "/link");
    assert_ptr_equal(file, node_in(view, "/etc/motd"));
    assert_int_equal(file->mode, 0100640);
    assert_memory_equal(archive_bytes + file->content.archive_offset, "welcome", 7);
    assert_int_equal(file->modified, 7 * WK_NS_PER_SECOND);
    assert_int_equal(node_in(view, "/etc")->mode, 040711);
    assert_int_equal(node_in(view, "/deep/er/file")->size, 1);
    assert_int_equal(node_in(view, "/winkle/hello")->size, 6);
    assert_int_equal(node_in(view, "/dev/null")->device, 0x103);
    assert_int_equal(find_in(view, "/rootless", &found), WK_NOT_FOUND);
}

/* Whichever allocation fails, it is an answer, and nothing is half made. */
static void allocations_fail(void **state)
{
    const struct wk_archive archive = an_archive();
    enum wk_status status = WK_NO_MEMORY;

    (void)state;
    for (long fail = 0; status == WK_NO_MEMORY; fail++) {
        left_to_fail = fail;
        status = archive_add(root, &archive, "root");
        if (status == WK_OK)
            status = standard_add(root);
        if (status == WK_OK)
            status = add_node("/made", MODE_LINK << MODE_KIND_SHIFT, "to");
        left_to_fail = -1;
    }
    assert_int_equal(status, WK_OK);
    assert_int_equal(node_in(view, "/etc/motd")->size, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(paths_are_walked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(last_names_are_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(views_end_at_their_root, set_up, tear_down),
        cmocka_unit_test_setup_teardown(binds_lead_across_and_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(names_come_and_go, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nodes_live_while_used, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sessions_open_and_close, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_archive_is_a_tree, set_up, tear_down),
        cmocka_unit_test_setup_teardown(allocations_fail, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
