/* SPDX-License-Identifier: MIT */
/* The file service in ordinary use: what the archive has, what is made since, and views of both. */
#include "files.h"

#define READ WK_OPEN_OPTIONS_READ
#define WRITE WK_OPEN_OPTIONS_WRITE
#define CREATE (READ | WRITE | WK_OPEN_OPTIONS_CREATE | UINT64_C(0644) << 16)
#define EXCLUSIVE (CREATE | WK_OPEN_OPTIONS_EXCLUSIVE)
#define TRUNCATE (READ | WRITE | WK_OPEN_OPTIONS_TRUNCATE)
#define MAP_ADDRESS UINT64_C(0x700000000)
#define MODE(status) ((status).mode & 0xffff)
#define LINKS(status) ((status).mode >> 16 & 0xffff)
#define DEVICE(status) ((status).mode >> 32)

static struct files files;
static wk_handle root;

/* ---- the archive ---- */

static void archive_is_there(void)
{
    struct node_status status = {0};
    wk_handle node = open_node(root, "/winkle/hello", READ);
    uint64_t count = 0, position = 0;

    EXPECT(WK_NOT_AVAILABLE, wk_file_locate(node, WK_DIRECTION_READING, 0, 4, &position, &count));
    EXPECT(WK_OK, wk_file_read(node, shared_memory, 0, WK_CURRENT, 4, &count));
    EQUAL(4, count);
    CHECK(memcmp(shared, "\177ELF", 4) == 0);
    expect_path(node, "/winkle/hello");
    close_node(node);
    EXPECT(WK_OK, status_at(root, "/etc/motd", 1, &status));
    EQUAL(0100640, MODE(status));
    EQUAL(1, LINKS(status));
    EQUAL(8, status.size);
    EQUAL(1000000000 * WK_NS_PER_SECOND, status.modified);
    EXPECT(WK_OK, status_at(root, "/etc/link", 0, &status));
    EQUAL(0120777, MODE(status));
    EXPECT(WK_OK, status_at(root, "/etc", 1, &status));
    EQUAL(040751, MODE(status));
    EQUAL(3, LINKS(status));
    EXPECT(WK_OK, status_at(root, "/dev/null", 1, &status));
    EQUAL(020666, MODE(status));
    EQUAL(0x103, DEVICE(status));
    EXPECT(WK_OK, status_at(root, "/tmp", 1, &status));
    EQUAL(041777, MODE(status));
}

static void links_are_followed(void)
{
    wk_handle node = open_node(root, "etc/../etc/./link", READ);

    expect_text(node, 0, "Welcome\n");
    close_node(node);
    EXPECT(WK_TOO_MANY_LINKS, probe(root, "/etc/loop", READ));
    EXPECT(WK_TOO_MANY_LINKS, probe(root, "/etc/link", READ | WK_OPEN_OPTIONS_NO_FOLLOW));
    EXPECT(WK_OK, probe(root, "/etc/link", WK_OPEN_OPTIONS_PATH | WK_OPEN_OPTIONS_NO_FOLLOW));
    EXPECT(WK_NOT_DIRECTORY, probe(root, "/etc/link/", READ));
    EXPECT(WK_OK, probe(root, "/etc/deep/up/etc/motd", READ));
    EXPECT(WK_OK, probe(root, "/etc/absolute", READ));
}

/* A file of the archive with a page or more is mapped as it lies there, to be executed too. */
static void files_are_mapped(void)
{
    wk_handle node = open_node(root, "/bin/hello", READ | WK_OPEN_OPTIONS_EXECUTE);
    const uint64_t size = status_of(node).size, pages = wk_pages(size);
    const char *mapped = (const char *)MAP_ADDRESS;
    const uint64_t before = used_pages(files.actor.bank);

    EXPECT(WK_BAD_ARGUMENT, wk_file_map(node, wk_self.process, MAP_ADDRESS, 0, pages + 1, 0));
    EXPECT(WK_BAD_ARGUMENT, wk_file_map(node, wk_self.process, MAP_ADDRESS, (pages + 1) * WK_PAGE_BYTES, 1, 0));
    EXPECT(WK_OK, wk_file_map(node, wk_self.process, MAP_ADDRESS, 0, pages, 1));
    EXPECT(WK_ALREADY_MAPPED, wk_file_map(node, wk_self.process, MAP_ADDRESS, 0, 1, 0));
    CHECK(memcmp(mapped, "\177ELF", 4) == 0);
    for (uint64_t i = size; i < pages * WK_PAGE_BYTES; i++)
        EQUAL(0, mapped[i]);
    close_node(node); /* a mapping stays when the file is closed */
    CHECK(memcmp(mapped, "\177ELF", 4) == 0);
    EQUAL(before, used_pages(files.actor.bank));
    EXPECT(WK_OK, wk_unmap(mapped, pages));
    node = open_node(root, "/bin/hello", READ);
    EXPECT(WK_NO_RIGHT, wk_file_map(node, wk_self.process, MAP_ADDRESS, 0, 1, 1));
    close_node(node);
    node = open_node(root, "/etc/motd", READ);
    EXPECT(WK_NOT_AVAILABLE, wk_file_map(node, wk_self.process, MAP_ADDRESS, 0, 1, 0));
    close_node(node);
}

/* What is written is a copy; another instance has the archive as it was. */
static void archive_is_copied_to_be_written(void)
{
    wk_handle node = open_node(root, "/etc/motd", READ | WRITE), old;

    EXPECT(WK_OK, write_at(node, 3, "COME AGAIN\n"));
    expect_text(node, 0, "WelCOME AGAIN\n");
    close_node(node);
    EXPECT(WK_OK, remove_at(root, "/etc/absolute", 0));
    EXPECT(WK_NOT_FOUND, probe(root, "/etc/absolute", READ));
    node = open_node(root, "/bin/hello", TRUNCATE);
    EQUAL(0, status_of(node).size);
    EXPECT(WK_OK, write_at(node, 0, "short"));
    old = open_node(root, "/bin/hello", READ);
    expect_text(old, 0, "short");
    close_node(old);
    close_node(node);
}

/* ---- files ---- */

static void files_are_made(void)
{
    wk_handle node = open_node(root, "/tmp/new", EXCLUSIVE), again, memory = 0;
    uint64_t at = 0, count = 0;

    EXPECT(WK_EXISTS, probe(root, "/tmp/new", EXCLUSIVE));
    EQUAL(0100644, MODE(status_of(node)));
    EXPECT(WK_OK, wk_file_locate(node, WK_DIRECTION_READING, WK_CURRENT, 100, &at, &count));
    EQUAL(0, count);
    EXPECT(WK_OK, write_at(node, WK_CURRENT, "one two three"));
    EXPECT(WK_OK, write_at(node, WK_CURRENT, " four"));
    expect_text(node, 0, "one two three four");
    again = open_node(root, "/tmp/new", READ);
    EXPECT(WK_NO_RIGHT, write_at(again, 0, "x"));
    EXPECT(WK_OK, wk_file_locate(again, WK_DIRECTION_READING, WK_CURRENT, 4, &at, &count));
    EQUAL(0, at);
    EQUAL(4, count);
    EXPECT(WK_OK, wk_file_locate(again, WK_DIRECTION_READING, WK_CURRENT, 100, &at, &count));
    EQUAL(4, at);
    EQUAL(14, count);
    EXPECT(WK_OK, wk_file_memory(again, &memory));
    EXPECT(WK_NO_RIGHT, wk_memory_copy(memory, 0, shared_memory, 0, 1));
    EXPECT(WK_OK, wk_memory_copy(shared_memory, 0, memory, 4, 3));
    CHECK(memcmp(shared, "two", 3) == 0);
    EXPECT(WK_OK, wk_capability_delete(memory));
    EXPECT(WK_OK, remove_at(root, "/tmp/new", 0));
    EXPECT(WK_NOT_FOUND, probe(root, "/tmp/new", READ));
    expect_text(node, 4, "two three four"); /* it lives on while it is open */
    EQUAL(0, LINKS(status_of(node)));
    close_node(node);
    close_node(again);
}

static void expect_bytes(wk_handle node, const char *bytes, uint64_t count)
{
    uint64_t read = 0;

    EXPECT(WK_OK, wk_file_read(node, shared_memory, 0, 0, SHARED_BYTES, &read));
    EQUAL(count, read);
    CHECK(memcmp(shared, bytes, count) == 0);
}

/* What was cut off is zero when the file grows again, within a page and beyond it. */
static void sizes_change(void)
{
    wk_handle node = open_node(root, "/tmp/size", CREATE), appending;
    uint64_t position = 0;

    EXPECT(WK_OK, write_at(node, 0, "0123456789"));
    EXPECT(WK_OK, write_at(node, 2 * WK_PAGE_BYTES, "far"));
    EXPECT(WK_OK, wk_file_set_size(node, 4));
    EXPECT(WK_OK, wk_file_set_size(node, 2 * WK_PAGE_BYTES + 2));
    EXPECT(WK_OK, wk_file_read(node, shared_memory, 0, 2 * WK_PAGE_BYTES, 100, &position));
    EQUAL(2, position);
    EQUAL(0, shared[0]);
    EXPECT(WK_OK, wk_file_set_size(node, 6));
    expect_bytes(node, "0123\0\0", 6);
    close_node(node);
    appending = open_node(root, "/tmp/size", READ | WRITE | WK_OPEN_OPTIONS_APPEND);
    EXPECT(WK_OK, write_at(appending, 0, "end"));
    expect_bytes(appending, "0123\0\0end", 9);
    EXPECT(WK_OK, wk_file_set_description_flags(appending, 0));
    EXPECT(WK_OK, write_at(appending, 4, "45"));
    expect_bytes(appending, "012345end", 9);
    close_node(appending);
    EXPECT(WK_OK, remove_at(root, "/tmp/size", 0));
}

static void positions_move(void)
{
    wk_handle node = open_node(root, "/etc/motd", READ);
    uint64_t position = 0;

    EXPECT(WK_OK, wk_file_seek(node, (uint64_t)-3, WK_WHENCE_END, &position));
    EQUAL(status_of(node).size - 3, position);
    EXPECT(WK_BAD_ARGUMENT, wk_file_seek(node, (uint64_t)-100, WK_WHENCE_CURRENT, &position));
    EXPECT(WK_OK, wk_file_seek(node, (uint64_t)-1, WK_WHENCE_CURRENT, &position));
    EQUAL(status_of(node).size - 4, position);
    EXPECT(WK_OK, wk_file_seek(node, 2, WK_WHENCE_DATA, &position));
    EQUAL(2, position);
    EXPECT(WK_OK, wk_file_seek(node, 2, WK_WHENCE_HOLE, &position));
    EQUAL(status_of(node).size, position);
    EXPECT(WK_NOT_FOUND, wk_file_seek(node, 1000, WK_WHENCE_DATA, &position));
    EXPECT(WK_OK, wk_file_seek(node, 1000, WK_WHENCE_START, &position));
    EXPECT(WK_OK, wk_file_read(node, shared_memory, 0, WK_CURRENT, 10, &position));
    EQUAL(0, position);
    close_node(node);
}

static void data_about_nodes_change(void)
{
    const uint64_t all = UINT64_MAX, now = UINT64_MAX - 1;
    wk_handle node = open_node(root, "/tmp/data", CREATE);
    struct node_status status = status_of(node);
    uint64_t accessed = 0, created = 0;

    CHECK(status.modified != 0 && status.modified <= wk_now_ns());
    EXPECT(WK_OK, wk_file_set_permissions(node, 04711));
    EXPECT(WK_OK, wk_file_set_owner(node, 1000, all));
    EXPECT(WK_OK, wk_file_set_owner(node, all, 100));
    EXPECT(WK_OK, wk_file_set_times(node, 17, 18));
    status = status_of(node);
    EQUAL(0104711, MODE(status));
    EQUAL(1000 | UINT64_C(100) << 32, status.owner);
    EQUAL(18, status.modified);
    EXPECT(WK_OK, wk_file_set_times(node, all, now));
    EXPECT(WK_OK, wk_file_accessed(node, &accessed, &created));
    EQUAL(17, accessed);
    CHECK(status_of(node).modified > 18 && created <= status_of(node).modified);
    close_node(node);
    EXPECT(WK_OK, remove_at(root, "/tmp/data", 0));
}

/* ---- room ---- */

/* A file takes what it holds from the bank, and all of it comes back. */
static void room_comes_back(void)
{
    wk_handle node = open_node(root, "/tmp/large", CREATE);
    uint64_t total = 0, before = 0, during = 0, after = 0;

    EXPECT(WK_OK, wk_file_space(node, &total, &before));
    for (uint64_t i = 0; i < 64; i++)
        EXPECT(WK_OK, write_at(node, i * WK_PAGE_BYTES, "a page"));
    EXPECT(WK_OK, wk_file_space(node, &total, &during));
    CHECK(during + 64 <= before && before <= total);
    EXPECT(WK_OK, wk_file_set_size(node, 0));
    EXPECT(WK_OK, wk_file_space(node, &total, &after));
    CHECK(after >= during + 64);
    close_node(node);
    EXPECT(WK_OK, remove_at(root, "/tmp/large", 0));
    files_expect_free(root, before);
}

/* ---- sessions that are emptied ---- */

static enum wk_status reopen(wk_handle directory, uint64_t number, const char *path, uint64_t options,
                             struct opened *opened)
{
    const struct path_words path_is = path_words(path);

    return wk_directory_reopen_short(directory, options | number << 48, path_is.words[0], path_is.words[1],
                                     path_is.words[2], path_is.words[3], path_is.words[4], &opened->kind,
                                     &opened->device, &opened->identity);
}

static void sessions_are_emptied(void)
{
    struct opened opened, further;
    wk_handle view, other;
    uint64_t number = 0, unused, position, before, after, total;

    EXPECT(WK_OK, wk_file_space(root, &total, &before));
    EXPECT(WK_OK, try_open(root, "/tmp/spare", EXCLUSIVE, &opened));
    EXPECT(WK_OK, try_open(root, "/etc/motd", READ, &further));
    CHECK(opened.key != further.key);
    EXPECT(WK_OK, wk_file_set_size(opened.node, 10));
    EXPECT(WK_OK, wk_file_seek(opened.node, 3, WK_WHENCE_START, &position));
    EXPECT(WK_NO_RIGHT, wk_file_empty(opened.node, further.key, &number));
    EXPECT(WK_NO_RIGHT, wk_file_empty(root, 0, &number));
    EXPECT(WK_NOT_AVAILABLE, reopen(root, 1, "/etc/motd", READ, &further));

    EXPECT(WK_OK, wk_file_empty(opened.node, opened.key, &number));
    EXPECT(WK_REVOKED, wk_file_seek(opened.node, 0, WK_WHENCE_CURRENT, &position));
    EXPECT(WK_REVOKED, wk_file_empty(opened.node, opened.key, &unused));
    EXPECT(WK_NOT_FOUND, reopen(root, number, "/nowhere", READ, &opened));
    EXPECT(WK_NOT_AVAILABLE, reopen(root, number + 1000, "/tmp/spare", READ, &opened));
    EXPECT(WK_NOT_AVAILABLE, reopen(root, UINT64_C(0xffff), "/tmp/spare", READ, &opened));
    EXPECT(WK_OK, wk_directory_view(root, 0, &view));
    EXPECT(WK_NOT_AVAILABLE, reopen(view, number, "/tmp/spare", READ, &opened));

    /* Nothing is left of what was open before: not the right to write, nor the position. */
    EXPECT(WK_OK, reopen(root, number, "/tmp/spare", READ, &opened));
    EXPECT(WK_NOT_AVAILABLE, reopen(root, number, "/etc/motd", READ, &further));
    EXPECT(WK_NO_RIGHT, wk_file_set_size(opened.node, 5));
    EXPECT(WK_OK, wk_file_seek(opened.node, 0, WK_WHENCE_CURRENT, &position));
    EQUAL(0, position);
    EXPECT(WK_OK, wk_file_seek(opened.node, 0, WK_WHENCE_END, &position));
    EQUAL(10, position);

    /* What has no name goes as soon as the session is emptied; an empty one goes as any other. */
    EXPECT(WK_OK, remove_at(root, "/tmp/spare", 0));
    EXPECT(WK_OK, wk_file_empty(opened.node, opened.key, &number));
    EXPECT(WK_OK, wk_file_space(root, &total, &after));
    CHECK(after >= before); /* more, if sessions of before have been closed meanwhile */
    close_node(opened.node);
    other = open_node(root, "/etc/motd", READ);
    close_node(other);
    close_node(further.node);
    close_node(view);
}

int main(void)
{
    files_start(&files, 2048, "test-root");
    root = files.root;
    room_comes_back();
    archive_is_there();
    links_are_followed();
    files_are_mapped();
    archive_is_copied_to_be_written();
    files_are_made();
    sizes_change();
    positions_move();
    data_about_nodes_change();
    sessions_are_emptied();
    files_end(&files);
    wk_print("files: good\n");
    return 0;
}
