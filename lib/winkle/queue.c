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

    *queue = (struct wk_queue){.pages = wk_pages(bytes), .pending = pending < completions ? pending : completions};
    status = wk_map_new(queue->pages, 0, &queue->memory, &address);
    if (status != WK_OK)
        return status;
    status = wk_ring_create(wk_self.bank, queue->memory, entries, completions, pending, budget, &queue->ring);
    if (status != WK_OK) {
        wk_unmap_delete(queue->memory, address, queue->pages);
        return status;
    }
    ring = address;
    queue->entries = (struct wk_queue_entries){ring->messages, entries, entries, ring, entries};
    ring = (struct wk_ring *)(void *)((char *)address + entry_bytes);
    queue->completions = (struct wk_queue_completions){0, 0, ring, completions - 1};
    return WK_OK;
}

void wk_queue_destroy(struct wk_queue *queue)
{
    (void)wk_capability_delete(queue->ring);
    wk_unmap_delete(queue->memory, queue->entries.ring, queue->pages);
}

bool wk_queue_look_for_room(struct wk_queue_entries *entries)
{
    const uint64_t next = entries->end;
    const uint64_t place = next & (entries->size - 1);
    const uint64_t room = wk_queue_kernel_index(&entries->ring->consumer, next - entries->size) + entries->size - next;

    entries->at = &entries->ring->messages[place];
    entries->left = room < entries->size - place ? room : entries->size - place;
    entries->end = next + entries->left;
    return entries->left != 0;
}
