/* SPDX-License-Identifier: MIT */
/*
 * The beginning and the end of every kernel object. Guarded by the kernel lock. Invariants: see object.h.
 */
#include "object.h"

#include "assert.h"
#include "bank.h"
#include "budget.h"
#include "capability.h"
#include "endpoint.h"
#include "irq.h"
#include "mailbox.h"
#include "memory.h"
#include "operation.h"
#include "process.h"
#include "ring.h"
#include "string.h"
#include "thread.h"
#include "timer.h"

struct list object_all = {&object_all, &object_all};

static uint64_t last_identity;

typedef enum wk_status dismantle_function(struct object *object, struct operation *operation);

/* What ends with nothing to take apart but its capabilities (the machine and the trace never end). */
static dismantle_function *const dismantle[] = {
    [WK_TYPE_BANK] = bank_dismantle,         [WK_TYPE_PROCESS] = process_dismantle,
    [WK_TYPE_THREAD] = thread_dismantle,     [WK_TYPE_EVENT] = event_dismantle,
    [WK_TYPE_MEMORY] = memory_dismantle,     [WK_TYPE_TIMER] = timer_dismantle,
    [WK_TYPE_IRQ] = irq_dismantle,           [WK_TYPE_BUDGET] = budget_dismantle,
    [WK_TYPE_ENDPOINT] = endpoint_dismantle, [WK_TYPE_REPLY] = reply_dismantle,
    [WK_TYPE_SESSION] = session_dismantle,   [WK_TYPE_RING] = ring_dismantle,
    [WK_TYPE_MAILBOX] = mailbox_dismantle,
};

void object_init(struct object *object, enum wk_type type, size_t bytes, struct bank *bank)
{
    object->type = (uint8_t)type;
    object->state = OBJECT_LIVE;
    object->bytes = (uint16_t)bytes;
    object->bank = bank;
    object->identity = ++last_identity;
    list_init(&object->bank_link);
    list_init(&object->dying_link);
    list_init(&object->roots);
    list_append(&object_all, &object->all_link);
}

void *object_create(enum wk_type type, size_t bytes, struct bank *bank)
{
    const unsigned class = bank_class(bytes);
    struct object *object;

    if (bank->kind != WK_BANK_KIND_RAM && type != WK_TYPE_MEMORY)
        return NULL;
    object = bank_record_of_class(bank, class);
    if (object == NULL)
        return NULL;
    if (class < BANK_CLASS_ZEROED)
        memset(object, 0, bytes);
    object_init(object, type, bytes, bank);
    list_append(&bank->objects, &object->bank_link);
    bank->object_count++;
    return object;
}

static void object_free(struct object *object)
{
    struct bank *bank = object->bank;

    list_remove(&object->all_link);
    list_remove(&object->bank_link);
    bank->object_count--;
    if (bank_class(object->bytes) >= BANK_CLASS_ZEROED)
        memset(object, 0, object->bytes);
    bank_record_free(bank, object);
}

void object_abandon(struct object *object)
{
    assert_debug(object->capabilities == 0 && object->references == 0);
    object_free(object);
}

void object_condemn(struct object *object, struct operation *operation)
{
    if (object->lingers)
        return;
    object->state = OBJECT_DYING;
    list_remove(&object->dying_link);
    list_prepend(&operation->condemned, &object->dying_link);
}

void object_last_capability_gone(struct object *object, struct operation *operation)
{
    if (object->state != OBJECT_DYING && object->bank != NULL && object != &bank_first->object)
        object_condemn(object, operation);
}

/* Whether ending the object would end the thread that does it. One that has been ended meanwhile waits for nobody. */
static bool ends_its_doer(const struct object *object, const struct operation *operation)
{
    const struct thread *doer = operation->thread;

    return object == &doer->object || (doer->process != NULL && object == &doer->process->object);
}

/* Frees the record of a dismantled object. WK_CONTINUE for a bank that still awaits frames from quarantine. */
static enum wk_status object_release(struct object *object)
{
    if (object->type == WK_TYPE_BANK)
        return bank_release(container_of(object, struct bank, object));
    list_remove(&object->dying_link);
    if (object->lingers)
        object_unreference(&object->bank->object);
    object_free(object);
    return WK_OK;
}

/* A dismantled object: releases it, or lets it linger while somebody still works on it. */
static void object_finish(struct object *object)
{
    if (object->references == 0) {
        (void)object_release(object);
        return;
    }
    list_remove(&object->dying_link);
    if (object->lingers)
        return;
    object->lingers = 1;
    if (object->type == WK_TYPE_BANK) {
        bank_linger(container_of(object, struct bank, object));
    } else {
        list_remove(&object->bank_link);
        object_reference(&object->bank->object);
    }
}

void object_unreference(struct object *object)
{
    assert(object->references != 0);
    object->references--;
    if (object->references == 0 && object->lingers)
        reaper_take_object(object);
}

enum wk_status object_dismantle_step(struct operation *operation)
{
    struct object *object;
    enum wk_status status;

    if (list_is_empty(&operation->condemned))
        return WK_OK;
    object = container_of(operation->condemned.next, struct object, dying_link);
    if (ends_its_doer(object, operation) || (operation->thread->stop & THREAD_ENDED) != 0) {
        reaper_take(operation);
        return WK_NO_ANSWER;
    }
    if (!list_is_empty(&object->roots)) {
        struct capability *root = container_of(object->roots.next, struct capability, sibling);

        capability_doom(root);
        if (capability_revoke_step(root, operation) == WK_OK)
            capability_free(root, operation);
        return WK_CONTINUE;
    }
    if (!object->dismantled) {
        status = dismantle[object->type](object, operation);
        if (status != WK_OK)
            return status;
        object->dismantled = 1;
        if (bank_class(object->bytes) == SLAB_CLASSES - 1)
            return WK_CONTINUE; /* to zero so large a record is a step of its own */
    }
    object_finish(object);
    return WK_CONTINUE;
}

/* cursor: 3 what is answered. */
static enum wk_status dismantle_then_step(struct operation *operation)
{
    const enum wk_status status = object_dismantle_step(operation);

    return status == WK_OK ? (enum wk_status)operation->cursor[3] : status;
}

enum wk_status object_dismantle_then(struct operation *operation, enum wk_status status)
{
    operation->step = dismantle_then_step;
    operation->cursor[3] = status;
    return WK_CONTINUE;
}

enum wk_status object_dismantle_and_flush_step(struct operation *operation)
{
    const enum wk_status status = object_dismantle_step(operation);

    return status == WK_OK ? operation_await_flush(operation) : status;
}
