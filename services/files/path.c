/* SPDX-License-Identifier: MIT */
#include "path.h"

#include "pool.h"

#include <winkle/text.h>

/* What is still to be walked: the rest of the path, and, where a link's text is walked, what follows the link. */
struct rest {
    const char *at, *end;
};

struct walk {
    const struct view *view;
    struct place place;
    const struct place *start;
    bool is_inside; /* the place is known to be in the view */
    struct rest rests[PATH_LINKS_MAX + 1];
    unsigned depth;
    unsigned links;
    enum follow follow;
    struct found *found;
};

/* ---- up and across ---- */

static const struct bind *bind_at(const struct view *view, const struct node *node)
{
    for (unsigned i = 0; i < view->bind_count; i++) {
        if (view->binds[i].at.node == node)
            return &view->binds[i];
    }
    return NULL;
}

static const struct bind *bind_to(const struct view *view, const struct node *node)
{
    for (unsigned i = 0; i < view->bind_count; i++) {
        if (view->binds[i].to.node == node)
            return &view->binds[i];
    }
    return NULL;
}

/* The directory above, seen in the view; at the root, or where there is none, NULL. */
static struct node *above(const struct view *view, const struct node *directory, struct place *bound_at)
{
    const struct bind *bind;

    if (directory == view->root.node)
        return NULL;
    bind = bind_to(view, directory);
    if (bind != NULL)
        *bound_at = bind->at;
    return node_parent(bind == NULL ? directory : bind->at.node);
}

static bool is_in_view(const struct view *view, const struct node *directory)
{
    struct place ignored;

    for (unsigned i = 0; directory != NULL && i < PATH_LEVELS_MAX; i++) {
        if (directory == view->root.node)
            return true;
        directory = above(view, directory, &ignored);
    }
    return false;
}

static enum wk_status go_up(struct walk *walk)
{
    struct place at = walk->place;
    struct node *node;

    if ((walk->follow & (STAY_BENEATH | STAY_IN_START)) != 0 && walk->place.node == walk->start->node)
        return (walk->follow & STAY_BENEATH) != 0 ? WK_NO_RIGHT : WK_OK;
    if ((walk->follow & STAY_UNCROSSED) != 0 && bind_to(walk->view, walk->place.node) != NULL)
        return WK_NO_RIGHT;
    if (!walk->is_inside && !is_in_view(walk->view, walk->place.node))
        return WK_NOT_FOUND;
    walk->is_inside = true;
    node = above(walk->view, walk->place.node, &at);
    if (node != NULL)
        walk->place = (struct place){node, at.is_read_only};
    return WK_OK;
}

static enum wk_status go_to_root(struct walk *walk)
{
    if ((walk->follow & STAY_BENEATH) != 0)
        return WK_NO_RIGHT;
    if ((walk->follow & STAY_IN_START) != 0) {
        walk->place = *walk->start;
        return WK_OK;
    }
    walk->place = walk->view->root;
    walk->is_inside = true;
    return WK_OK;
}

/* ---- names ---- */

static bool is_at_end(const struct rest *rest)
{
    return rest->at == rest->end || *rest->at == '\0';
}

/* Skips slashes. Whether a name follows; what has been walked to its end is left. */
static bool next_begins(struct walk *walk)
{
    for (;;) {
        struct rest *rest = &walk->rests[walk->depth];

        while (!is_at_end(rest) && *rest->at == '/')
            rest->at++;
        if (!is_at_end(rest))
            return true;
        if (walk->depth == 0)
            return false;
        walk->depth--;
    }
}

/* Takes the name that begins there, and says whether it was the last. */
static enum wk_status take_name(struct walk *walk, const char **text, bool *is_last)
{
    struct rest *rest = &walk->rests[walk->depth];
    struct found *found = walk->found;
    uint64_t hash = name_hash_begin();
    const char *at = rest->at;
    bool ends_in_slash;

    *text = at;
    while (at != rest->end && *at != '\0' && *at != '/')
        hash = name_hash_add(hash, *at++);
    if ((size_t)(at - *text) > NAME_BYTES_MAX)
        return WK_NAME_TOO_LONG;
    found->length = (uint8_t)(at - *text);
    found->hash = name_hash_end(hash);
    ends_in_slash = at != rest->end && *at == '/';
    rest->at = at;
    *is_last = !next_begins(walk);
    if (*is_last && ends_in_slash)
        found->wants_directory = true;
    return WK_OK;
}

static bool is_dot(const char *text, uint8_t length)
{
    return length == 1 && text[0] == '.';
}

static bool is_dot_dot(const char *text, uint8_t length)
{
    return length == 2 && text[0] == '.' && text[1] == '.';
}

/* Goes where a link leads: its text is walked first, then what followed it. */
static enum wk_status follow_link(struct walk *walk, const struct node *link)
{
    if (++walk->links > PATH_LINKS_MAX || (walk->follow & FOLLOW_NONE) != 0)
        return WK_TOO_MANY_LINKS;
    if (!is_at_end(&walk->rests[walk->depth]))
        walk->depth++;
    walk->rests[walk->depth] = (struct rest){link->text, link->text + link->size};
    return link->text[0] == '/' ? go_to_root(walk) : WK_OK;
}

/* The last name is remembered as it stands: whoever asked may add it, or take it away. */
static void keep_last(struct walk *walk, const char *text)
{
    walk->found->directory = walk->place;
    memcpy(walk->found->text, text, walk->found->length);
}

static void cross(struct walk *walk, struct place *place)
{
    const struct bind *bind = walk->view->bind_count == 0 ? NULL : bind_at(walk->view, place->node);

    if (bind == NULL)
        return;
    walk->found->is_bound = true;
    *place = bind->to;
}

/* One step down. `*is_done`: it was the last one. */
static enum wk_status go_down(struct walk *walk, const char *text, bool is_last, bool *is_done)
{
    struct found *found = walk->found;
    struct name *name = name_find(walk->place.node, text, found->length, found->hash);
    struct place place = {name == NULL ? NULL : name->node, walk->place.is_read_only};
    bool is_followed;

    *is_done = false;
    if (name == NULL && !is_last)
        return WK_NOT_FOUND;
    is_followed = name != NULL && node_is_link(name->node) &&
                  (!is_last || (walk->follow & FOLLOW_ALL_BUT_LAST) == 0 || found->wants_directory);
    if (is_followed)
        return follow_link(walk, name->node);
    found->is_bound = false;
    if (name != NULL && node_is_directory(name->node))
        cross(walk, &place);
    if (found->is_bound && (walk->follow & STAY_UNCROSSED) != 0)
        return WK_NO_RIGHT;
    if (is_last) {
        keep_last(walk, text);
        found->name = name;
        found->place = place;
        *is_done = true;
    }
    if (name != NULL)
        name->node->name = name; /* of a directory it is the only one */
    walk->place = place;
    return WK_OK;
}

static enum wk_status walk_all(struct walk *walk)
{
    bool is_done = false;

    while (!is_done && next_begins(walk)) {
        const char *text;
        bool is_last;
        enum wk_status status;

        if (!node_is_directory(walk->place.node))
            return WK_NOT_DIRECTORY;
        status = take_name(walk, &text, &is_last);
        if (status == WK_OK && is_dot_dot(text, walk->found->length))
            status = go_up(walk);
        else if (status == WK_OK && !is_dot(text, walk->found->length))
            status = go_down(walk, text, is_last, &is_done);
        if (status != WK_OK)
            return status;
    }
    if (!is_done) {
        walk->found->place = walk->place;
        walk->found->wants_directory = true;
    }
    return WK_OK;
}

enum wk_status path_find(const struct view *view, const struct place *start, struct text path, enum follow follow,
                         struct found *found)
{
    struct walk walk;

    walk.view = view;
    walk.place = *start;
    walk.start = start;
    walk.is_inside = false;
    walk.rests[0] = (struct rest){path.bytes, path.bytes + path.length};
    walk.depth = 0;
    walk.links = 0;
    walk.follow = follow;
    walk.found = found;
    found->directory.node = NULL;
    found->name = NULL;
    found->is_bound = false;
    found->wants_directory = false;
    if (is_at_end(&walk.rests[0]))
        return WK_NOT_FOUND;
    if (path.bytes[0] == '/') {
        const enum wk_status status = go_to_root(&walk);

        if (status != WK_OK)
            return status;
    }
    return walk_all(&walk);
}

enum wk_status path_find_node(const struct view *view, const struct place *start, struct text path, enum follow follow,
                              struct found *found)
{
    const enum wk_status status = path_find(view, start, path, follow, found);

    if (status != WK_OK)
        return status;
    if (found->place.node == NULL)
        return WK_NOT_FOUND;
    return found->wants_directory && !node_is_directory(found->place.node) ? WK_NOT_DIRECTORY : WK_OK;
}

/* ---- from nodes to paths ---- */

static bool put_before(const char *buffer, char **path, const char *text, size_t length)
{
    if ((size_t)(*path - buffer) < length)
        return false;
    *path -= length;
    memcpy(*path, text, length);
    return true;
}

enum wk_status path_of(const struct view *view, struct node *node, char *buffer, size_t bytes, char **path)
{
    const char *const end = buffer + bytes;

    *path = buffer + bytes;
    for (unsigned i = 0; node != view->root.node; i++) {
        const struct bind *bind = bind_to(view, node);
        const struct name *name = bind == NULL ? node->name : bind->at.node->name;

        if (name == NULL || i == PATH_LEVELS_MAX)
            return WK_NOT_FOUND;
        if (!put_before(buffer, path, name->text, name->length) || !put_before(buffer, path, "/", 1))
            return WK_NAME_TOO_LONG;
        node = name->directory;
    }
    if (*path == end && !put_before(buffer, path, "/", 1))
        return WK_NAME_TOO_LONG;
    return WK_OK;
}

bool directory_is_within(const struct node *directory, const struct node *other)
{
    while (directory != NULL && directory != other)
        directory = node_parent(directory);
    return directory != NULL;
}

/* ---- views ---- */

/* Views of the whole tree are each for themselves; what is made from one of those counts with it. */
static struct view *bearer_of(struct view *view, const struct view *from)
{
    return from == NULL || from->is_whole ? view : from->bearer;
}

struct view *view_create(const struct view *from, const struct place *root)
{
    struct view *view = pool_take(sizeof(*view));

    if (view == NULL)
        return NULL;
    view->users = 1;
    view->root = *root;
    view->is_whole = from == NULL;
    view->bearer = bearer_of(view, from);
    if (view->bearer != view)
        view->bearer->users++;
    node_use(root->node);
    for (unsigned i = 0; from != NULL && i < from->bind_count; i++) {
        view->binds[i] = from->binds[i];
        node_use(from->binds[i].at.node);
        node_use(from->binds[i].to.node);
    }
    view->bind_count = from == NULL ? 0 : from->bind_count;
    return view;
}

void view_release(struct view *view)
{
    struct view *bearer = view->bearer;

    if (--view->users != 0)
        return;
    node_release(view->root.node);
    for (unsigned i = 0; i < view->bind_count; i++) {
        node_release(view->binds[i].at.node);
        node_release(view->binds[i].to.node);
    }
    pool_give(view, sizeof(*view));
    if (bearer != view)
        view_release(bearer);
}

enum wk_status view_bind(struct view *view, const struct place *at, const struct place *to)
{
    if (view->bind_count == VIEW_BINDS_MAX)
        return WK_NO_MEMORY;
    if (at->node == view->root.node || bind_at(view, at->node) != NULL || bind_to(view, to->node) != NULL ||
        bind_at(view, to->node) != NULL || bind_to(view, at->node) != NULL)
        return WK_EXISTS;
    node_use(at->node);
    node_use(to->node);
    view->binds[view->bind_count++] = (struct bind){*at, *to};
    return WK_OK;
}
