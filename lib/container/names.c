/* SPDX-License-Identifier: MIT */
/* What a container can name. Mount points are made within the view, so that links in it lead nowhere else. */
#include <container/container.h>

#include <winkle/capability.h>
#include <winkle/directory.h>
#include <winkle/file.h>
#include <winkle/pages.h>
#include <winkle/text.h>

#define DIRECTORY_PERMISSIONS 0755

/* A page in which paths are lent. */
struct paper {
    wk_handle memory;
    char *text;
};

static uint64_t write_path(const struct paper *paper, const char *path, size_t length)
{
    memcpy(paper->text, path, length);
    return length;
}

static bool is_path(const char *path)
{
    const size_t length = strlen(path);

    return length > 0 && length < WK_PAGE_BYTES;
}

/* Makes a directory and those above it, as far as they are not there; that it cannot will be seen when it is opened. */
static void make_directories(const struct paper *paper, wk_handle top, const char *path)
{
    for (size_t i = 1; i <= strlen(path); i++) {
        if (path[i] == '/' || path[i] == '\0')
            wk_directory_make(top, WK_NODE_KIND_DIRECTORY, DIRECTORY_PERMISSIONS, 0, paper->memory, 0,
                              write_path(paper, path, i));
    }
}

static enum wk_status open_directory(const struct paper *paper, wk_handle top, const char *path, wk_handle *node)
{
    enum wk_node_kind kind;
    uint64_t device, identity, key;

    return wk_directory_open(top, WK_OPEN_OPTIONS_PATH | WK_OPEN_OPTIONS_DIRECTORY, paper->memory, 0,
                             write_path(paper, path, strlen(path)), node, &kind, &device, &identity, &key);
}

static enum wk_status view_of(wk_handle directory, bool is_read_only, wk_handle *view)
{
    const enum wk_status status = wk_directory_view(directory, is_read_only, view);

    wk_capability_delete(directory);
    return status;
}

static enum wk_status bind(const struct paper *paper, wk_handle files, wk_handle view,
                           const struct container_bind *bind)
{
    uint64_t ticket;
    wk_handle directory;
    enum wk_status status = open_directory(paper, files, bind->from, &directory);

    if (status != WK_OK)
        return status;
    make_directories(paper, view, bind->to);
    status = wk_file_ticket(directory, &ticket);
    if (status == WK_OK)
        status = wk_directory_bind(view, ticket, paper->memory, 0, write_path(paper, bind->to, strlen(bind->to)));
    wk_capability_delete(directory);
    return status;
}

static enum wk_status make_view(const struct paper *paper, const struct container_plan *plan, wk_handle *view,
                                const char **problem)
{
    wk_handle directory;
    enum wk_status status;

    *problem = "its root cannot be opened";
    make_directories(paper, plan->files, plan->root);
    status = open_directory(paper, plan->files, plan->root, &directory);
    if (status == WK_OK)
        status = view_of(directory, false, view);
    if (status != WK_OK)
        return status;
    *problem = "a directory cannot be bound";
    for (unsigned i = 0; i < plan->bind_count && status == WK_OK; i++)
        status = bind(paper, plan->files, *view, &plan->binds[i]);
    if (status == WK_OK && plan->is_read_only)
        return view_of(*view, true, view);
    if (status != WK_OK)
        wk_capability_delete(*view);
    return status;
}

enum wk_status container_make_view(const struct container_plan *plan, wk_handle *view, const char **problem)
{
    struct paper paper;
    void *text;
    enum wk_status status;

    *problem = "the path of a directory is empty or too long";
    if (!is_path(plan->root))
        return WK_BAD_ARGUMENT;
    for (unsigned i = 0; i < plan->bind_count; i++) {
        if (!is_path(plan->binds[i].from) || !is_path(plan->binds[i].to))
            return WK_BAD_ARGUMENT;
    }
    *problem = "there is no memory for paths";
    status = wk_map_new(1, 0, &paper.memory, &text);
    if (status != WK_OK)
        return status;
    paper.text = text;
    status = make_view(&paper, plan, view, problem);
    wk_unmap_delete(paper.memory, text, 1);
    return status;
}
