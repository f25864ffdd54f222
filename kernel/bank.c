/* SPDX-License-Identifier: MIT */
/*
 * Banks: accounts of physical memory, and the only allocator of kernel records. A bank charges frames against its limit;
 * small records are cut from slabs, pages of one size class each. A bank's own record lies in the first slab
 * that it pays for itself, so that an empty bank uses one page.
 *
 * A bank of kind tim pays for pages of memory objects and nothing else: its slabs, and its objects' tables of pages, are
 * RAM and charged to its payer. It is one of its payer's objects, and ends with it.
 *
 * INV-BANK-1 used_pages <= limit_pages; used_pages is the number of frames charged: slabs, pages of its objects, tables,
 *            and frames of its in quarantine; these are all of the bank's kind.
 * INV-BANK-2 the limits of all banks of a kind add up to the limit of the first of that kind at boot.
 * INV-BANK-3 a slab is in its bank's list of its class exactly if it has free room.
 */
#include "bank.h"

#include "assert.h"
#include "capability.h"
#include "handlers.h"
#include "invoke.h"
#include "operation.h"

struct slab {
    struct list link; /* bank->slabs[class] */
    struct bank *bank;
    uint16_t free_head; /* offset of the first free record in the page; 0: none */
    uint16_t used;
    uint16_t made; /* offset of the first record that was never used */
    uint16_t class;
    uint16_t bytes; /* of a record */
};

struct bank *bank_first;
struct bank *bank_tim;

/* A record that is free, with the offset of the next. */
struct free_record {
    uint16_t next;
};

#define SLAB_HEADER_BYTES 64 /* records begin at a cache line */

_Static_assert(sizeof(struct slab) <= SLAB_HEADER_BYTES, "the header has its place");

enum wk_status bank_charge(struct bank *bank, uint64_t pages)
{
    if (arch_allocation_fails() || !bank_can_pay(bank, pages))
        return WK_NO_MEMORY;
    bank->used_pages += pages;
    return WK_OK;
}

void bank_credit(struct bank *bank, uint64_t pages)
{
    assert(bank->used_pages >= pages); /* INV-BANK-1 */
    bank->used_pages -= pages;
}

bool bank_can_pay(const struct bank *bank, uint64_t pages)
{
    return pages <= bank->limit_pages - bank->used_pages;
}

void *bank_page(struct bank *bank, void *owner)
{
    if (bank_charge(bank, 1) != WK_OK)
        return NULL;
    return frame_take_page(owner);
}

static void slab_init(struct slab *slab, struct bank *bank, unsigned class)
{
    slab->bank = bank;
    slab->bytes = bank_class_bytes[class];
    slab->class = (uint16_t) class;
    slab->made = SLAB_HEADER_BYTES;
}

static inline bool slab_has_room(const struct slab *slab)
{
    return slab->free_head != 0 || slab->made + slab->bytes <= (int)WK_PAGE_BYTES;
}

static inline void *slab_take(struct slab *slab)
{
    const uint16_t bytes = slab->bytes;
    char *record;

    if (slab->free_head != 0) {
        record = (char *)slab + slab->free_head;
        slab->free_head = ((struct free_record *)(void *)record)->next;
    } else {
        record = (char *)slab + slab->made;
        slab->made = (uint16_t)(slab->made + bytes);
    }
    slab->used++;
    return record;
}

/* A slab more. */
static SLOW_PATH void *record_of_new_slab(struct bank *bank, unsigned class)
{
    struct slab *slab = bank_page(bank->payer, bank);

    if (slab == NULL)
        return NULL;
    slab_init(slab, bank, class);
    list_append(&bank->slabs[class], &slab->link);
    return slab_take(slab);
}

void *bank_record_of_class(struct bank *bank, unsigned class)
{
    struct list *slabs = &bank->slabs[class];
    struct slab *slab = container_of(slabs->next, struct slab, link);
    void *record;

    if (__builtin_expect(list_is_empty(slabs), 0))
        return record_of_new_slab(bank, class);
    if (arch_allocation_fails())
        return NULL;
    record = slab_take(slab);
    ((struct free_record *)record)->next = 0;
    if (!slab_has_room(slab))
        list_remove(&slab->link);
    return record;
}

static SLOW_PATH void slab_drop(struct slab *slab)
{
    list_remove(&slab->link);
    frame_drop(frame_of(slab), slab->bank->payer);
}

void bank_record_free(struct bank *bank, void *record)
{
    struct slab *slab = (void *)((uintptr_t)record & ~(uintptr_t)(WK_PAGE_BYTES - 1));

    assert_debug(slab->bank == bank);
    if (!slab_has_room(slab))
        list_append(&bank->slabs[slab->class], &slab->link);
    ((struct free_record *)record)->next = slab->free_head;
    slab->free_head = (uint16_t)((char *)record - (char *)slab);
    slab->used--;
    if (__builtin_expect(slab->used == 0, 0))
        slab_drop(slab);
}

/* Makes a bank whose record lies in its own first slab, a fresh page that the caller has accounted for; payer NULL: it is
 * of ram. */
static SLOW_PATH struct bank *bank_make(uint64_t limit_pages, struct bank *payer)
{
    void *page = frame_take_page(NULL);
    struct slab *slab = page;
    struct bank *bank;

    slab_init(slab, NULL, bank_class(sizeof(struct bank)));
    bank = slab_take(slab);
    slab->bank = bank;
    frame_of(page)->owner = bank;
    object_init(&bank->object, WK_TYPE_BANK, sizeof(struct bank), bank);
    bank->limit_pages = limit_pages;
    bank->used_pages = payer == NULL ? 1 : 0;
    bank->payer = payer == NULL ? bank : payer;
    bank->kind = payer == NULL ? WK_BANK_KIND_RAM : WK_BANK_KIND_TIM;
    list_init(&bank->children);
    list_init(&bank->sibling_link);
    list_init(&bank->objects);
    for (unsigned i = 0; i < SLAB_CLASSES; i++)
        list_init(&bank->slabs[i]);
    list_append(&bank->slabs[slab->class], &slab->link);
    return bank;
}

void bank_init(uint64_t tim_attributes)
{
    const uint64_t reserve = (uint64_t)hart_count * (FRAME_STOCK + 1);
    const uint64_t frames = frame_free_count();

    if (frames < reserve + 2) /* for the records of both */
        panic("the machine has too little memory");
    bank_first = bank_make(frames - reserve, NULL);
    bank_first->attributes =
        WK_MEMORY_ATTRIBUTES_CACHED | WK_MEMORY_ATTRIBUTES_ATOMICS | WK_MEMORY_ATTRIBUTES_EXECUTABLE;
    bank_first->used_pages++;
    bank_tim = bank_make(frame_tim_free_count(), bank_first);
    bank_tim->attributes = (uint8_t)(tim_attributes | WK_MEMORY_ATTRIBUTES_TIM);
    bank_tim->object.bank = NULL; /* it never ends */
}

/* Ties a new bank of kind tim to its payer, as one of its objects. */
static SLOW_PATH void bank_tie(struct bank *bank)
{
    bank->payer->used_pages++;
    bank->payer->object_count++;
    list_append(&bank->payer->objects, &bank->object.bank_link);
}

/* Splits a bank; `payer` pays for the records of a new one of kind tim, NULL if it is to be of ram. */
static enum wk_status split(struct invocation *invocation, struct bank *bank, uint64_t pages, struct bank *payer,
                            uint64_t *handle)
{
    enum wk_status status = capability_reserve(&invocation->process->table, invocation->process);
    struct bank *child;

    if (status != WK_OK)
        return status;
    if (arch_allocation_fails() || !bank_can_pay(bank, pages) || (payer != NULL && !bank_can_pay(payer, 1)))
        return WK_NO_MEMORY;
    /* One without any allowance would cost its payer a page all the same, and there could be any number of them. */
    if (payer != NULL && bank != bank_tim && pages == bank->limit_pages)
        return WK_NO_MEMORY;

    op_commit();
    bank->limit_pages -= pages;
    child = bank_make(pages, payer);
    if (payer != NULL)
        bank_tie(child);
    child->attributes = bank->attributes;
    child->parent = bank;
    list_append(&bank->children, &child->sibling_link);
    bank->child_count++;
    *handle = capability_handle(capability_make(invocation->process, &child->object, WK_RIGHTS_ALL, NULL));
    return WK_OK;
}

enum wk_status bank_split(struct invocation *invocation, struct bank *bank, const struct wk_bank_split_in *in,
                          struct wk_bank_split_out *out)
{
    if (in->kind != bank->kind)
        return WK_NO_MEMORY;
    return split(invocation, bank, in->pages, bank->payer == bank ? NULL : bank->payer, &out->bank);
}

enum wk_status bank_split_with_payer(struct invocation *invocation, struct bank *bank, struct capability *payer,
                                     const struct wk_bank_split_with_payer_in *in,
                                     struct wk_bank_split_with_payer_out *out)
{
    struct bank *records = container_of(payer->object, struct bank, object);

    if (bank->kind == WK_BANK_KIND_RAM)
        return invocation_bad_argument(invocation, 0);
    if (records->kind != WK_BANK_KIND_RAM)
        return invocation_bad_argument(invocation, 1);
    return split(invocation, bank, in->pages, records, &out->bank);
}

enum wk_status bank_info(struct invocation *invocation, struct bank *bank, struct wk_bank_info_out *out)
{
    (void)invocation;
    out->limit_pages = bank->limit_pages;
    out->used_pages = bank->used_pages;
    out->objects = bank->object_count;
    out->children = bank->child_count;
    out->kind = bank->kind;
    return WK_OK;
}

enum wk_status bank_destroy(struct invocation *invocation, struct bank *bank)
{
    struct operation *operation = &invocation->thread->operation;

    if (bank->parent == NULL)
        return WK_BUSY;

    op_commit();
    object_condemn(&bank->object, operation);
    return operation_begin(operation, object_dismantle_and_flush_step, NULL);
}

/* The payer does not end it any more: it only keeps its record until the bank is released. */
static SLOW_PATH void bank_untie(struct bank *bank)
{
    list_remove(&bank->object.bank_link);
    bank->payer->object_count--;
    object_reference(&bank->payer->object);
}

/* Condemns what it paid for, one object a step; each ends before the bank's turn comes again. */
enum wk_status bank_dismantle(struct object *object, struct operation *operation)
{
    struct bank *bank = container_of(object, struct bank, object);

    if (!list_is_empty(&bank->children)) {
        object_condemn(&container_of(bank->children.next, struct bank, sibling_link)->object, operation);
        return WK_CONTINUE;
    }
    if (!list_is_empty(&bank->objects)) {
        object_condemn(container_of(bank->objects.next, struct object, bank_link), operation);
        return WK_CONTINUE;
    }
    if (bank->kind != WK_BANK_KIND_RAM)
        bank_untie(bank);
    return WK_OK;
}

void bank_linger(struct bank *bank)
{
    list_remove(&bank->sibling_link);
    object_reference(&bank->parent->object);
}

SLOW_PATH enum wk_status bank_release(struct bank *bank)
{
    const uint64_t own_pages = bank->kind == WK_BANK_KIND_RAM; /* that of its record */
    struct bank *parent = bank->parent;
    struct bank *payer = own_pages != 0 ? parent : bank->payer;
    struct slab *slab = (void *)((uintptr_t)bank & ~(uintptr_t)(WK_PAGE_BYTES - 1));

    if (bank->used_pages != own_pages)
        return operation_poll();
    assert_debug(bank->object_count == 0 && bank->child_count == 0 && slab->used == 1);
    list_remove(&bank->object.dying_link);
    list_remove(&bank->object.all_link);
    list_remove(&bank->sibling_link);
    if (bank->object.lingers)
        object_unreference(&parent->object);
    parent->child_count--;
    parent->limit_pages += bank->limit_pages;
    parent->used_pages += own_pages; /* the page goes now */
    if (own_pages == 0)
        object_unreference(&payer->object);
    frame_drop(frame_of(slab), payer);
    return WK_OK;
}
