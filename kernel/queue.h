/* SPDX-License-Identifier: MIT */
/* Queues by priority: a list for each priority, and a bit for each list that may have members. All operations are O(1). */
#ifndef QUEUE_H
#define QUEUE_H

#include "bits.h"
#include "list.h"

#include <stdint.h>

#define PRIORITIES 256
#define QUEUE_EMPTY (-1)

struct queue {
    uint64_t bits[PRIORITIES / 64]; /* queue_bit of each priority: the most urgent has the lowest bit of its word */
    struct list list[PRIORITIES];   /* the next of each priority first */
};

static inline uint64_t queue_bit(unsigned priority)
{
    return UINT64_C(1) << 63 >> priority % 64;
}

/* Prepares a queue, which is zeroed. */
void queue_init(struct queue *queue);
/* The most urgent priority that has a bit, or QUEUE_EMPTY. */
int queue_highest(const struct queue *queue);
/* The same in line, and the next one, for the straight paths. */
static inline int queue_highest_quickly(const struct queue *queue)
{
    for (int word = PRIORITIES / 64 - 1; word >= 0; word--)
        if (queue->bits[word] != 0)
            return word * 64 + 63 - (int)bit_lowest(queue->bits[word]);
    return QUEUE_EMPTY;
}

static inline void queue_mark_quickly(struct queue *queue, unsigned priority)
{
    queue->bits[priority / 64] |= queue_bit(priority);
}

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
