/* SPDX-License-Identifier: MIT */
/*
 * What all kernel objects have in common, and how they end.
 *
 * An object lives while capabilities name it. When the last one goes, or its bank is destroyed, it is condemned: it is
 * OBJECT_DYING, invocations answer `revoked`, and it stands on some operation's list of condemned objects, or between its
 * steps in the queue of a hart's reaper. The operation's steps first take back all capabilities to it, then call the type's `dismantle` until it answers WK_OK, then
 * release the record. Dismantling may condemn further objects: they go to the front of the same list, so nothing recurses.
 * An object that another operation still works on lingers: whoever drops the last reference leaves its release to the
 * hart's reaper.
 *
 * INV-OBJECT-1 capabilities counts the slots, of tables and mailboxes, that name the object.
 * INV-OBJECT-2 A live object of which capabilities == 0 is condemned before the lock is released, except the first bank
 *              and objects under construction (OBJECT_MAKING).
 * INV-OBJECT-3 A dying object is on exactly one list of condemned objects, an operation's or a reaper's, until its record is released, or it lingers. One
 *              that is not dying is on such a list only as a process that a reaper is to end.
 */
#ifndef OBJECT_H
#define OBJECT_H

#include "list.h"

#include <stddef.h>
#include <stdint.h>
#include <winkle/abi.h>

struct bank;
struct operation;

enum object_state { OBJECT_LIVE, OBJECT_MAKING, OBJECT_DYING };

struct object {
    uint8_t type;          /* enum wk_type */
    uint8_t state;         /* enum object_state */
    uint16_t bytes;        /* of the record */
    uint32_t capabilities; /* slots that name it */
    uint32_t references;   /* the kernel's own pointers to it that outlive a step; they keep the record */
    uint8_t dismantled;    /* `dismantle` has answered WK_OK */
    uint8_t lingers;       /* dismantled, but references keep it; its bank is referenced meanwhile */
    struct bank *bank;     /* who pays */
    struct list bank_link; /* bank->objects */
    struct list all_link;  /* object_all */
    struct list dying_link;
    struct list roots; /* owned capabilities to it, struct capability, sibling */
    uint64_t identity; /* never used again */
    uint64_t cursor;   /* progress of dismantling */
};

/* Every object, oldest first; members of type WK_TYPE_NONE are markers of a walk. */
extern struct list object_all;

/*
 * Makes an object's record of `bytes`, which begins with the header, zeroed but for that, paid by `bank`; NULL if the
 * bank cannot pay, or is of kind tim and the object is no memory. Requires: the lock. Takes at most one frame.
 */
void *object_create(enum wk_type type, size_t bytes, struct bank *bank);
/* Fills the header of an object that is not made by object_create: the first objects, and banks. */
void object_init(struct object *object, enum wk_type type, size_t bytes, struct bank *bank);
/* Takes back an object that nothing has seen yet. */
void object_abandon(struct object *object);
/* Starts the object's end; if it has started, takes it over. `operation` will do the work. */
void object_condemn(struct object *object, struct operation *operation);
/* The last capability to it was removed: condemns it. */
void object_last_capability_gone(struct object *object, struct operation *operation);
/* One step of the end of the first condemned object. WK_CONTINUE while any is left, then WK_OK. */
enum wk_status object_dismantle_step(struct operation *operation);
/* The operation goes on with that, and ends with this status. WK_CONTINUE. */
enum wk_status object_dismantle_then(struct operation *operation, enum wk_status status);
/* As the step, and then waits until all harts know of everything that was taken away. */
enum wk_status object_dismantle_and_flush_step(struct operation *operation);

static inline void object_reference(struct object *object)
{
    object->references++;
}

void object_unreference(struct object *object);

static inline bool object_is_live(const struct object *object)
{
    return object->state == OBJECT_LIVE;
}

#endif
