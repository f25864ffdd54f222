/* SPDX-License-Identifier: MIT */
#include <winkle/upcalls.h>

#include <winkle/capability.h>
#include <winkle/heap.h>
#include <winkle/memory.h>
#include <winkle/pages.h>
#include <winkle/process.h>
#include <winkle/start.h>
#include <winkle/thread.h>

/* Pages of the area's memory: the call stack, above it the frames, and mapped elsewhere the fault stack. */
#define STACK_PAGES 2
#define FRAMES_PAGE STACK_PAGES
#define FAULT_STACK_PAGE (FRAMES_PAGE + 1)
#define AREA_PAGES (FAULT_STACK_PAGE + STACK_PAGES)

/* What the entry code keeps behind each frame; upcall_entry.S has the offsets too. */
struct context {
    uint64_t stack_top;
    struct wk_thread *thread;
    struct wk_foreign_call call;
    uint64_t ra, sp, gp, tp;
    uint64_t t1_to_t6[6];
    uint64_t caller_saved_f[20];
    uint64_t fcsr;
};
_Static_assert(sizeof(struct wk_frame) == 592, "CONTEXT in upcall_entry.S");
_Static_assert(offsetof(struct context, call) == 16, "CONTEXT_A in upcall_entry.S");
_Static_assert(offsetof(struct context, ra) == 80, "CONTEXT_RA in upcall_entry.S");
_Static_assert(offsetof(struct context, t1_to_t6) == 112, "CONTEXT_T1 in upcall_entry.S");
_Static_assert(offsetof(struct context, caller_saved_f) == 160, "CONTEXT_F in upcall_entry.S");
_Static_assert(offsetof(struct context, fcsr) == 320, "CONTEXT_FCSR in upcall_entry.S");
_Static_assert(sizeof(struct wk_frame) + sizeof(struct context) <= WK_FRAME_BYTES,
               "frame and context share half a page");

struct wk_upcall_area {
    wk_handle memory;
    uint8_t *call_stack;
    struct wk_frame *call_frame;
    struct wk_frame *fault_frame;
    uint8_t *fault_stack;
};

/* upcall_entry.S and guarded_copy.S */
extern const char wk_upcall_entry[], wk_upcall_return[];
extern const char wk_guarded_begin[], wk_guarded_end[], wk_guarded_failed[];
uint64_t wk_guarded_copy(void *to, const void *from, size_t bytes);
/* Called by upcall_entry.S. */
void wk_upcall_foreign_call(struct wk_frame *frame, struct context *context);
void wk_upcall_deliver(struct wk_frame *frame);

static const struct wk_upcall_handlers none;
static const struct wk_upcall_handlers *registered;
static bool (*answer_missing_memory)(const struct wk_frame *frame);

/* Without an upcall entry, what trapped traps once more, and the kernel ends the process with the right reason. */
static void decline(void)
{
    wk_process_set_upcall(wk_self.process, 0, (uint64_t)wk_upcall_return);
}

void wk_upcall_foreign_call(struct wk_frame *frame, struct context *context)
{
    if (registered->foreign_call != NULL) {
        registered->foreign_call(&context->call);
        return;
    }
    decline();
    frame->pc -= 4;
}

void wk_upcall_deliver(struct wk_frame *frame)
{
    if (frame->cause == WK_UPCALL_CAUSE_INTERRUPT) {
        if (registered->interrupt != NULL)
            registered->interrupt(frame);
        return;
    }
    if (frame->pc >= (uint64_t)wk_guarded_begin && frame->pc < (uint64_t)wk_guarded_end) {
        frame->pc = (uint64_t)wk_guarded_failed;
        return;
    }
    if (answer_missing_memory != NULL && answer_missing_memory(frame))
        return;
    if (registered->fault == NULL || !registered->fault(frame))
        decline();
}

enum wk_status wk_upcalls_open(const struct wk_upcall_handlers *handlers)
{
    enum wk_status status;

    registered = handlers;
    status = wk_process_set_upcall(wk_self.process, (uint64_t)wk_upcall_entry, (uint64_t)wk_upcall_return);
    return status == WK_OK ? wk_upcalls_attach() : status;
}

enum wk_status wk_upcalls_answer_missing_memory(bool (*answer)(const struct wk_frame *frame))
{
    answer_missing_memory = answer;
    return registered == NULL ? wk_upcalls_open(&none) : wk_upcalls_attach();
}

static void area_release(struct wk_upcall_area *area)
{
    if (area->call_stack != NULL)
        wk_unmap(area->call_stack, STACK_PAGES + 1);
    if (area->fault_stack != NULL)
        wk_unmap(area->fault_stack, STACK_PAGES);
    if (area->memory != 0)
        wk_capability_delete(area->memory);
    wk_free(area);
}

static enum wk_status area_make(struct wk_upcall_area *area)
{
    void *low, *high;
    enum wk_status status = wk_memory_create(wk_self.bank, AREA_PAGES, WK_MEMORY_OPTIONS_ON_DEMAND, &area->memory);

    if (status == WK_OK)
        status = wk_map(area->memory, 0, STACK_PAGES + 1, WK_READ_WRITE, &low);
    if (status != WK_OK)
        return status;
    area->call_stack = low;
    area->call_frame = (struct wk_frame *)(void *)(area->call_stack + FRAMES_PAGE * WK_PAGE_BYTES);
    area->fault_frame = (struct wk_frame *)((uint64_t)area->call_frame + WK_FRAME_BYTES);
    status = wk_map(area->memory, FAULT_STACK_PAGE, STACK_PAGES, WK_READ_WRITE, &high);
    if (status == WK_OK)
        area->fault_stack = high;
    return status;
}

static void context_init(struct wk_frame *frame, struct wk_thread *thread, uint64_t stack_top)
{
    struct context *context = (struct context *)(frame + 1);

    context->stack_top = stack_top;
    context->thread = thread;
}

enum wk_status wk_upcalls_attach(void)
{
    struct wk_thread *self = wk_thread_self();
    struct wk_upcall_area *area;
    enum wk_status status;

    if (self->upcalls != NULL)
        return WK_OK;
    area = wk_allocate_zeroed(sizeof(*area));
    if (area == NULL)
        return WK_NO_MEMORY;
    status = area_make(area);
    if (status == WK_OK) {
        context_init(area->call_frame, self, (uint64_t)area->call_frame);
        context_init(area->fault_frame, self, (uint64_t)area->fault_stack + STACK_PAGES * WK_PAGE_BYTES);
        status = wk_thread_set_frames(self->handle, area->memory, FRAMES_PAGE, (uint64_t)area->call_frame);
    }
    if (status != WK_OK) {
        area_release(area);
        return status;
    }
    self->upcalls = area;
    return WK_OK;
}

void wk_upcalls_release(struct wk_thread *thread)
{
    if (thread->upcalls != NULL)
        area_release(thread->upcalls);
    thread->upcalls = NULL;
}

struct wk_frame *wk_upcalls_call_frame(void)
{
    return wk_thread_self()->upcalls->call_frame;
}

struct wk_frame *wk_upcalls_fault_frame(void)
{
    return wk_thread_self()->upcalls->fault_frame;
}

enum wk_status wk_copy_guarded(void *to, const void *from, size_t bytes)
{
    if (wk_thread_self()->upcalls == NULL)
        return WK_NOT_AVAILABLE;
    return wk_guarded_copy(to, from, bytes) == 0 ? WK_OK : WK_REVOKED;
}
