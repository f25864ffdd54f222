/* SPDX-License-Identifier: MIT */
/* Queues by priority: see queue.h. */
#include "queue.h"

#include "bits.h"

__attribute__((noinline)) void queue_init(struct queue *queue)
{
    for (unsigned priority = 0; priority < PRIORITIES; priority++)
        list_init(&queue->list[priority]);
}

__attribute__((noinline)) void queue_mark(struct queue *queue, unsigned priority)
{
    queue->bits[priority / 64] |= queue_bit(priority);
}

__attribute__((noinline)) void queue_append(struct queue *queue, unsigned priority, struct list *from)
{
    if (list_is_empty(from))
        return;
    list_move(&queue->list[priority], from);
    queue_mark(queue, priority);
}

void queue_take(struct queue *queue, unsigned priority, struct list *to)
{
    queue_unmark(queue, priority);
    if (!list_is_empty(&queue->list[priority]))
        list_move(to, &queue->list[priority]);
}

int queue_highest(const struct queue *queue)
{
    for (int word = PRIORITIES / 64 - 1; word >= 0; word--)
        if (queue->bits[word] != 0)
            return word * 64 + 63 - (int)bit_lowest(queue->bits[word]);
    return QUEUE_EMPTY;
}
