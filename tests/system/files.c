/* SPDX-License-Identifier: MIT */
/* The file service. */
#include "files.h"

static void opens_and_reads(void)
{
    struct opened file = open_at(root, "/winkle/hello", WK_OPEN_OPTIONS_READ);
    uint64_t count = 0, position = 0;

    EQUAL(WK_NODE_KIND_FILE, file.kind);
    EXPECT(WK_NOT_AVAILABLE, wk_file_locate(file.node, WK_DIRECTION_READING, 0, 4, &position, &count));
    EXPECT(WK_OK, wk_file_read(file.node, shared_memory, 0, WK_CURRENT, 4, &count));
    EQUAL(4, count);
    CHECK(memcmp(shared, "\177ELF", 4) == 0);
    EXPECT(WK_OK, wk_capability_delete(file.node));
}

int main(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    service_start(2048);
    opens_and_reads();
    service_end();
    wk_print("files: good\n");
    return 0;
}
