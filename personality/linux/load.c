/* SPDX-License-Identifier: MIT */
/* Source: System V ABI, "Object Files" and "Program Loading"; RISC-V ELF psABI 1.0, 8. */
#include "load.h"

#include "memory.h"
#include "native.h"
#include "node.h"

#include <winkle/heap.h>
#include <winkle/text.h>

#include <linux/elf.h>
#include <linux/mman.h>

#define MACHINE_RISCV 243
#define HEADERS_MAX 64
#define BYTES_MAX UINT64_C(0x400000000)

static const Elf64_Phdr *headers_of(const struct program *program)
{
    const Elf64_Ehdr *header = (const Elf64_Ehdr *)program->page;

    return (const Elf64_Phdr *)(program->page + header->e_phoff);
}

static bool is_program(const struct program *program)
{
    const Elf64_Ehdr *header = (const Elf64_Ehdr *)program->page;

    return program->page_bytes >= sizeof(*header) && memcmp(header->e_ident, ELFMAG, SELFMAG) == 0 &&
           header->e_ident[EI_CLASS] == ELFCLASS64 && header->e_ident[EI_DATA] == ELFDATA2LSB &&
           header->e_machine == MACHINE_RISCV && (header->e_type == ET_EXEC || header->e_type == ET_DYN) &&
           header->e_phentsize == sizeof(Elf64_Phdr) && header->e_phnum > 0 && header->e_phnum <= HEADERS_MAX &&
           header->e_phoff % 8 == 0 && header->e_phoff <= program->page_bytes &&
           header->e_phnum <= (program->page_bytes - header->e_phoff) / sizeof(Elf64_Phdr);
}

/* A segment is in the range of the program's addresses, and lies in its pages as in the file's. */
static bool is_segment(const Elf64_Phdr *header)
{
    return header->p_filesz <= header->p_memsz && header->p_memsz <= BYTES_MAX && header->p_vaddr <= PROGRAM_END &&
           header->p_vaddr + header->p_memsz <= PROGRAM_END && header->p_offset <= BYTES_MAX &&
           (header->p_vaddr & PAGE_MASK) == (header->p_offset & PAGE_MASK);
}

static int64_t read_interpreter(struct program *program, const Elf64_Phdr *header)
{
    char *text;
    int64_t count;

    if (header->p_filesz < 2 || header->p_filesz > INTERPRETER_BYTES)
        return -ENOEXEC;
    text = wk_allocate_zeroed(INTERPRETER_BYTES);
    if (text == NULL)
        return -ENOMEM;
    count = node_read_bytes(program->file, text, header->p_offset, header->p_filesz);
    memcpy(program->interpreter, text, INTERPRETER_BYTES - 1);
    wk_free(text);
    return count < 0 ? count : 0;
}

static int64_t read_headers(struct program *program)
{
    const Elf64_Ehdr *file_header = (const Elf64_Ehdr *)program->page;
    const Elf64_Phdr *header = headers_of(program);

    program->first = UINT64_MAX;
    for (unsigned i = 0; i < file_header->e_phnum; i++, header++) {
        int64_t error = 0;

        program->is_native = program->is_native || header->p_type == NATIVE_HEADER;
        if (header->p_type == PT_INTERP)
            error = read_interpreter(program, header);
        if (error != 0)
            return error;
        if (header->p_type != PT_LOAD || header->p_memsz == 0)
            continue;
        if (!is_segment(header))
            return -ENOEXEC;
        if (header->p_vaddr < program->first)
            program->first = header->p_vaddr & ~PAGE_MASK;
        if (header->p_vaddr + header->p_memsz > program->end)
            program->end = (header->p_vaddr + header->p_memsz + PAGE_MASK) & ~PAGE_MASK;
        if (file_header->e_phoff >= header->p_offset && file_header->e_phoff < header->p_offset + header->p_filesz)
            program->headers = file_header->e_phoff - header->p_offset + header->p_vaddr;
    }
    return program->end == 0 ? -ENOEXEC : 0;
}

int64_t program_read(struct program *program, struct file *file)
{
    const Elf64_Ehdr *header;
    int64_t count;

    *program = (struct program){.file = file, .page = wk_allocate_zeroed(WK_PAGE_BYTES)};
    if (program->page == NULL)
        return -ENOMEM;
    count = node_read_bytes(file, program->page, 0, WK_PAGE_BYTES);
    if (count < 0)
        return count;
    program->page_bytes = (uint64_t)count;
    if (!is_program(program))
        return -ENOEXEC;
    header = (const Elf64_Ehdr *)program->page;
    program->entry = header->e_entry;
    program->header_count = header->e_phnum;
    program->is_anywhere = header->e_type == ET_DYN;
    return read_headers(program);
}

void program_end(struct program *program)
{
    wk_free(program->page);
    if (program->file != NULL)
        file_drop(program->file);
    *program = (struct program){0};
}

/* One that may be stored to, or has more memory than bytes, is the process's own. */
static int64_t map_segment(const struct program *program, const Elf64_Phdr *header, uint64_t bias)
{
    const uint64_t start = (header->p_vaddr + bias) & ~PAGE_MASK;
    const uint64_t end = (header->p_vaddr + bias + header->p_memsz + PAGE_MASK) & ~PAGE_MASK;
    const uint32_t protection = ((header->p_flags & PF_R) != 0 ? PROT_READ : 0U) |
                                ((header->p_flags & PF_W) != 0 ? PROT_WRITE : 0U) |
                                ((header->p_flags & PF_X) != 0 ? PROT_EXEC : 0U);
    int64_t error, count;

    if ((protection & PROT_WRITE) != 0 && (protection & PROT_EXEC) != 0)
        return -ENOEXEC; /* nothing is both writable and executable */
    if ((protection & PROT_WRITE) == 0 && header->p_filesz == header->p_memsz)
        return node_map(program->file, start, end - start, protection, false, header->p_offset & ~PAGE_MASK);
    error = memory_map_own(start, end - start, protection);
    if (error != 0)
        return error;
    count = node_read_bytes(program->file, (void *)(header->p_vaddr + bias), header->p_offset, header->p_filesz);
    return count < 0 ? count : 0;
}

int64_t program_map(const struct program *program, uint64_t at)
{
    const Elf64_Phdr *header = headers_of(program);

    for (unsigned i = 0; i < program->header_count; i++, header++) {
        int64_t error;

        if (header->p_type != PT_LOAD || header->p_memsz == 0)
            continue;
        error = map_segment(program, header, at - program->first);
        if (error != 0)
            return error;
    }
    return 0;
}
