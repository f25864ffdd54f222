/* SPDX-License-Identifier: MIT */
/* The calls by which a program maps memory. What is mapped of files is in files.c. */
#include "calls.h"
#include "files.h"
#include "loan.h"
#include "memory.h"

#include <winkle/capability.h>
#include <winkle/memory.h>
#include <winkle/process.h>

#include <asm/unistd.h>
#include <linux/mman.h>

#define PROTECTIONS (uint64_t)(PROT_READ | PROT_WRITE | PROT_EXEC | PROT_SEM)

static uint64_t rounded(uint64_t bytes)
{
    return (bytes + PAGE_MASK) & ~PAGE_MASK;
}

/* Whether it is a range of whole pages that a program can have. */
static bool is_range(uint64_t start, uint64_t length)
{
    return (start & PAGE_MASK) == 0 && start >= PROGRAM_FIRST && start < PROGRAM_END && length <= PROGRAM_END - start;
}

static int64_t map_anonymous(uint64_t start, uint64_t length, uint32_t protection, bool is_shared)
{
    struct backing *backing;
    wk_handle memory;
    enum wk_status status;

    if (!is_shared)
        return memory_map_own(start, length, protection);
    status = wk_memory_create(wk_self.bank, length / WK_PAGE_BYTES, WK_MEMORY_OPTIONS_ON_DEMAND, &memory);
    if (status != WK_OK)
        return error_of(status);
    backing = backing_make(BACKING_MEMORY, true, memory);
    if (backing == NULL) {
        wk_capability_delete(memory);
        return -ENOMEM;
    }
    return memory_map_backing(start, length, protection, backing, 0);
}

static int64_t map(uint64_t address, uint64_t length, uint32_t protection, uint32_t flags, int fd, uint64_t offset)
{
    uint64_t start = address;
    int64_t error;

    if ((flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) == 0) {
        start = memory_choose(address, length);
        if (start == 0)
            return -ENOMEM;
    } else if (!is_range(start, length)) {
        return (start & PAGE_MASK) != 0 ? -EINVAL : -ENOMEM;
    }
    if ((flags & MAP_FIXED_NOREPLACE) != 0) {
        const struct area *area = area_find(start);

        if (area != NULL && area->start < start + length)
            return -EEXIST;
    }
    if ((flags & MAP_ANONYMOUS) != 0)
        error = map_anonymous(start, length, protection, (flags & MAP_TYPE) != MAP_PRIVATE);
    else
        error = files_map(start, length, protection, (flags & MAP_TYPE) != MAP_PRIVATE, fd, offset);
    return error != 0 ? error : (int64_t)start;
}

/* In memory that is the parent's, both map the same at the same place; for files and shared memory that is not made. */
static int64_t map_lent(uint64_t address, uint64_t length, uint64_t protection, uint64_t flags)
{
    int64_t start, error;

    if ((flags & MAP_ANONYMOUS) == 0 || (flags & MAP_TYPE) != MAP_PRIVATE)
        return -ENOMEM;
    start = loan_call(__NR_mmap, address, length, protection, flags);
    if (start < 0)
        return start;
    wk_lock_take(&linux_lock);
    error = memory_map_own((uint64_t)start, rounded(length), (uint32_t)protection);
    wk_lock_release(&linux_lock);
    return error != 0 ? error : start;
}

int64_t linux_mmap(uint64_t address, uint64_t length, uint64_t protection, uint64_t flags, int fd, uint64_t offset)
{
    const uint64_t type = flags & MAP_TYPE;
    int64_t result;

    if (length == 0 || (offset & PAGE_MASK) != 0 ||
        (type != MAP_SHARED && type != MAP_PRIVATE && type != MAP_SHARED_VALIDATE))
        return -EINVAL;
    if (length > PROGRAM_END)
        return -ENOMEM;
    if ((flags & MAP_ANONYMOUS) == 0 && offset > INT64_MAX - length)
        return -EOVERFLOW;
    if ((protection & PROT_WRITE) != 0 && (protection & PROT_EXEC) != 0)
        return -EACCES; /* nothing is both writable and executable */
    if (memory_is_lent())
        return map_lent(address, length, protection & (PROT_READ | PROT_WRITE | PROT_EXEC), flags);
    wk_lock_take(&linux_lock);
    result = map(address, rounded(length), (uint32_t)protection & (PROT_READ | PROT_WRITE | PROT_EXEC), (uint32_t)flags,
                 fd, offset);
    wk_lock_release(&linux_lock);
    return result;
}

int64_t linux_munmap(uint64_t address, uint64_t length)
{
    int64_t result;

    if (length == 0 || length > PROGRAM_END || !is_range(address, rounded(length)))
        return -EINVAL;
    result = memory_is_lent() ? loan_call(__NR_munmap, address, length, 0, 0) : 0;
    if (result != 0)
        return result;
    wk_lock_take(&linux_lock);
    result = memory_unmap(address, rounded(length));
    wk_lock_release(&linux_lock);
    return result;
}

int64_t linux_mprotect(uint64_t address, uint64_t length, uint64_t protection)
{
    int64_t result;

    if ((address & PAGE_MASK) != 0 || (protection & ~PROTECTIONS) != 0)
        return -EINVAL;
    if (length == 0)
        return 0;
    if (length > PROGRAM_END || !is_range(address, rounded(length)))
        return -ENOMEM;
    if ((protection & PROT_WRITE) != 0 && (protection & PROT_EXEC) != 0)
        return -EACCES;
    result = memory_is_lent() ? loan_call(__NR_mprotect, address, length, protection, 0) : 0;
    if (result != 0)
        return result;
    wk_lock_take(&linux_lock);
    result = memory_protect(address, rounded(length), (uint32_t)protection & (PROT_READ | PROT_WRITE | PROT_EXEC));
    wk_lock_release(&linux_lock);
    return result;
}

int64_t linux_brk(uint64_t address)
{
    uint64_t from, to;

    if (memory_is_lent()) {
        const int64_t end = loan_call(__NR_brk, address, 0, 0, 0);

        if (end < 0)
            return (int64_t)space.heap_end;
        address = (uint64_t)end;
    }
    wk_lock_take(&linux_lock);
    from = rounded(space.heap_end);
    to = rounded(address);
    if (address >= space.heap_first && address < STACK_FIRST) {
        const struct area *next = area_find(from);

        if (to < from) {
            memory_unmap(to, from - to);
            space.heap_end = address;
        } else if (to == from || ((next == NULL || next->start >= to) &&
                                  memory_map_own(from, to - from, PROT_READ | PROT_WRITE) == 0)) {
            space.heap_end = address;
        }
    }
    wk_lock_release(&linux_lock);
    return (int64_t)space.heap_end;
}

/* Moves bytes to a new place; the old one goes. */
static int64_t move(uint64_t from, uint64_t old_length, uint64_t to, uint64_t new_length)
{
    const struct area *area = area_find(from);
    const uint64_t common = old_length < new_length ? old_length : new_length;
    const uint32_t protection = area->protection;
    struct backing *backing = area->backing;
    const uint64_t offset = area->offset + (from - area->start);
    int64_t error;

    if (backing->kind != BACKING_ARENA) {
        backing->references++;
        error = memory_map_backing(to, new_length, protection, backing, offset);
    } else {
        error = memory_map_own(to, new_length, protection);
        if (error == 0)
            error = error_of(wk_memory_copy(arena, to, arena, from, common));
        if (error != 0)
            memory_unmap(to, new_length);
    }
    if (error == 0)
        memory_unmap(from, old_length);
    return error;
}

static int64_t remap(uint64_t address, uint64_t old_length, uint64_t new_length, uint64_t flags, uint64_t new_address)
{
    const struct area *area = area_find(address);
    const struct area *next;
    uint64_t to;
    int64_t error;

    if (area == NULL || area->start > address || area->end < address + old_length)
        return -EFAULT;
    if ((flags & MREMAP_FIXED) != 0) {
        if (!is_range(new_address, new_length) ||
            (new_address < address + old_length && address < new_address + new_length))
            return -EINVAL;
        error = move(address, old_length, new_address, new_length);
        return error != 0 ? error : (int64_t)new_address;
    }
    if (new_length <= old_length)
        return new_length == old_length || memory_unmap(address + new_length, old_length - new_length) == 0
                   ? (int64_t)address
                   : -ENOMEM;
    next = area_find(address + old_length);
    if (area->backing->kind == BACKING_ARENA && (next == NULL || next->start >= address + new_length) &&
        area->end == address + old_length && is_range(address, new_length) &&
        memory_map_own(address + old_length, new_length - old_length, area->protection) == 0)
        return (int64_t)address;
    if ((flags & MREMAP_MAYMOVE) == 0)
        return -ENOMEM;
    to = memory_choose(0, new_length);
    if (to == 0)
        return -ENOMEM;
    error = move(address, old_length, to, new_length);
    return error != 0 ? error : (int64_t)to;
}

int64_t linux_mremap(uint64_t address, uint64_t old_length, uint64_t new_length, uint64_t flags, uint64_t new_address)
{
    int64_t result;

    if ((flags & ~(uint64_t)(MREMAP_MAYMOVE | MREMAP_FIXED)) != 0 || new_length == 0 || old_length == 0 ||
        ((flags & MREMAP_FIXED) != 0 && (flags & MREMAP_MAYMOVE) == 0) || (address & PAGE_MASK) != 0)
        return -EINVAL;
    if (new_length > PROGRAM_END || old_length > PROGRAM_END || memory_is_lent())
        return -ENOMEM;
    wk_lock_take(&linux_lock);
    result = remap(address, rounded(old_length), rounded(new_length), flags, new_address);
    wk_lock_release(&linux_lock);
    return result;
}

/* Those that change nothing but how soon, too. Source: madvise(2). */
static bool is_advice(int advice)
{
    return (advice >= MADV_NORMAL && advice <= MADV_DONTNEED) || advice == MADV_FREE ||
           (advice >= MADV_DONTFORK && advice <= MADV_DOFORK) || (advice >= MADV_MERGEABLE && advice <= MADV_PAGEOUT);
}

int64_t linux_madvise(uint64_t address, uint64_t length, int advice)
{
    int64_t result;

    if ((address & PAGE_MASK) != 0)
        return -EINVAL;
    if (!is_advice(advice))
        return -EINVAL;
    if (length == 0)
        return 0;
    if (length > PROGRAM_END || !is_range(address, rounded(length)))
        return -ENOMEM;
    wk_lock_take(&linux_lock);
    if (advice == MADV_DONTNEED || advice == MADV_FREE)
        memory_discard(address, rounded(length));
    result = memory_is_mapped(address, rounded(length)) ? 0 : -ENOMEM;
    wk_lock_release(&linux_lock);
    return result;
}

/* What is written to shared memory is seen at once. */
int64_t linux_msync(uint64_t address, uint64_t length, int flags)
{
    int64_t result;

    if ((address & PAGE_MASK) != 0 || (flags & ~(MS_ASYNC | MS_SYNC | MS_INVALIDATE)) != 0 ||
        (flags & (MS_ASYNC | MS_SYNC)) == (MS_ASYNC | MS_SYNC))
        return -EINVAL;
    if (length == 0)
        return 0;
    if (length > PROGRAM_END || !is_range(address, rounded(length)))
        return -ENOMEM;
    wk_lock_take(&linux_lock);
    result = memory_is_mapped(address, rounded(length)) ? 0 : -ENOMEM;
    wk_lock_release(&linux_lock);
    return result;
}
