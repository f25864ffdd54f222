/* SPDX-License-Identifier: MIT */
/*
 * Windows. For the kernel to copy a page between two memory objects takes half as much again as its bytes. So where a process moves the
 * same pages of a file again and again, the personality has them mapped. Which bytes are the file's, and that they are moved now, the
 * file service still says each time (`file: locate`); a window only takes the place of `memory: copy`.
 *
 * What is moved once is not worth it: to map takes as long as some copies, and each page faults in once. So a page is moved by the
 * kernel the first time, and a piece of the file is mapped when its pages came again a few times. A file has one window.
 *
 * What others do to the file meanwhile is as with `memory: copy`. A page that has gone, or cannot be paid, is a fault, by which the
 * guarded copy ends; then the kernel moves the bytes, and says what is wrong, if it is so still.
 *
 * Threads. Whoever copies has counted itself among the users first, and sees the address only then. Whoever maps something else, with
 * linux_lock, takes the address away first, and leaves everything as it was if there are users. A child of fork has none of its
 * parent's windows (descriptors_begin_child).
 */
#include "window.h"

#include "files.h"

#include <winkle/memory.h>
#include <winkle/pages.h>

#include <linux/fcntl.h>

#define WINDOW_PAGES UINT64_C(64)
#define WINDOW_BYTES (WINDOW_PAGES * WK_PAGE_BYTES)
#define AGAIN_ENOUGH 3
#define WORD_MASK UINT64_C(7)

/* Requires: linux_lock. Whether nothing is mapped any more; nobody begins to copy then. */
static bool unmap(struct window *window)
{
    uint8_t *address = window->address;

    if (address == NULL)
        return true;
    __atomic_store_n(&window->address, NULL, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&window->users, __ATOMIC_SEQ_CST) != 0) {
        __atomic_store_n(&window->address, address, __ATOMIC_RELEASE);
        return false;
    }
    wk_unmap(address, window->pages);
    return true;
}

/* Requires: linux_lock, and nothing is mapped. If it cannot be, all is as it was. */
static void map(struct window *window, wk_handle memory, uint64_t protection)
{
    const uint64_t first = window->chunk * WINDOW_PAGES;
    uint64_t pages, present, options, mappings, identity, attributes;
    void *address;

    if (wk_memory_info(memory, &pages, &present, &options, &mappings, &identity, &attributes) != WK_OK ||
        pages <= first)
        return;
    pages = pages - first < WINDOW_PAGES ? pages - first : WINDOW_PAGES;
    if (wk_map(memory, first, pages, protection, &address) != WK_OK)
        return;
    window->pages = pages;
    __atomic_store_n(&window->address, address, __ATOMIC_RELEASE);
}

/* Requires: linux_lock. The kernel moves pages of a piece, those of `touched`. */
static void note(struct file *file, uint64_t chunk, uint64_t touched)
{
    struct window *window = &file->window;
    const uint64_t moved = window->moved;

    if (chunk != window->chunk) {
        if (!unmap(window))
            return;
        window->chunk = chunk;
        window->moved = touched;
        window->again = 0;
        return;
    }
    window->moved = moved | touched;
    if ((moved & touched) != touched || ++window->again < AGAIN_ENOUGH)
        return;
    window->again = 0;
    if ((file->flags & O_ACCMODE) != O_WRONLY && unmap(window))
        map(window, file->memory, (file->flags & O_ACCMODE) == O_RDWR ? WK_READ_WRITE : WK_PROTECTION_READ);
}

bool window_copy(struct file *file, enum wk_direction direction, uint64_t buffer, uint64_t at, uint64_t bytes)
{
    struct window *window = &file->window;
    const uint64_t chunk = at / WINDOW_BYTES, within = at % WINDOW_BYTES, last = (within + bytes - 1) / WK_PAGE_BYTES;
    uint64_t touched;
    uint8_t *address;
    int64_t error = -EFAULT;

    if (last >= WINDOW_PAGES || ((buffer ^ at) & WORD_MASK) != 0)
        return false;
    touched = (UINT64_C(2) << last) - (UINT64_C(1) << within / WK_PAGE_BYTES);
    __atomic_fetch_add(&window->users, 1, __ATOMIC_SEQ_CST);
    address = __atomic_load_n(&window->address, __ATOMIC_SEQ_CST);
    if (address != NULL && chunk == window->chunk && last < window->pages && (window->moved & touched) == touched)
        error = direction == WK_DIRECTION_READING ? copy_out(buffer, address + within, bytes)
                                                  : copy_in(address + within, buffer, bytes);
    __atomic_fetch_sub(&window->users, 1, __ATOMIC_RELEASE);
    if (error == 0)
        return true;
    wk_lock_take(&linux_lock);
    note(file, chunk, touched);
    wk_lock_release(&linux_lock);
    return false;
}

void window_close(struct window *window)
{
    if (window->address != NULL)
        wk_unmap(window->address, window->pages);
}
