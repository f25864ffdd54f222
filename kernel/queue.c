/* SPDX-License-Identifier: MIT */
/* Queues by priority: see queue.h. */
#include "queue.h"

__attribute__((noinline)) void queue_init(struct queue *queue)
{
    for (unsigned priority = 0; priority < PRIORITIES; priority++)
        list_init(&queue->list[priority]);
}

__attribute__((noinline)) void queue_mark(struct queue *queue, unsigned priority)
{
    queue_mark_quickly(queue, priority);
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
    return queue_highest_quickly(queue);
}
