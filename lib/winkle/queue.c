/* SPDX-License-Identifier: MIT */
#include <winkle/queue.h>

#include <winkle/capability.h>
#include <winkle/pages.h>
#include <winkle/ring.h>
#include <winkle/start.h>

enum wk_status wk_queue_create(struct wk_queue *queue, uint32_t entries, uint32_t completions, uint32_t pending,
                               wk_handle budget)
{
    const uint64_t bytes = wk_ring_bytes(entries) + wk_ring_bytes(completions);
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
    wk_ring_producer_init(&queue->entries, address, entries);
    wk_ring_consumer_init(&queue->completions, (void *)((char *)address + wk_ring_bytes(entries)), completions);
    return WK_OK;
}

void wk_queue_destroy(struct wk_queue *queue)
{
    (void)wk_capability_delete(queue->ring);
    wk_unmap_delete(queue->memory, queue->entries.ring, queue->pages);
}
