/* SPDX-License-Identifier: MIT */
#include <winkle/queue.h>

#include <winkle/capability.h>
#include <winkle/pages.h>
#include <winkle/ring.h>
#include <winkle/start.h>

enum wk_status wk_queue_create(struct wk_queue *queue, uint32_t entries, uint32_t completions, uint32_t pending,
                               wk_handle budget)
{
    const uint64_t entry_bytes = WK_RING_HEADER_BYTES + (uint64_t)entries * WK_RING_MESSAGE_BYTES;
    const uint64_t bytes = entry_bytes + WK_RING_HEADER_BYTES + (uint64_t)completions * WK_RING_MESSAGE_BYTES;
    struct wk_ring *ring;
    enum wk_status status;
    void *address;

    *queue = (struct wk_queue){.pages = wk_pages(bytes)};
    status = wk_map_new(queue->pages, 0, &queue->memory, &address);
    if (status != WK_OK)
        return status;
    status = wk_ring_create(wk_self.bank, queue->memory, entries, completions, pending, budget, &queue->ring);
    if (status != WK_OK) {
        wk_unmap_delete(queue->memory, address, queue->pages);
        return status;
    }
    ring = address;
    queue->entries = (struct wk_queue_side){ring->messages, entries - 1, 0, entries, &ring->producer, &ring->consumer};
    ring = (struct wk_ring *)(void *)((char *)address + entry_bytes);
    queue->completions =
        (struct wk_queue_side){ring->messages, completions - 1, 0, 0, &ring->consumer, &ring->producer};
    return WK_OK;
}

void wk_queue_destroy(struct wk_queue *queue)
{
    (void)wk_capability_delete(queue->ring);
    wk_unmap_delete(queue->memory, queue->entries.line, queue->pages); /* its first line begins the memory */
}

bool wk_queue_look_for_room(struct wk_queue_side *entries)
{
    const uint64_t taken = wk_queue_kernel_index(entries, entries->end - entries->mask - 1);

    entries->end = taken + entries->mask + 1;
    return entries->next != entries->end;
}
