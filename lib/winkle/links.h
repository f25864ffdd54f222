/* SPDX-License-Identifier: MIT */
/* Doubly linked lists of what carries a link. An empty list, and what stands in none, is linked to itself. */
#ifndef WINKLE_LINKS_H
#define WINKLE_LINKS_H

#include <stdbool.h>
#include <stddef.h>

struct wk_link {
    struct wk_link *next, *previous;
};

/* The thing of that type that carries the link as its member of that name. */
#define WK_LINKED(link, type, member) ((type *)(void *)((char *)(link)-offsetof(type, member)))

static inline void wk_link_init(struct wk_link *link)
{
    link->next = link->previous = link;
}

static inline bool wk_links_are_empty(const struct wk_link *list)
{
    return list->next == list;
}

/* Puts it at the list's end. Requires: it stands in none. */
static inline void wk_link_append(struct wk_link *list, struct wk_link *link)
{
    link->previous = list->previous;
    link->next = list;
    list->previous->next = link;
    list->previous = link;
}

/* Takes it out of its list, if it stands in one. */
static inline void wk_link_remove(struct wk_link *link)
{
    link->previous->next = link->next;
    link->next->previous = link->previous;
    wk_link_init(link);
}

#endif
