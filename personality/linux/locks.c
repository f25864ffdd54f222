/* SPDX-License-Identifier: MIT */
#include "locks.h"

#include "calls.h"
#include "paths.h"
#include "waiters.h"

#include <winkle/capability.h>
#include <winkle/clock.h>
#include <winkle/directory.h>
#include <winkle/file.h>

#include <linux/fcntl.h>
#include <linux/fs.h>

#define FLOCK_SHARED 1
#define FLOCK_EXCLUSIVE 2
#define FLOCK_UNLOCK 8
#define FLOCK_NOT_WAITING 4
#define WITHOUT_END UINT64_MAX
#define PROCESS_SHIFT 32

/* The session that stands for the process, and the number by which calls name it; none until it has locked something. */
static struct file *owner;
static uint64_t owner_number;

/* What is asked of the service. */
struct request {
    struct file *file;
    uint64_t type; /* enum wk_lock_type */
    uint64_t first, last;
    uint64_t owner; /* 0: the open file itself */
    uint64_t options;
    bool waits;
};

static int64_t lock_error(enum wk_status status)
{
    switch ((int)status) {
    case WK_NO_MEMORY:
        return -ENOLCK;
    case WK_NO_RIGHT:
        return -EBADF;
    case WK_DEADLOCK:
        return -EDEADLK;
    default:
        return error_of(status);
    }
}

static uint64_t type_and_process(const struct request *request)
{
    return request->type | (uint64_t)linux_process.page->pid << PROCESS_SHIFT;
}

static enum wk_status ask_once(const struct request *request, uint64_t waiter, uint64_t options)
{
    return wk_file_lock(request->file->session, type_and_process(request), request->first, request->last,
                        request->owner, waiter, request->options | options);
}

/* What stands in the way may have ended without the service having been told: only when it has looked is the answer sure. */
static int64_t ask_without_waiting(const struct request *request, uint64_t waiter)
{
    enum wk_status status = ask_once(request, waiter, waiter == 0 ? 0 : WK_LOCK_OPTIONS_WHEN_SURE);

    if (status == WK_WOULD_BLOCK && waiter != 0) {
        wait_for_event(WK_FOREVER);
        status = ask_once(request, 0, 0);
    }
    return lock_error(status);
}

static int64_t ask(const struct request *request)
{
    const uint64_t waiter = waiter_number(WAITER_FILES, root_session());

    if (!request->waits || waiter == 0)
        return ask_without_waiting(request, waiter);
    for (;;) {
        const enum wk_status status = ask_once(request, waiter, 0);
        int64_t waited;

        if (status != WK_WOULD_BLOCK)
            return lock_error(status);
        waited = wait_for_event(WK_FOREVER);
        if (waited != 0) {
            wk_file_wait_no_more(request->file->session, waiter);
            return waited;
        }
    }
}

/* ---- flock ---- */

int64_t linux_flock(int fd, int operation)
{
    struct request request = {.options = WK_LOCK_OPTIONS_WHOLE, .waits = (operation & FLOCK_NOT_WAITING) == 0};
    int64_t result;

    switch (operation & ~FLOCK_NOT_WAITING) {
    case FLOCK_SHARED:
        request.type = WK_LOCK_TYPE_SHARED;
        break;
    case FLOCK_EXCLUSIVE:
        request.type = WK_LOCK_TYPE_EXCLUSIVE;
        break;
    case FLOCK_UNLOCK:
        break;
    default:
        return -EINVAL;
    }
    request.file = file_of(fd);
    if (request.file == NULL)
        return -EBADF;
    result = request.file->is_node ? ask(&request) : -ENOLCK;
    request.file->is_locked |= result == 0;
    file_drop(request.file);
    return result;
}

/* ---- fcntl ---- */

/* The process's number at the service, 0 if there is no room for it. */
static uint64_t have_owner(void)
{
    struct file *fresh = NULL;
    struct path path;
    uint64_t number = 0;
    bool is_first;

    if (owner != NULL)
        return owner_number;
    if (path_begin_text(&path, AT_FDCWD, "/") == 0)
        path_open(&path, WK_OPEN_OPTIONS_PATH, 0, O_PATH, &fresh);
    path_end(&path);
    if (fresh == NULL)
        return 0;
    if (wk_file_ticket(fresh->session, &number) != WK_OK)
        number = 0;
    wk_lock_take(&linux_lock);
    is_first = owner == NULL && number != 0;
    if (is_first) {
        owner_number = number;
        owner = fresh;
    }
    wk_lock_release(&linux_lock);
    if (!is_first)
        file_drop(fresh);
    return owner_number;
}

static int64_t base_of(struct file *file, int whence, int64_t *base)
{
    uint64_t mode, identity, owners, size = 0, modified, changed;
    enum wk_status status = WK_OK;

    *base = 0;
    switch (whence) {
    case SEEK_SET:
        return 0;
    case SEEK_CUR:
        status = wk_file_seek(file->session, 0, WK_WHENCE_CURRENT, &size);
        break;
    case SEEK_END:
        status = wk_file_status(file->session, &mode, &owners, &identity, &size, &modified, &changed);
        break;
    default:
        return -EINVAL;
    }
    *base = (int64_t)size;
    return error_of(status);
}

static int64_t range_of(struct file *file, const struct flock *lock, struct request *request)
{
    int64_t first, last;
    const int64_t error = base_of(file, lock->l_whence, &first);

    if (error != 0)
        return error;
    if (__builtin_add_overflow(first, lock->l_start, &first))
        return -EOVERFLOW;
    if (first < 0)
        return -EINVAL;
    last = first - 1;
    if (lock->l_len > 0 && __builtin_add_overflow(last, lock->l_len, &last))
        return -EOVERFLOW;
    if (lock->l_len < 0)
        first += lock->l_len;
    if (first < 0)
        return -EINVAL;
    request->first = (uint64_t)first;
    request->last = lock->l_len == 0 || last == INT64_MAX ? WITHOUT_END : (uint64_t)last;
    return 0;
}

static int64_t type_of(const struct flock *lock, uint64_t *type)
{
    switch (lock->l_type) {
    case F_RDLCK:
        *type = WK_LOCK_TYPE_SHARED;
        return 0;
    case F_WRLCK:
        *type = WK_LOCK_TYPE_EXCLUSIVE;
        return 0;
    case F_UNLCK:
        *type = WK_LOCK_TYPE_NONE;
        return 0;
    default:
        return -EINVAL;
    }
}

static int64_t tell_lock(const struct request *request, struct flock *lock)
{
    const uint64_t waiter = waiter_number(WAITER_FILES, root_session());
    enum wk_lock_type type = WK_LOCK_TYPE_NONE;
    uint64_t first = 0, last = 0, process = 0;
    enum wk_status status;

    status = wk_file_lock_in_the_way(request->file->session, type_and_process(request), request->first, request->last,
                                     request->owner, waiter, waiter == 0 ? 0 : WK_LOCK_OPTIONS_WHEN_SURE, &type, &first,
                                     &last, &process);
    if (status == WK_WOULD_BLOCK) {
        wait_for_event(WK_FOREVER);
        status = wk_file_lock_in_the_way(request->file->session, type_and_process(request), request->first,
                                         request->last, request->owner, 0, 0, &type, &first, &last, &process);
    }
    if (status != WK_OK)
        return lock_error(status);
    lock->l_type = F_UNLCK;
    if (type == WK_LOCK_TYPE_NONE)
        return 0;
    lock->l_type = type == WK_LOCK_TYPE_SHARED ? F_RDLCK : F_WRLCK;
    lock->l_whence = SEEK_SET;
    lock->l_start = (long long)first;
    lock->l_len = last == WITHOUT_END ? 0 : (long long)(last - first + 1);
    lock->l_pid = process == 0 ? -1 : (int32_t)process;
    return 0;
}

int64_t lock_control(struct file *file, int command, uint64_t argument)
{
    const bool is_of_process = command == F_GETLK || command == F_SETLK || command == F_SETLKW;
    const bool is_question = command == F_GETLK || command == F_OFD_GETLK;
    struct request request = {.file = file, .waits = command == F_SETLKW || command == F_OFD_SETLKW};
    struct flock lock;
    int64_t result;

    if (!file->is_node)
        return -ENOLCK;
    if (copy_in(&lock, argument, sizeof(lock)) != 0)
        return -EFAULT;
    result = type_of(&lock, &request.type);
    if (result == 0 && is_question && request.type == WK_LOCK_TYPE_NONE)
        result = -EINVAL;
    if (result == 0 && !is_of_process && lock.l_pid != 0)
        result = -EINVAL;
    if (result == 0)
        result = range_of(file, &lock, &request);
    if (result != 0)
        return result;
    if (is_of_process && (request.owner = have_owner()) == 0)
        return -ENOLCK;
    if (is_question) {
        result = tell_lock(&request, &lock);
        return result != 0 ? result : copy_out(argument, &lock, sizeof(lock));
    }
    result = ask(&request);
    file->is_locked |= result == 0 && !is_of_process;
    return result;
}

/* ---- ends ---- */

void locks_close(struct file *file)
{
    if (owner != NULL && file->is_node)
        wk_file_unlock(file->session, owner_number, 0);
}

void locks_end(void)
{
    if (owner != NULL)
        wk_file_unlock(owner->session, owner_number, 1);
}

void locks_forget(void)
{
    struct file *parents = owner;

    owner = NULL;
    owner_number = 0;
    if (parents != NULL)
        file_drop(parents);
}
