/* SPDX-License-Identifier: MIT */
/* Where the process is: its root and its working directory. */
#include "calls.h"
#include "memory.h"
#include "node.h"
#include "paths.h"
#include "proc.h"
#include "proc_list.h"

#include <winkle/capability.h>
#include <winkle/directory.h>
#include <winkle/file.h>
#include <winkle/heap.h>
#include <winkle/print.h>
#include <winkle/text.h>

#include <linux/fcntl.h>

static wk_handle root, working; /* sessions: the root of all it can name, and its working directory */
static char *made_up;           /* that one's path, where it is in /proc and has no session: the root is in its stead */

void paths_start(wk_handle session)
{
    root = session;
    if (wk_capability_dup(root, WK_RIGHTS_ALL, &working) != WK_OK)
        linux_die("it has no working directory", WK_NO_MEMORY);
}

wk_handle root_session(void)
{
    return root;
}

wk_handle working_session(void)
{
    return working;
}

const char *working_made_up(void)
{
    return made_up;
}

/* ---- the working directory ---- */

static int64_t enter(wk_handle session)
{
    wk_handle before = working;

    wk_free(made_up);
    made_up = NULL;
    working = session;
    wk_capability_delete(before);
    return 0;
}

/* One that the personality makes up. */
static int64_t enter_made_up(struct file *file)
{
    wk_handle session = 0;
    int64_t result = proc_is_directory(file) ? error_of(wk_capability_dup(root, WK_RIGHTS_ALL, &session)) : -ENOTDIR;

    if (result == 0) {
        enter(session);
        made_up = file->text;
        file->text = NULL;
    }
    file_drop(file);
    return result;
}

int64_t linux_chdir(uint64_t text)
{
    struct file *file = NULL;
    struct path path;
    int64_t result = path_begin(&path, AT_FDCWD, text);

    if (result == 0 && path.is_proc) {
        result = proc_open(path.text, O_DIRECTORY, &file);
        path_end(&path);
        return result != 0 ? result : enter_made_up(file);
    }
    if (result == 0)
        result = path_open(&path, WK_OPEN_OPTIONS_DIRECTORY | WK_OPEN_OPTIONS_PATH, 0, O_PATH, &file);
    path_end(&path);
    if (file == NULL)
        return result;
    result = enter(file->session);
    file->session = 0;
    file_drop(file);
    return result;
}

int64_t linux_fchdir(int fd)
{
    struct file *file = file_of(fd);
    wk_handle session = 0;
    int64_t result = -ENOTDIR;

    if (file == NULL)
        return -EBADF;
    if (file->operations == &node_operations && file->kind == WK_NODE_KIND_DIRECTORY)
        result = error_of(wk_capability_dup(file->session, WK_RIGHTS_ALL, &session));
    file->key = 0; /* the session stays open as the working directory */
    file_drop(file);
    return result != 0 ? result : enter(session);
}

int64_t path_of(wk_handle session, char *text, uint64_t bytes)
{
    char *lent = wk_allocate(PATH_BYTES);
    uint64_t count = 0;
    enum wk_status status;

    if (lent == NULL)
        return -ENOMEM;
    status = wk_file_path(session, arena, (uint64_t)lent, PATH_BYTES - 1, &count);
    if (status == WK_OK && count + 1 > bytes)
        status = WK_NAME_TOO_LONG;
    if (status == WK_OK) {
        memcpy(text, lent, count);
        text[count] = '\0';
    }
    wk_free(lent);
    return status == WK_OK ? (int64_t)count + 1 : error_of(status);
}

int64_t path_of_working(char *text, uint64_t bytes)
{
    if (made_up != NULL)
        return (int64_t)wk_print_text(text, bytes, "%s", made_up) + 1;
    return path_of(working, text, bytes);
}

int64_t linux_getcwd(uint64_t buffer, uint64_t bytes)
{
    char *text = wk_allocate(PATH_BYTES);
    int64_t length;

    if (text == NULL)
        return -ENOMEM;
    length = path_of_working(text, PATH_BYTES);
    if (length > 0 && (uint64_t)length > bytes)
        length = -ERANGE;
    if (length > 0 && copy_out(buffer, text, (size_t)length) != 0)
        length = -EFAULT;
    wk_free(text);
    return length;
}

int64_t linux_umask(uint32_t mask)
{
    const uint32_t before = linux_process.umask;

    linux_process.umask = mask & 0777;
    return before;
}

/* ---- another root ---- */

/* The part of a path below a directory's, or NULL if it is not below it. */
static const char *part_below(const char *path, const char *directory)
{
    const uint64_t length = strlen(directory);

    if (strncmp(path, directory, length) != 0 || (path[length] != '\0' && path[length] != '/'))
        return NULL;
    return path[length] == '\0' ? "/" : path + length;
}

/* A working directory that the new root's view has too is to be one of that view. */
static void enter_view(const char *directory)
{
    char *before = wk_allocate(PATH_BYTES);
    struct file *file = NULL;
    struct path path = {0};
    const char *part = NULL;

    if (before != NULL && path_of_working(before, PATH_BYTES) > 0)
        part = part_below(before, directory);
    if (part != NULL && path_begin_text(&path, AT_FDCWD, part) == 0 &&
        path_open(&path, WK_OPEN_OPTIONS_DIRECTORY | WK_OPEN_OPTIONS_PATH, 0, O_PATH, &file) == 0 && file != NULL) {
        enter(file->session);
        file->session = 0;
        file_drop(file);
    }
    path_end(&path);
    wk_free(before);
}

/* The root is a session of a view that nothing above it is in. */
static int64_t enter_root(wk_handle session, const char *directory)
{
    const wk_handle before = root;
    wk_handle view = 0;
    const int64_t result = error_of(wk_directory_view(session, 0, &view));

    if (result != 0)
        return result;
    root = view;
    enter_view(directory);
    wk_capability_delete(before);
    proc_hide();
    return 0;
}

int64_t linux_chroot(uint64_t text)
{
    char *directory = wk_allocate(PATH_BYTES);
    struct file *file = NULL;
    struct path path;
    int64_t result = path_begin(&path, AT_FDCWD, text);

    if (directory == NULL)
        result = -ENOMEM;
    if (result == 0)
        result = path_open(&path, WK_OPEN_OPTIONS_DIRECTORY | WK_OPEN_OPTIONS_PATH, 0, O_PATH, &file);
    path_end(&path);
    if (file != NULL) {
        result = path_of(file->session, directory, PATH_BYTES);
        if (result > 0)
            result = strcmp(directory, "/") == 0 ? 0 : enter_root(file->session, directory);
        file_drop(file);
    }
    wk_free(directory);
    return result;
}
