/* SPDX-License-Identifier: MIT */
/* Doubly linked circular lists, linked through a member of the listed struct. All operations are O(1). */
#ifndef LIST_H
#define LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *next;
    struct list *previous;
};

#define container_of(pointer, type, member) ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

static inline void list_init(struct list *list)
{
    list->next = list;
    list->previous = list;
}

/* True of a head with no members, and of a member that is in no list. */
static inline bool list_is_empty(const struct list *list)
{
    return list->next == list;
}

/* Puts `member`, which is in no list, before `position`; before the head is the list's end. */
static inline void list_insert_before(struct list *position, struct list *member)
{
    member->next = position;
    member->previous = position->previous;
    position->previous->next = member;
    position->previous = member;
}

/* Puts it behind `position`; behind the head is the list's beginning. */
static inline void list_insert_behind(struct list *position, struct list *member)
{
    member->next = position->next;
    member->previous = position;
    position->next->previous = member;
    position->next = member;
}

static inline void list_append(struct list *head, struct list *member)
{
    list_insert_before(head, member);
}

static inline void list_prepend(struct list *head, struct list *member)
{
    list_insert_behind(head, member);
}

/* Takes the member out of its list; its own links are left as they are. */
static inline void list_unlink(struct list *member)
{
    member->previous->next = member->next;
    member->next->previous = member->previous;
}

/* Takes the member out of its list, if it is in one. */
static inline void list_remove(struct list *member)
{
    member->previous->next = member->next;
    member->next->previous = member->previous;
    list_init(member);
}

/* Moves all members of another list, which has some, to before `position`, in their order. */
static inline void list_move(struct list *position, struct list *from)
{
    from->next->previous = position->previous;
    position->previous->next = from->next;
    from->previous->next = position;
    position->previous = from->previous;
    list_init(from);
}

#endif
