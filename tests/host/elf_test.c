/* SPDX-License-Identifier: MIT */
/* The reader of executables: a good one, each way to be malformed, and every single byte changed. */
#include "../../lib/winkle/elf.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FILE_BYTES 1024

static struct {
    struct file_header header;
    struct program_header programs[3];
    uint8_t rest[FILE_BYTES - sizeof(struct file_header) - 3 * sizeof(struct program_header)];
} file;
_Static_assert(sizeof(file) == FILE_BYTES, "no padding");
static struct wk_elf elf;

static int good_file(void **state)
{
    (void)state;
    memset(&file, 0, sizeof(file));
    memcpy(file.header.identification, "\177ELF\2\1\1", 7);
    file.header.type = TYPE_EXECUTABLE;
    file.header.machine = MACHINE_RISCV;
    file.header.entry = 0x10010;
    file.header.program_headers = sizeof(file.header);
    file.header.program_header_bytes = sizeof(struct program_header);
    file.header.program_header_count = 3;
    file.programs[0] =
        (struct program_header){HEADER_LOAD, FLAG_READ | FLAG_EXECUTE, 512, 0x10000, 0, 0x80, 0x80, 4096};
    file.programs[1] = (struct program_header){0x70000003, FLAG_READ, 0, 0, 0, 16, 0, 1};
    file.programs[2] = (struct program_header){HEADER_LOAD, FLAG_READ | FLAG_WRITE, 640, 0x11000, 0, 16, 0x1001, 4096};
    return 0;
}

static const char *check(void)
{
    return wk_elf_check((const uint8_t *)&file, sizeof(file), &elf);
}

static void assert_refused(const char *part)
{
    const char *problem = check();

    assert_non_null(problem);
    assert_non_null(strstr(problem, part));
}

static void segments(void **state)
{
    (void)state;
    assert_null(check());
    assert_int_equal(elf.entry, 0x10010);
    assert_int_equal(elf.segment_count, 2);
    assert_int_equal(elf.segments[0].address, 0x10000);
    assert_int_equal(elf.segments[0].pages, 1);
    assert_ptr_equal(elf.segments[0].bytes, (const uint8_t *)&file + 512);
    assert_int_equal(elf.segments[0].protection, WK_PROTECTION_READ | WK_PROTECTION_EXECUTE);
    assert_int_equal(elf.segments[1].pages, 2);
    assert_int_equal(elf.segments[1].file_bytes, 16);
    assert_int_equal(elf.segments[1].protection, WK_PROTECTION_READ | WK_PROTECTION_WRITE);
}

static void wrong_headers(void **state)
{
    (void)state;
    assert_string_equal(wk_elf_check((const uint8_t *)&file, 63, &elf), "it is shorter than an ELF header");
    file.header.identification[4] = 1;
    assert_refused("64-bit");
    good_file(NULL);
    file.header.machine = 62;
    assert_refused("another machine");
    good_file(NULL);
    file.header.type = 3;
    assert_refused("no static executable");
    good_file(NULL);
    file.header.program_header_bytes = 32;
    assert_refused("unknown size");
    good_file(NULL);
    file.header.program_header_count = 0;
    assert_refused("no program header");
    file.header.program_header_count = 65;
    assert_refused("more than 64");
    good_file(NULL);
    file.header.program_headers = UINT64_MAX - 8;
    assert_refused("end beyond the file");
    file.header.program_headers = sizeof(file) - 3 * sizeof(struct program_header) + 1;
    assert_refused("end beyond the file");
}

static void wrong_segments(void **state)
{
    (void)state;
    file.programs[0].file_bytes = 0x81;
    assert_refused("more bytes in the file");
    good_file(NULL);
    file.programs[0].offset = UINT64_MAX - 0x40;
    assert_refused("bytes end beyond");
    file.programs[0].offset = sizeof(file) - 0x7f;
    assert_refused("bytes end beyond");
    good_file(NULL);
    file.programs[0].address = 0x10800;
    assert_refused("page boundary");
    file.programs[0].address = 0;
    assert_refused("first page");
    file.programs[0].address = WK_USER_ADDRESS_END;
    assert_refused("outside the user's addresses");
    file.programs[0].address = UINT64_C(0xffffffffc0000000);
    assert_refused("outside the user's addresses");
    good_file(NULL);
    file.programs[2].memory_bytes = WK_ELF_BYTES_MAX + 1;
    assert_refused("larger than 1 GiB");
    file.programs[2].memory_bytes = UINT64_MAX;
    assert_refused("larger than 1 GiB");
    good_file(NULL);
    file.programs[2].address = 0x10000;
    assert_refused("overlap");
    file.programs[2].address = 0xf000;
    assert_refused("overlap");
    good_file(NULL);
    file.programs[0].flags = FLAG_READ | FLAG_WRITE | FLAG_EXECUTE;
    assert_refused("both writable and executable");
}

static void wrong_kinds(void **state)
{
    (void)state;
    file.programs[1].type = HEADER_INTERPRETER;
    assert_refused("dynamically");
    file.programs[1].type = HEADER_DYNAMIC;
    assert_refused("dynamically");
    file.programs[1].type = HEADER_THREAD_LOCAL;
    assert_refused("thread-local");
}

static void wrong_entry(void **state)
{
    (void)state;
    file.header.entry = 0x11000;
    assert_refused("entry");
    file.header.entry = 0x10080;
    assert_refused("entry");
    file.header.entry = 0x10011;
    assert_refused("entry");
    file.header.entry = 0xffff;
    assert_refused("entry");
    good_file(NULL);
    file.programs[0].type = file.programs[2].type = 0;
    assert_refused("entry");
}

static void too_many_segments(void **state)
{
    const size_t count = WK_ELF_SEGMENTS_MAX + 1;
    struct program_header *headers = (struct program_header *)file.programs;

    (void)state;
    for (size_t i = 0; i < count; i++)
        headers[i] = (struct program_header){HEADER_LOAD, FLAG_READ, 0, 0x20000 + i * 0x1000, 0, 0, 1, 4096};
    file.header.program_header_count = (uint16_t)count;
    assert_refused("more than 8");
}

/* Whatever a byte becomes: no read outside the file, and what is accepted lies where it may. */
static void changed(void **state)
{
    uint8_t *bytes = (uint8_t *)&file;

    (void)state;
    for (size_t at = 0; at < sizeof(file.header) + sizeof(file.programs); at++) {
        for (unsigned value = 0; value < 256; value++) {
            const uint8_t old = bytes[at];

            bytes[at] = (uint8_t)value;
            if (check() == NULL) {
                for (unsigned i = 0; i < elf.segment_count; i++) {
                    const struct wk_elf_segment *segment = &elf.segments[i];

                    assert_in_range(segment->address, WK_PAGE_BYTES, ADDRESS_END);
                    assert_true(segment->bytes >= bytes);
                    assert_true(segment->bytes + segment->file_bytes <= bytes + sizeof(file));
                }
            }
            bytes[at] = old;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(segments, good_file),       cmocka_unit_test_setup(wrong_headers, good_file),
        cmocka_unit_test_setup(wrong_segments, good_file), cmocka_unit_test_setup(wrong_kinds, good_file),
        cmocka_unit_test_setup(wrong_entry, good_file),    cmocka_unit_test_setup(too_many_segments, good_file),
        cmocka_unit_test_setup(changed, good_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
