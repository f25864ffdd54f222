/* SPDX-License-Identifier: MIT */
/* The program's memory as the personality reads and writes it; and what statuses are called in Linux. */
#include "linux.h"

#include <winkle/text.h>

/* guarded_copy.S of the native library: answers 1 if a byte could not be reached (linux_deliver sees to that). */
uint64_t wk_guarded_copy(void *to, const void *from, size_t bytes);
uint64_t wk_guarded_text(char *to, const char *from, size_t bytes);
struct swapped {
    uint64_t failed;
    int64_t was;
};
struct swapped wk_guarded_swap(uint32_t *word, uint32_t expected, uint32_t desired);

/* Whether a call may name bytes from there on. What begins below the personality's memory and goes on there meets a page
 * that is not there first. */
static bool may_name(uint64_t address)
{
    return address < PROGRAM_END || current()->moves_own_bytes;
}

int64_t copy_in(void *to, uint64_t from, size_t bytes)
{
    return may_name(from) && wk_guarded_copy(to, (const void *)from, bytes) == 0 ? 0 : -EFAULT;
}

int64_t copy_out(uint64_t to, const void *from, size_t bytes)
{
    return may_name(to) && wk_guarded_copy((void *)to, from, bytes) == 0 ? 0 : -EFAULT;
}

int64_t swap_word(uint64_t address, uint32_t expected, uint32_t desired, uint32_t *was)
{
    struct swapped swapped;

    if (!may_name(address))
        return -EFAULT;
    swapped = wk_guarded_swap((uint32_t *)address, expected, desired);

    *was = (uint32_t)swapped.was;
    return swapped.failed == 0 ? 0 : -EFAULT;
}

int64_t copy_text_in(char *to, uint64_t from, size_t bytes)
{
    const uint64_t result = may_name(from) ? wk_guarded_text(to, (const char *)from, bytes) : 1;

    return result == 1 ? -EFAULT : result == 0 ? -ENAMETOOLONG : (int64_t)result - 2;
}

int64_t error_of(enum wk_status status)
{
    static const uint8_t errors[] = {
        [WK_BAD_HANDLE] = EIO,        [WK_WRONG_TYPE] = EIO,
        [WK_NO_RIGHT] = EACCES,       [WK_NO_SUCH_OPERATION] = EOPNOTSUPP,
        [WK_BAD_ARGUMENT] = EINVAL,   [WK_NO_MEMORY] = ENOMEM,
        [WK_TABLE_FULL] = ENFILE,     [WK_IS_LENT] = EBUSY,
        [WK_REVOKED] = EIO,           [WK_BUSY] = EBUSY,
        [WK_ALREADY_MAPPED] = EEXIST, [WK_NOT_MAPPED] = ENOMEM,
        [WK_NOT_AVAILABLE] = ENODEV,  [WK_WOULD_BLOCK] = EAGAIN,
        [WK_INTERRUPTED] = EINTR,     [WK_TIMED_OUT] = ETIMEDOUT,
        [WK_NOT_ACCEPTED] = EIO,      [WK_ABANDONED] = EIO,
        [WK_NOT_FOUND] = ENOENT,      [WK_EXISTS] = EEXIST,
        [WK_NOT_DIRECTORY] = ENOTDIR, [WK_IS_DIRECTORY] = EISDIR,
        [WK_NOT_EMPTY] = ENOTEMPTY,   [WK_NAME_TOO_LONG] = ENAMETOOLONG,
        [WK_TOO_MANY_LINKS] = ELOOP,  [WK_READ_ONLY] = EROFS,
        [WK_WRONG_KIND] = EINVAL,     [WK_BROKEN] = EPIPE,
    };

    if (status == WK_OK)
        return 0;
    if ((uint64_t)status >= sizeof(errors) || errors[status] == 0)
        return -EIO;
    return -(int64_t)errors[status];
}
