/* SPDX-License-Identifier: MIT */
/*
 * What another process has a capability to must not be emptied, nor opened anew. So a fork and all that is done here exclude each
 * other, and a session goes by how many forks there had been before it was opened.
 */
#include "spares.h"

#include <winkle/capability.h>
#include <winkle/directory.h>
#include <winkle/file.h>

#define SPARES_MAX 4
#define NUMBER_SHIFT 48

static struct wk_lock lock;
static uint64_t forks;
static struct spare {
    wk_handle session;
    uint64_t key, number;
} spares[SPARES_MAX];
static unsigned spare_count;

enum wk_status spares_prepare(void)
{
    return wk_lock_prepare(&lock);
}

uint64_t spares_forks(void)
{
    return __atomic_load_n(&forks, __ATOMIC_ACQUIRE);
}

static enum wk_status open_in(const struct spare *spare, const struct path *path, uint64_t options,
                              struct opened *opened)
{
    const uint64_t *words = path->words;
    const enum wk_status status =
        wk_directory_reopen_short(path->directory, options | spare->number << NUMBER_SHIFT, words[0], words[1],
                                  words[2], words[3], words[4], &opened->kind, &opened->device, &opened->identity);

    opened->node = spare->session;
    opened->key = spare->key;
    opened->forks = forks;
    if (status == WK_NOT_AVAILABLE)
        wk_capability_delete(spare->session); /* it is of another view, or somebody guessed its number */
    if (status == WK_OK || status == WK_NOT_AVAILABLE)
        spare_count--;
    return status;
}

enum wk_status spares_open(const struct path *path, uint64_t options, struct opened *opened)
{
    enum wk_status status = WK_NOT_AVAILABLE;

    wk_lock_take(&lock);
    if (spare_count != 0)
        status = open_in(&spares[spare_count - 1], path, options, opened);
    wk_lock_release(&lock);
    return status;
}

bool spares_keep(wk_handle session, uint64_t key, uint64_t forks_before)
{
    struct spare spare = {session, key, 0};
    bool is_kept;

    if (key == 0)
        return false;
    wk_lock_take(&lock);
    is_kept = forks_before == forks && spare_count < SPARES_MAX && wk_file_empty(session, key, &spare.number) == WK_OK;
    if (is_kept)
        spares[spare_count++] = spare;
    wk_lock_release(&lock);
    return is_kept;
}

void spares_fork_begins(void)
{
    wk_lock_take(&lock);
    while (spare_count != 0)
        wk_capability_delete(spares[--spare_count].session);
}

void spares_fork_ends(void)
{
    __atomic_store_n(&forks, forks + 1, __ATOMIC_RELEASE);
    wk_lock_release(&lock);
}

void spares_forked(void)
{
    lock = (struct wk_lock){0};
    forks++;
}
