/* SPDX-License-Identifier: MIT */
/*
 * From paths to nodes, within a view: a directory that is the root for whoever has the view, with some of its directories
 * bound to others. Nothing that a path says leads out of it: `..` stops at the root, absolute paths and links begin there,
 * and from a directory that lies elsewhere (it was moved while a session had it open) there is no way up.
 */
#ifndef FILES_PATH_H
#define FILES_PATH_H

#include "tree.h"

#define PATH_LINKS_MAX 40
#define PATH_LEVELS_MAX 4096 /* no directory is looked for above more than that */
#define VIEW_BINDS_MAX 8

/* Where one is: a directory or other node, and whether what is reached by it can be changed. */
struct place {
    struct node *node;
    bool is_read_only;
};

struct bind {
    struct place at, to;
};

struct view {
    struct place root;
    uint32_t users;
    uint32_t sessions;   /* of this view, and of those made from it if it bears them */
    uint32_t locks;      /* likewise */
    struct view *bearer; /* whose sessions are counted together: itself, or that of the view that it was made from */
    bool is_whole;       /* of the whole tree: views made from it are counted each for itself */
    unsigned bind_count;
    struct bind binds[VIEW_BINDS_MAX];
};

struct text {
    const char *bytes; /* ends at the first zero, or behind `length` bytes */
    size_t length;
};

/* Which links are followed, and where a path may lead. */
enum follow {
    FOLLOW_ALL = 0,
    FOLLOW_ALL_BUT_LAST = 1,
    FOLLOW_NONE = 2,
    STAY_BENEATH = 4,  /* where it starts */
    STAY_IN_START = 8, /* which is the root for it */
    STAY_UNCROSSED = 16,
};

/* Where a path leads. Its last name need not be there. */
struct found {
    struct place place;     /* of the node; node NULL: there is none */
    struct place directory; /* where the last name is or would be; node NULL: the path ends with `.`, `..` or a root */
    struct name *name;      /* the last name, or NULL */
    char text[NAME_BYTES_MAX];
    uint8_t length;
    uint32_t hash;
    bool is_bound;        /* the name is there, and a directory is bound over it */
    bool wants_directory; /* something follows that only a directory has */
};

/*
 * Finds what a path names, seen from `start`.
 * @return WK_OK; WK_NO_RIGHT: it may not lead there; WK_NOT_FOUND: a name before the last one is not there; WK_NOT_DIRECTORY, WK_TOO_MANY_LINKS, WK_NAME_TOO_LONG
 */
enum wk_status path_find(const struct view *view, const struct place *start, struct text path, enum follow follow,
                         struct found *found);
/* As path_find; WK_NOT_FOUND also if the last name is not there, and WK_NOT_DIRECTORY if it had to be one. */
enum wk_status path_find_node(const struct view *view, const struct place *start, struct text path, enum follow follow,
                              struct found *found);

/* Writes the path from the view's root to a node, by the name by which it was reached last, behind `*path`, which is moved back
 * from the end of a buffer. WK_NOT_FOUND: it has no such path; WK_NAME_TOO_LONG: it does not fit. */
enum wk_status path_of(const struct view *view, struct node *node, char *buffer, size_t bytes, char **path);

/* Whether one directory is the other, or lies in it. */
bool directory_is_within(const struct node *directory, const struct node *other);

/* Views. A new one has one user; NULL: no memory. */
struct view *view_create(const struct view *from, const struct place *root);
void view_release(struct view *view);
/* WK_NO_MEMORY: there are as many as there can be; WK_EXISTS: one of the two is bound already. */
enum wk_status view_bind(struct view *view, const struct place *at, const struct place *to);

#endif
