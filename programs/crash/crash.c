/* SPDX-License-Identifier: MIT */
/* Ways to die. Each ends this process alone, and its end says why. `crash` without a word lists them. */
#include <winkle/bank.h>
#include <winkle/memory.h>
#include <winkle/pages.h>
#include <winkle/print.h>
#include <winkle/start.h>
#include <winkle/text.h>
#include <winkle/upcalls.h>

#define NOWHERE 0xdead000
#define KERNEL_ADDRESS UINT64_C(0xffffffd000000000)
#define OUTSIDE_ADDRESS UINT64_C(0x0000800000000000)

static void load_from(uint64_t address)
{
    uint64_t value;

    __asm__ volatile("ld %0, (%1)" : "=r"(value) : "r"(address));
}

static void store_to(uint64_t address)
{
    __asm__ volatile("sd zero, (%0)" : : "r"(address) : "memory");
}

static void jump_to(uint64_t address)
{
    __asm__ volatile("jr %0" : : "r"(address));
}

static void crash_load(void)
{
    load_from(NOWHERE);
}

static void crash_store(void)
{
    store_to(NOWHERE);
}

static void crash_store_text(void)
{
    store_to((uint64_t)crash_store_text);
}

static void crash_store_constant(void)
{
    static const uint64_t constant = 1;

    store_to((uint64_t)&constant);
}

static void crash_fetch(void)
{
    jump_to(NOWHERE);
}

static void crash_fetch_data(void)
{
    static uint32_t data[] = {0x00000013};

    jump_to((uint64_t)data);
}

static void crash_null(void)
{
    load_from(0);
}

static void crash_kernel_load(void)
{
    load_from(KERNEL_ADDRESS);
}

static void crash_kernel_store(void)
{
    store_to(KERNEL_ADDRESS);
}

static void crash_kernel_fetch(void)
{
    jump_to(KERNEL_ADDRESS);
}

static void crash_outside(void)
{
    load_from(OUTSIDE_ADDRESS);
}

static void crash_illegal(void)
{
    __asm__ volatile(".4byte 0xffffffff");
}

static void crash_zero(void)
{
    __asm__ volatile(".2byte 0");
}

static void crash_privileged(void)
{
    __asm__ volatile("csrr t0, sstatus" : : : "t0");
}

static void crash_breakpoint(void)
{
    __asm__ volatile("ebreak");
}

static void crash_misaligned(void)
{
    static uint64_t words[2];

    __asm__ volatile("amoadd.w zero, zero, (%0)" : : "r"((uint64_t)words + 1) : "memory");
}

static void crash_foreign_call(void)
{
    __asm__ volatile("li a7, 93\n\tecall" : : : "a0", "a7", "memory");
}

/* As a recursion without end does, until the page below the stack is reached. */
static void crash_stack(void)
{
    __asm__ volatile("1: addi sp, sp, -512; sd zero, 0(sp); j 1b" : : : "memory");
}

static void crash_no_memory(void)
{
    uint64_t limit_pages, used_pages, objects, children;
    enum wk_bank_kind kind;
    wk_handle memory;
    void *address;

    if (wk_bank_info(wk_self.bank, &limit_pages, &used_pages, &objects, &children, &kind) != WK_OK ||
        wk_map_new(limit_pages + 1, WK_MEMORY_OPTIONS_ON_DEMAND, &memory, &address) != WK_OK)
        return;
    for (uint64_t page = 0; page <= limit_pages; page++)
        store_to((uint64_t)address + page * WK_PAGE_BYTES);
}

static bool fault_again(struct wk_frame *frame)
{
    load_from(frame->detail);
    return true;
}

static void crash_handler(void)
{
    static const struct wk_upcall_handlers handlers = {.fault = fault_again};

    if (wk_upcalls_open(&handlers) == WK_OK)
        load_from(NOWHERE);
}

struct kind {
    const char *name;
    void (*die)(void);
};

static const struct kind kinds[] = {
    {"load", crash_load},
    {"store", crash_store},
    {"store-text", crash_store_text},
    {"store-constant", crash_store_constant},
    {"fetch", crash_fetch},
    {"fetch-data", crash_fetch_data},
    {"null", crash_null},
    {"kernel-load", crash_kernel_load},
    {"kernel-store", crash_kernel_store},
    {"kernel-fetch", crash_kernel_fetch},
    {"outside", crash_outside},
    {"illegal", crash_illegal},
    {"zero", crash_zero},
    {"privileged", crash_privileged},
    {"breakpoint", crash_breakpoint},
    {"misaligned", crash_misaligned},
    {"foreign-call", crash_foreign_call},
    {"stack", crash_stack},
    {"no-memory", crash_no_memory},
    {"handler", crash_handler},
};

static int usage(void)
{
    wk_print("usage: crash KIND\n       crash exit STATUS\nkinds:");
    for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        wk_print(" %s", kinds[i].name);
    wk_print("\n");
    return 2;
}

int main(int argc, char **argv)
{
    uint64_t status;

    if (argc == 3 && strcmp(argv[1], "exit") == 0 && wk_parse_number(argv[2], strlen(argv[2]), &status))
        return (int)status;
    for (unsigned i = 0; argc == 2 && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(kinds[i].name, argv[1]) == 0) {
            kinds[i].die();
            wk_fail("it is still alive", WK_OK);
        }
    }
    return usage();
}
