/* SPDX-License-Identifier: MIT */
/* The capability table filled until nothing more goes in, emptied in another order, filled again. */
#include "../system/check.h"

#include <winkle/capability.h>
#include <winkle/event.h>
#include <winkle/heap.h>
#include <winkle/process.h>

#define HANDLES_MAX 300000

static uint64_t fill(wk_handle *handles)
{
    uint64_t count = 0;

    while (count < HANDLES_MAX) {
        const enum wk_status status = count % 2 == 0 ? wk_capability_dup(wk_self.bank, 0, &handles[count])
                                                     : wk_capability_lend(wk_self.bank, 0, &handles[count]);

        if (status == WK_NO_MEMORY || status == WK_TABLE_FULL)
            break;
        EXPECT(WK_OK, status);
        count++;
    }
    return count;
}

int main(void)
{
    wk_handle *handles = wk_allocate(HANDLES_MAX * sizeof(handles[0]));
    wk_handle event, process;
    uint64_t count, again;

    CHECK(handles != NULL);
    for (uint64_t i = 0; i < HANDLES_MAX; i += WK_PAGE_BYTES / sizeof(handles[0]))
        ((volatile wk_handle *)handles)[i] = 0; /* its pages are paid before nothing is left */
    EXPECT(WK_OK, wk_process_create(wk_self.bank, 0, 0, &process));
    count = fill(handles);
    CHECK(count > 5000);
    CHECK(wk_event_create(wk_self.bank, &event) != WK_OK);
    EXPECT(WK_OK, wk_capability_check(wk_self.bank));
    CHECK(wk_process_clone_table(process) != WK_BAD_HANDLE);
    EXPECT(WK_OK, wk_capability_delete(process));
    for (uint64_t i = 0; i < count; i += 2)
        EXPECT(WK_OK, wk_capability_delete(handles[i]));
    for (uint64_t i = 1; i < count; i += 2)
        EXPECT(WK_OK, wk_capability_delete(handles[i]));
    again = fill(handles);
    CHECK(again >= count);
    /* All of it is left for the end of the process. */
    return 0;
}
