/* SPDX-License-Identifier: MIT */
#include "tree.h"

#include <winkle/heap.h>
#include <winkle/machine.h>
#include <winkle/start.h>

#define OBJECTS_MAX 2000
#define CAPABILITIES_MAX 4000

/* The table of the process at which the walk stands. */
static void list_table(struct found *found, struct found_object *process)
{
    uint64_t index = 0;

    process->first_capability = found->capability_count;
    while (found->capability_count < CAPABILITIES_MAX) {
        struct found_capability *capability = &found->capabilities[found->capability_count];
        uint64_t type_and_rights;
        const enum wk_status status =
            wk_machine_inspect_capability(wk_self.machine, index, &index, &capability->handle, &type_and_rights,
                                          &capability->identity, &capability->lender);

        if (status != WK_OK)
            return;
        if (capability->handle == 0)
            continue; /* a stretch of free slots */
        capability->type = type_and_rights >> 16;
        capability->rights = type_and_rights & 0xffff;
        process->capability_count++;
        found->capability_count++;
    }
    found->cut_short = true;
}

void walk(struct found *found)
{
    enum wk_status status;

    *found = (struct found){
        .objects = wk_allocate(OBJECTS_MAX * sizeof(found->objects[0])),
        .capabilities = wk_allocate(CAPABILITIES_MAX * sizeof(found->capabilities[0])),
    };
    if (found->objects == NULL || found->capabilities == NULL)
        wk_fail("its bank is too small; give it more pages in boot.manifest", WK_NO_MEMORY);
    status = wk_machine_inspect_start(wk_self.machine);
    if (status != WK_OK)
        wk_fail("it may not inspect; grant it in boot.manifest", status);
    while (found->object_count < OBJECTS_MAX) {
        struct found_object *object = &found->objects[found->object_count];

        status = wk_machine_inspect_object(wk_self.machine, &object->type, &object->identity, &object->bank,
                                           &object->capabilities, &object->pages, &object->detail);
        if (status != WK_OK)
            return;
        found->object_count++;
        object->first_capability = object->capability_count = 0;
        if (object->type == WK_TYPE_PROCESS)
            list_table(found, object);
    }
    found->cut_short = true;
}
