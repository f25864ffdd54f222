/* SPDX-License-Identifier: MIT */
/* Long operations: their records. See operation.h; trap.c steps them. */
#include "operation.h"

#include "assert.h"
#include "object.h"
#include "space.h"
#include "thread.h"

void operation_init(struct operation *operation, struct thread *thread)
{
    operation->thread = thread;
    list_init(&operation->condemned);
    list_init(&operation->marker.link);
}

enum wk_status operation_begin(struct operation *operation, enum wk_status (*step)(struct operation *),
                               struct object *object)
{
    assert(operation->step == NULL);
    operation->step = step;
    operation->object = object;
    operation->other = NULL;
    operation->pointer = NULL;
    operation->result = 0;
    operation->epoch = 0;
    for (unsigned i = 0; i < 4; i++)
        operation->cursor[i] = 0;
    if (object != NULL)
        object_reference(object);
    return WK_CONTINUE;
}

void operation_also(struct operation *operation, struct object *other)
{
    assert_debug(operation->other == NULL);
    operation->other = other;
    object_reference(other);
}

enum wk_status operation_poll(void)
{
    hart_current()->polled = true;
    return WK_CONTINUE;
}

enum wk_status operation_await_flush(struct operation *operation)
{
    if (operation->epoch == 0)
        operation->epoch = space_flush_epoch();
    return space_flush_done(operation->epoch) ? WK_OK : operation_poll();
}

void operation_end(struct operation *operation)
{
    assert(list_is_empty(&operation->marker.link) && list_is_empty(&operation->condemned));
    operation->step = NULL;
    if (operation->object != NULL)
        object_unreference(operation->object);
    if (operation->other != NULL)
        object_unreference(operation->other);
    operation->object = NULL;
    operation->other = NULL;
}
