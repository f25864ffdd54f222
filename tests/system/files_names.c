/* SPDX-License-Identifier: MIT */
/* The file service: directories, links, names that change, listings, views and what is bound in them. */
#include "files.h"

#define READ WK_OPEN_OPTIONS_READ
#define WRITE WK_OPEN_OPTIONS_WRITE
#define CREATE (READ | WRITE | WK_OPEN_OPTIONS_CREATE | UINT64_C(0644) << 16)
#define NAMED_ONLY WK_OPEN_OPTIONS_PATH
#define LINKS(status) ((status).mode >> 16 & 0xffff)
#define MANY 300

static struct files files;
static wk_handle root;

static uint64_t links_of(const char *path)
{
    struct node_status status = {0};

    EXPECT(WK_OK, status_at(root, path, 0, &status));
    return LINKS(status);
}

static void make_file(wk_handle directory, const char *path, const char *text)
{
    wk_handle node = open_node(directory, path, CREATE);

    EXPECT(WK_OK, write_at(node, 0, text));
    close_node(node);
}

static void expect_file(wk_handle directory, const char *path, const char *text)
{
    wk_handle node = open_node(directory, path, READ);

    expect_text(node, 0, text);
    close_node(node);
}

static void directories_are_made(void)
{
    EXPECT(WK_OK, make_at(root, WK_NODE_KIND_DIRECTORY, "/tmp/a"));
    EXPECT(WK_EXISTS, make_at(root, WK_NODE_KIND_DIRECTORY, "/tmp/a"));
    EXPECT(WK_EXISTS, make_at(root, WK_NODE_KIND_DIRECTORY, "/"));
    EXPECT(WK_OK, make_at(root, WK_NODE_KIND_DIRECTORY, "/tmp/a/b/"));
    EXPECT(WK_NOT_FOUND, make_at(root, WK_NODE_KIND_DIRECTORY, "/tmp/x/y"));
    EQUAL(3, links_of("/tmp/a"));
    make_file(root, "/tmp/a/f", "text");
    EXPECT(WK_NOT_DIRECTORY, make_at(root, WK_NODE_KIND_DIRECTORY, "/tmp/a/f/g"));
    EXPECT(WK_NOT_DIRECTORY, probe(root, "/tmp/a/f/", READ));
    EXPECT(WK_IS_DIRECTORY, probe(root, "/tmp/a", WRITE));
    EXPECT(WK_IS_DIRECTORY, probe(root, "/tmp/new/", CREATE));
    EXPECT(WK_NOT_EMPTY, remove_at(root, "/tmp/a", 1));
    EXPECT(WK_IS_DIRECTORY, remove_at(root, "/tmp/a", 0));
    EXPECT(WK_NOT_DIRECTORY, remove_at(root, "/tmp/a/f", 1));
    EXPECT(WK_BAD_ARGUMENT, remove_at(root, "/tmp/a/.", 1));
    EXPECT(WK_BAD_ARGUMENT, remove_at(root, "/", 1));
    EXPECT(WK_OK, remove_at(root, "/tmp/a/b", 1));
    EQUAL(2, links_of("/tmp/a"));
    EXPECT(WK_NOT_FOUND, probe(root, "", READ));
    EXPECT(WK_OK, make_at(root, WK_NODE_KIND_FIFO, "/tmp/a/fifo"));
    EXPECT(WK_OK, make_at(root, WK_NODE_KIND_CHARACTER, "/tmp/a/null"));
    EXPECT(WK_BAD_ARGUMENT, make_at(root, WK_NODE_KIND_LINK, "/tmp/a/link"));
}

static void devices_are_named(void)
{
    struct opened opened;
    uint64_t at, count;

    EXPECT(WK_OK, try_open(root, "/tmp/a/null", READ | WRITE, &opened));
    EQUAL(WK_NODE_KIND_CHARACTER, opened.kind);
    EQUAL(0x103, opened.device);
    EXPECT(WK_NOT_AVAILABLE, wk_file_locate(opened.node, WK_DIRECTION_READING, 0, 1, &at, &count));
    close_node(opened.node);
    EXPECT(WK_OK, try_open(root, "/tmp/a/fifo", READ, &opened));
    EQUAL(WK_NODE_KIND_FIFO, opened.kind);
    close_node(opened.node);
}

static void a_removed_directory_is_empty_for_ever(void)
{
    wk_handle gone;

    EXPECT(WK_OK, make_at(root, WK_NODE_KIND_DIRECTORY, "/tmp/gone"));
    gone = open_node(root, "/tmp/gone", READ);
    EXPECT(WK_OK, remove_at(root, "/tmp/gone", 1));
    EXPECT(WK_NOT_FOUND, probe(gone, "x", CREATE));
    EXPECT(WK_NOT_FOUND, make_at(gone, WK_NODE_KIND_DIRECTORY, "x"));
    EXPECT(WK_NOT_FOUND, link_at(gone, "x", "y"));
    EXPECT(WK_NOT_FOUND, rename_at(root, "/tmp/a/f", "f", ticket_of(gone), 0));
    EXPECT(WK_NOT_FOUND, probe(gone, "..", READ));
    EXPECT(WK_OK, probe(gone, ".", READ));
    close_node(gone);
}

static void links_are_made(void)
{
    uint64_t count = 0;
    wk_handle node;

    EXPECT(WK_OK, link_at(root, "f", "/tmp/a/soft"));
    EXPECT(WK_EXISTS, link_at(root, "f", "/tmp/a/soft"));
    expect_file(root, "/tmp/a/soft", "text");
    EXPECT(WK_OK, wk_directory_read_link(root, shared_memory, 0, put_text(0, "/tmp/a/soft"), 100, &count));
    EQUAL(1, count);
    EQUAL('f', shared[0]);
    EXPECT(WK_WRONG_KIND, wk_directory_read_link(root, shared_memory, 0, put_text(0, "/tmp/a/f"), 100, &count));
    /* opening a link to nothing makes what it leads to, but not exclusively */
    EXPECT(WK_OK, link_at(root, "/tmp/a/target", "/tmp/a/dangling"));
    EXPECT(WK_NOT_FOUND, probe(root, "/tmp/a/dangling", READ));
    EXPECT(WK_EXISTS, probe(root, "/tmp/a/dangling", CREATE | WK_OPEN_OPTIONS_EXCLUSIVE));
    EXPECT(WK_OK, probe(root, "/tmp/a/dangling", CREATE));
    EXPECT(WK_OK, remove_at(root, "/tmp/a/target", 0));
    /* and a further name is the same file */
    node = open_node(root, "/tmp/a/f", NAMED_ONLY);
    EXPECT(WK_OK, wk_directory_link_here(root, ticket_of(node), shared_memory, 0, put_text(0, "/tmp/a/hard")));
    EXPECT(WK_EXISTS, wk_directory_link_here(root, ticket_of(node), shared_memory, 0, put_text(0, "/tmp/a/hard")));
    EQUAL(2, links_of("/tmp/a/hard"));
    close_node(node);
    make_file(root, "/tmp/a/hard", "TE");
    expect_file(root, "/tmp/a/f", "TExt");
    EXPECT(WK_OK, remove_at(root, "/tmp/a/f", 0));
    EQUAL(1, links_of("/tmp/a/hard"));
    node = open_node(root, "/tmp/a", READ);
    EXPECT(WK_IS_DIRECTORY, wk_directory_link_here(root, ticket_of(node), shared_memory, 0, put_text(0, "/tmp/dir")));
    close_node(node);
}

static void names_change(void)
{
    wk_handle inner, node;

    EXPECT(WK_OK, rename_at(root, "/tmp/a/hard", "/tmp/f", 0, 0));
    EXPECT(WK_NOT_FOUND, probe(root, "/tmp/a/hard", READ));
    expect_file(root, "/tmp/f", "TExt");
    make_file(root, "/tmp/g", "other");
    EXPECT(WK_EXISTS, rename_at(root, "/tmp/f", "/tmp/g", 0, 1));
    node = open_node(root, "/tmp/g", READ);
    EXPECT(WK_OK, rename_at(root, "/tmp/f", "/tmp/g", 0, 0));
    expect_text(node, 0, "other"); /* what was replaced is still open */
    close_node(node);
    expect_file(root, "/tmp/g", "TExt");
    EXPECT(WK_IS_DIRECTORY, rename_at(root, "/tmp/g", "/tmp/a", 0, 0));
    EXPECT(WK_NOT_DIRECTORY, rename_at(root, "/tmp/a", "/tmp/g", 0, 0));
    EXPECT(WK_OK, make_at(root, WK_NODE_KIND_DIRECTORY, "/tmp/b"));
    EXPECT(WK_NOT_EMPTY, rename_at(root, "/tmp/b", "/tmp/a", 0, 0));
    EXPECT(WK_OK, make_at(root, WK_NODE_KIND_DIRECTORY, "/tmp/b/c"));
    EXPECT(WK_BAD_ARGUMENT, rename_at(root, "/tmp/b", "/tmp/b/c/d", 0, 0));
    EXPECT(WK_BAD_ARGUMENT, rename_at(root, "/tmp/b", "/tmp/b/d", 0, 0));
    EXPECT(WK_OK, rename_at(root, "/tmp/b", "/tmp/b", 0, 0));
    inner = open_node(root, "/tmp/b/c", READ);
    expect_path(inner, "/tmp/b/c");
    node = open_node(root, "/tmp/a", READ);
    EXPECT(WK_OK, rename_at(root, "/tmp/b", "moved/", ticket_of(node), 0));
    close_node(node);
    expect_path(inner, "/tmp/a/moved/c");
    EXPECT(WK_OK, probe(inner, "../../moved/c", READ));
    EXPECT(WK_NOT_FOUND, rename_at(root, "/tmp/g", "x", ticket_of(inner) + 1, 0));
    close_node(inner);
    EXPECT(WK_OK, remove_at(root, "/tmp/a/moved/c", 1));
    EXPECT(WK_OK, remove_at(root, "/tmp/a/moved", 1));
}

/* ---- listings ---- */

struct entry {
    uint64_t identity;
    int64_t next;
    uint16_t bytes;
    uint8_t kind;
    char name[];
};

/* Lists all in steps of so many bytes, removing what was listed if it is said; how many names there were. */
static unsigned list_all(wk_handle directory, uint64_t room, bool removes)
{
    uint64_t count = 0, next = 0;
    unsigned names = 0;

    for (;;) {
        EXPECT(WK_OK, wk_file_list(directory, shared_memory, WK_PAGE_BYTES, room, next, &count, &next));
        if (count == 0)
            return names;
        for (uint64_t at = 0; at < count; names++) {
            const struct entry *entry = (const struct entry *)(const void *)(shared + WK_PAGE_BYTES + at);
            char name[32];

            CHECK(entry->bytes != 0 && entry->bytes % 8 == 0 && at + entry->bytes <= count);
            CHECK(strlen(entry->name) < sizeof(name));
            memcpy(name, entry->name, strlen(entry->name) + 1);
            if (removes && name[0] != '.')
                EXPECT(WK_OK, remove_at(directory, name, 0));
            at += entry->bytes;
        }
    }
}

static void many_names_are_listed(void)
{
    wk_handle many;
    uint64_t count, next;

    EXPECT(WK_OK, make_at(root, WK_NODE_KIND_DIRECTORY, "/tmp/many"));
    many = open_node(root, "/tmp/many", READ);
    for (unsigned i = 0; i < MANY; i++) {
        char name[16];

        wk_print_text(name, sizeof(name), "name-%u", i);
        EXPECT(WK_OK, probe(many, name, CREATE));
    }
    EQUAL(MANY + 2, list_all(many, 3 * WK_PAGE_BYTES, false));
    EQUAL(MANY + 2, list_all(many, 100, false));
    EXPECT(WK_BAD_ARGUMENT, wk_file_list(many, shared_memory, 0, 8, 0, &count, &next));
    EQUAL(MANY + 2, list_all(many, 500, true));
    EQUAL(2, list_all(many, 500, true));
    EXPECT(WK_OK, wk_file_list(many, shared_memory, 0, 100, WK_CURRENT, &count, &next));
    EXPECT(WK_OK, wk_file_list(many, shared_memory, 0, 100, WK_CURRENT, &count, &next));
    EQUAL(0, count);
    close_node(many);
    many = open_node(root, "/tmp/g", READ);
    EXPECT(WK_NOT_DIRECTORY, wk_file_list(many, shared_memory, 0, 100, 0, &count, &next));
    close_node(many);
    EXPECT(WK_OK, remove_at(root, "/tmp/many", 1));
}

/* ---- views ---- */

static wk_handle view_of(const char *path, uint64_t is_read_only)
{
    wk_handle directory = open_node(root, path, READ), view = 0;

    EXPECT(WK_OK, wk_directory_view(directory, is_read_only, &view));
    close_node(directory);
    return view;
}

static void a_view_ends_at_its_root(void)
{
    wk_handle view = view_of("/tmp/a", 0), inner;

    make_file(root, "/tmp/a/in", "inside");
    expect_file(view, "/in", "inside");
    expect_file(view, "../../in", "inside");
    EXPECT(WK_NOT_FOUND, probe(view, "/tmp/a/in", READ));
    EXPECT(WK_NOT_FOUND, probe(view, "../g", READ));
    EXPECT(WK_OK, link_at(root, "/in", "/tmp/a/absolute"));
    EXPECT(WK_OK, link_at(root, "../../../in", "/tmp/a/upward"));
    expect_file(view, "absolute", "inside");
    expect_file(view, "upward", "inside");
    expect_path(view, "/");
    EXPECT(WK_OK, make_at(view, WK_NODE_KIND_DIRECTORY, "sub"));
    inner = open_node(view, "sub", READ);
    expect_path(inner, "/sub");
    /* moved out of the view, there is no way up from it */
    EXPECT(WK_OK, rename_at(root, "/tmp/a/sub", "/tmp/sub", 0, 0));
    EXPECT(WK_NOT_FOUND, probe(inner, "..", READ));
    EXPECT(WK_NOT_FOUND, wk_file_path(inner, shared_memory, 0, 100, &(uint64_t){0}));
    expect_file(inner, "/in", "inside");
    EXPECT(WK_OK, remove_at(root, "/tmp/sub", 1));
    close_node(inner);
    close_node(view);
}

static void a_read_only_view_changes_nothing(void)
{
    wk_handle view = view_of("/tmp/a", 1), node = open_node(view, "in", READ), again = 0;
    const uint64_t ticket = ticket_of(node);

    EXPECT(WK_READ_ONLY, probe(view, "in", WRITE));
    EXPECT(WK_READ_ONLY, probe(view, "in", READ | WK_OPEN_OPTIONS_TRUNCATE));
    EXPECT(WK_READ_ONLY, probe(view, "new", CREATE));
    EXPECT(WK_OK, probe(view, "in", READ | WK_OPEN_OPTIONS_CREATE));
    EXPECT(WK_READ_ONLY, remove_at(view, "in", 0));
    EXPECT(WK_READ_ONLY, make_at(view, WK_NODE_KIND_DIRECTORY, "x"));
    EXPECT(WK_READ_ONLY, link_at(view, "x", "y"));
    EXPECT(WK_READ_ONLY, rename_at(view, "in", "out", 0, 0));
    EXPECT(WK_READ_ONLY, rename_at(view, "in", "/tmp/out", ticket_of(root), 0));
    EXPECT(WK_READ_ONLY, rename_at(root, "/tmp/g", "g", ticket_of(view), 0));
    EXPECT(WK_READ_ONLY, wk_directory_link_here(root, ticket, shared_memory, 0, put_text(0, "/tmp/linked")));
    EXPECT(WK_READ_ONLY, wk_file_set_permissions(node, 0777));
    EXPECT(WK_READ_ONLY, wk_file_set_owner(node, 1, 1));
    EXPECT(WK_READ_ONLY, wk_file_set_times(node, 1, 1));
    EXPECT(WK_NO_RIGHT, wk_file_set_size(node, 0));
    EXPECT(WK_OK, wk_directory_view(view, 0, &again)); /* a view of it is no more than it is */
    EXPECT(WK_READ_ONLY, remove_at(again, "in", 0));
    close_node(again);
    close_node(node);
    close_node(view);
}

static void directories_are_bound(void)
{
    wk_handle view = view_of("/tmp/a", 0), other = view_of("/etc", 1), node;

    EXPECT(WK_OK, make_at(view, WK_NODE_KIND_DIRECTORY, "at"));
    EXPECT(WK_NOT_FOUND, wk_directory_bind(view, ticket_of(other) ^ 1, shared_memory, 0, put_text(0, "at")));
    EXPECT(WK_NOT_FOUND, wk_directory_bind(view, ticket_of(other), shared_memory, 0, put_text(0, "nowhere")));
    EXPECT(WK_NOT_DIRECTORY, wk_directory_bind(view, ticket_of(other), shared_memory, 0, put_text(0, "in")));
    EXPECT(WK_OK, wk_directory_bind(view, ticket_of(other), shared_memory, 0, put_text(0, "at")));
    EXPECT(WK_EXISTS, wk_directory_bind(view, ticket_of(other), shared_memory, 0, put_text(0, "at")));
    expect_file(view, "at/motd", "Welcome\n");
    EXPECT(WK_NOT_FOUND, probe(root, "/tmp/a/at/motd", READ)); /* in this view only */
    expect_file(view, "at/deep/../../in", "inside");
    node = open_node(view, "at/deep", READ);
    expect_path(node, "/at/deep");
    expect_file(node, "../../in", "inside");
    close_node(node);
    EXPECT(WK_READ_ONLY, probe(view, "at/motd", WRITE));
    EXPECT(WK_OK, probe(view, "at/../in", WRITE));
    EXPECT(WK_BUSY, remove_at(view, "at", 1));
    EXPECT(WK_BUSY, rename_at(view, "at", "elsewhere", 0, 0));
    close_node(other);
    expect_file(view, "at/motd", "Welcome\n");
    close_node(view);
}

/* Whatever was made goes, and its bytes with it. */
static void all_of_it_goes(uint64_t free_before)
{
    static const char *const names[] = {"a/soft",     "a/dangling", "a/fifo", "a/null",
                                        "a/absolute", "a/upward",   "a/in",   "g"};

    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[32];

        wk_print_text(path, sizeof(path), "/tmp/%s", names[i]);
        EXPECT(WK_OK, remove_at(root, path, 0));
    }
    EXPECT(WK_OK, remove_at(root, "/tmp/a/at", 1));
    EXPECT(WK_OK, remove_at(root, "/tmp/a", 1));
    files_expect_free(root, free_before);
}

int main(void)
{
    uint64_t free_before;

    files_start(&files, 2048, "test-root");
    root = files.root;
    free_before = files_free_pages(root);
    directories_are_made();
    devices_are_named();
    a_removed_directory_is_empty_for_ever();
    links_are_made();
    names_change();
    many_names_are_listed();
    a_view_ends_at_its_root();
    a_read_only_view_changes_nothing();
    directories_are_bound();
    all_of_it_goes(free_before);
    files_end(&files);
    wk_print("files_names: good\n");
    return 0;
}
