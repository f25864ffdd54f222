/* SPDX-License-Identifier: MIT */
/* All processes have the same two pages of it: none can store there. */
#include "vdso.h"

#include "memory.h"

#include <winkle/capability.h>
#include <winkle/clock.h>
#include <winkle/memory.h>
#include <winkle/pages.h>
#include <winkle/text.h>

#include <linux/mman.h>

#define DATA_BYTES ((uint64_t)WK_PAGE_BYTES)
#define IMAGE_BYTES ((uint64_t)WK_PAGE_BYTES)
#define RIGHTS (WK_MEMORY_RIGHT_READ | WK_MEMORY_RIGHT_EXECUTE)

extern const char vdso_image[], vdso_image_end[]; /* vdso_image.S */

struct vdso_data vdso_data;
static struct backing backing = {.references = 1, .kind = BACKING_MEMORY, .is_shared = true};

enum wk_status vdso_start(void)
{
    const uint64_t hz = wk_self.start->timebase_hz, bytes = (uint64_t)(vdso_image_end - vdso_image);
    wk_handle memory;
    void *pages;
    enum wk_status status;

    vdso_data.whole = VDSO_NS_PER_SECOND / hz;
    vdso_data.fraction = (uint64_t)(((unsigned __int128)(VDSO_NS_PER_SECOND % hz) << 64) / hz);
    vdso_data.wall_ns = wk_wall_ns(wk_named_handle("devices"));
    if (bytes > IMAGE_BYTES)
        return WK_BAD_ARGUMENT;
    status = wk_map_new((DATA_BYTES + IMAGE_BYTES) / WK_PAGE_BYTES, 0, &memory, &pages);
    if (status != WK_OK)
        return status;
    memcpy(pages, &vdso_data, sizeof(vdso_data));
    memcpy((char *)pages + DATA_BYTES, vdso_image, bytes);
    status = wk_capability_dup(memory, RIGHTS, &backing.handle);
    wk_unmap_delete(memory, pages, (DATA_BYTES + IMAGE_BYTES) / WK_PAGE_BYTES);
    return status;
}

void vdso_map(void)
{
    const uint64_t at = memory_choose(0, DATA_BYTES + IMAGE_BYTES);

    linux_process.vdso = 0;
    if (at == 0)
        return;
    backing.references += 2;
    if (memory_map_backing(at, DATA_BYTES, PROT_READ, &backing, 0) != 0)
        backing.references--;
    else if (memory_map_backing(at + DATA_BYTES, IMAGE_BYTES, PROT_READ | PROT_EXEC, &backing, DATA_BYTES) == 0)
        linux_process.vdso = at + DATA_BYTES;
}
