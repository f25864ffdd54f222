/* SPDX-License-Identifier: MIT */
/* Source: System V ABI, "Object Files" and "Program Loading"; RISC-V ELF psABI 1.0, 8. */
#include "elf.h"

#include <winkle/abi.h>

#include "text.h"

#define TYPE_EXECUTABLE 2
#define MACHINE_RISCV 243
#define HEADERS_MAX 64
#define ADDRESS_END (WK_USER_ADDRESS_END - 2 * WK_ELF_BYTES_MAX)

struct file_header {
    uint8_t identification[16];
    uint16_t type, machine;
    uint32_t version;
    uint64_t entry, program_headers, section_headers;
    uint32_t flags;
    uint16_t header_bytes, program_header_bytes, program_header_count;
    uint16_t section_header_bytes, section_header_count, section_names;
};
_Static_assert(sizeof(struct file_header) == 64, "as the specification says");

enum header_type { HEADER_LOAD = 1, HEADER_DYNAMIC = 2, HEADER_INTERPRETER = 3, HEADER_THREAD_LOCAL = 7 };
enum header_flag { FLAG_EXECUTE = 1, FLAG_WRITE = 2, FLAG_READ = 4 };

struct program_header {
    uint32_t type, flags;
    uint64_t offset, address, physical_address, file_bytes, memory_bytes, alignment;
};
_Static_assert(sizeof(struct program_header) == 56, "as the specification says");

static const char *check_file_header(const struct file_header *header, size_t length)
{
    static const uint8_t wanted[] = {0x7f, 'E', 'L', 'F', 2, 1, 1};

    if (memcmp(header->identification, wanted, sizeof(wanted)) != 0)
        return "it is no 64-bit little-endian ELF file";
    if (header->machine != MACHINE_RISCV)
        return "it is for another machine than RISC-V";
    if (header->type != TYPE_EXECUTABLE)
        return "it is no static executable; link with -static -no-pie";
    if (header->program_header_bytes != sizeof(struct program_header))
        return "its program headers have an unknown size";
    if (header->program_header_count == 0 || header->program_header_count > HEADERS_MAX)
        return "it has no program header, or more than 64";
    if (header->program_headers > length ||
        header->program_header_count > (length - header->program_headers) / sizeof(struct program_header))
        return "its program headers end beyond the file";
    return NULL;
}

static const char *check_load_header(const struct program_header *header, size_t length, uint64_t first_free)
{
    if (header->file_bytes > header->memory_bytes)
        return "a segment has more bytes in the file than in memory";
    if (header->offset > length || header->file_bytes > length - header->offset)
        return "a segment's bytes end beyond the file";
    if (header->address % WK_PAGE_BYTES != 0)
        return "a segment does not begin at a page boundary; link with lib/winkle/program.ld";
    if (header->address < WK_PAGE_BYTES)
        return "a segment lies in the first page, which stays unmapped";
    if (header->memory_bytes > WK_ELF_BYTES_MAX || header->address > ADDRESS_END - header->memory_bytes)
        return "a segment is larger than 1 GiB or lies outside the user's addresses";
    if (header->address < first_free)
        return "segments overlap or are not in ascending order";
    if ((header->flags & FLAG_WRITE) != 0 && (header->flags & FLAG_EXECUTE) != 0)
        return "a segment is both writable and executable";
    return NULL;
}

static uint64_t protection_of(uint32_t flags)
{
    return ((flags & (FLAG_READ | FLAG_WRITE)) != 0 ? WK_PROTECTION_READ : 0) |
           ((flags & FLAG_WRITE) != 0 ? WK_PROTECTION_WRITE : 0) |
           ((flags & FLAG_EXECUTE) != 0 ? WK_PROTECTION_EXECUTE : 0);
}

static const char *add_segment(struct wk_elf *elf, const struct program_header *header, const uint8_t *bytes,
                               size_t length)
{
    const struct wk_elf_segment *last = elf->segments + elf->segment_count - 1;
    const uint64_t first_free = elf->segment_count == 0 ? 0 : last->address + last->pages * WK_PAGE_BYTES;
    const char *problem = check_load_header(header, length, first_free);

    if (problem != NULL)
        return problem;
    if (header->memory_bytes == 0)
        return NULL;
    if (elf->segment_count == WK_ELF_SEGMENTS_MAX)
        return "it has more than 8 segments";
    elf->segments[elf->segment_count++] = (struct wk_elf_segment){
        .address = header->address,
        .pages = (header->memory_bytes + WK_PAGE_BYTES - 1) / WK_PAGE_BYTES,
        .bytes = bytes + header->offset,
        .file_bytes = header->file_bytes,
        .protection = protection_of(header->flags),
    };
    return NULL;
}

static const char *read_program_header(struct wk_elf *elf, const struct program_header *header, const uint8_t *bytes,
                                       size_t length)
{
    switch (header->type) {
    case HEADER_LOAD:
        return add_segment(elf, header, bytes, length);
    case HEADER_DYNAMIC:
    case HEADER_INTERPRETER:
        return "it is linked dynamically; link with -static -no-pie";
    case HEADER_THREAD_LOCAL:
        return "it has thread-local variables, which native programs can't have";
    default:
        return NULL;
    }
}

static const char *check_entry(const struct wk_elf *elf)
{
    for (unsigned i = 0; i < elf->segment_count; i++) {
        const struct wk_elf_segment *segment = &elf->segments[i];

        if ((segment->protection & WK_PROTECTION_EXECUTE) != 0 && elf->entry >= segment->address &&
            elf->entry - segment->address < segment->file_bytes && elf->entry % 2 == 0)
            return NULL;
    }
    return "its entry does not lie in an executable segment";
}

const char *wk_elf_check(const uint8_t *bytes, size_t length, struct wk_elf *elf)
{
    struct file_header header;
    const char *problem;

    *elf = (struct wk_elf){0};
    if (length < sizeof(header))
        return "it is shorter than an ELF header";
    memcpy(&header, bytes, sizeof(header));
    problem = check_file_header(&header, length);
    if (problem != NULL)
        return problem;
    elf->entry = header.entry;
    for (unsigned i = 0; i < header.program_header_count; i++) {
        struct program_header program;

        memcpy(&program, bytes + header.program_headers + i * sizeof(program), sizeof(program));
        problem = read_program_header(elf, &program, bytes, length);
        if (problem != NULL)
            return problem;
    }
    return check_entry(elf);
}
