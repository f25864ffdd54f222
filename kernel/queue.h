/* SPDX-License-Identifier: MIT */
/* Queues by priority: a list for each priority, and a bit for each list that may have members. All operations are O(1). */
#ifndef QUEUE_H
#define QUEUE_H

#include "list.h"

#include <stdint.h>

#define PRIORITIES 256
#define QUEUE_EMPTY (-1)

struct queue {
    struct list list[PRIORITIES];   /* the next of each priority first */
    uint64_t bits[PRIORITIES / 64]; /* queue_bit of each priority: the most urgent has the lowest bit of its word */
};

static inline uint64_t queue_bit(unsigned priority)
{
    return UINT64_C(1) << 63 >> priority % 64;
}

/* Prepares a queue, which is zeroed. */
void queue_init(struct queue *queue);
/* The most urgent priority that has a bit, or QUEUE_EMPTY. */
int queue_highest(const struct queue *queue);

/* The list gets members. */
void queue_mark(struct queue *queue, unsigned priority);
/* Puts all members of `from` behind those of that priority. */
void queue_append(struct queue *queue, unsigned priority, struct list *from);

/* Puts all members of that priority behind those of `to`. */
void queue_take(struct queue *queue, unsigned priority, struct list *to);

/* The list has no members any more. */
static inline void queue_unmark(struct queue *queue, unsigned priority)
{
    queue->bits[priority / 64] &= ~queue_bit(priority);
}

#endif
