/* SPDX-License-Identifier: MIT */
/*
 * Attempts by Winkle's own operations, past the personality: a program of Linux can invoke whatever its process has capabilities for, with
 * the stubs of native programs. And attempts on the personality and the kernel by their addresses.
 */
#include "isolation.h"

#include <winkle/bank.h>
#include <winkle/budget.h>
#include <winkle/capability.h>
#include <winkle/directory.h>
#include <winkle/endpoint.h>
#include <winkle/event.h>
#include <winkle/file.h>
#include <winkle/machine.h>
#include <winkle/memory.h>
#include <winkle/message.h>
#include <winkle/pipe.h>
#include <winkle/posix.h>
#include <winkle/process.h>
#include <winkle/terminal.h>
#include <winkle/thread.h>

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define INDEX_BITS 18
#define INDICES 256
#define GENERATIONS 24
#define HANDLES_MAX 512
#define SERVICE_OPERATIONS_LAST 0x2060

/* personality/linux/layout.h, linux.ld */
#define PERSONALITY UINT64_C(0x3000088000)
#define PERSONALITY_DATA UINT64_C(0x300009d000)
#define PERSONALITY_BYTES UINT64_C(0x20000)
#define PERSONALITY_HEAP UINT64_C(0x3000100000)

struct held {
    wk_handle handle;
    uint64_t type, rights, badge, identity;
};

static struct held table[HANDLES_MAX];
static unsigned held;

/* All that this process has: handles are found by trying. */
static void find_handles(void)
{
    held = 0;
    for (uint64_t generation = 1; generation <= GENERATIONS; generation++) {
        for (uint64_t index = 0; index < INDICES && held < HANDLES_MAX; index++) {
            struct held *at = &table[held];
            uint64_t borrowed, lent;

            at->handle = generation << INDEX_BITS | index;
            held += wk_capability_info(at->handle, &at->type, &at->rights, &borrowed, &lent, &at->badge,
                                       &at->identity) == WK_OK;
        }
    }
    CHECK(held > 8);
}

/* The operation with that handle, in whatever way this process comes out of it. */
static void invoke(uint64_t operation, wk_handle handle, const uint64_t *words)
{
    uint64_t copy[6];

    memcpy(copy, words, sizeof(copy));
    wk_trap(operation, handle, copy);
}

/* What only ends or stops this process before it has done its worst. */
static bool is_left_out(uint64_t operation)
{
    return operation == WK_PROCESS_KILL || operation == WK_PROCESS_SUSPEND || operation == WK_THREAD_STOP ||
           operation == WK_THREAD_SLEEP || operation == WK_PROCESS_UNMAP || operation == WK_CAPABILITY_DELETE ||
           operation == WK_CAPABILITY_REVOKE || operation == WK_POSIX_EXIT;
}

static void invoke_all(wk_handle handle, const uint64_t *words)
{
    for (uint64_t operation = WK_OPERATION_FIRST; operation <= WK_OPERATION_LAST; operation++) {
        if (!is_left_out(operation))
            invoke(operation | WK_MESSAGE_DEADLINE, handle, words);
    }
    for (uint64_t operation = 0x2000; operation <= SERVICE_OPERATIONS_LAST; operation++) {
        if (!is_left_out(operation))
            invoke(operation | WK_MESSAGE_DEADLINE, handle, words);
    }
}

static void types_of_handles(void)
{
    find_handles();
    for (unsigned i = 0; i < held; i++) {
        const struct held *at = &table[i];

        if (at->type == WK_TYPE_MACHINE || at->type == WK_TYPE_IRQ || at->type == WK_TYPE_TRACE ||
            at->type == WK_TYPE_ENDPOINT || at->type == WK_TYPE_REPLY)
            reached("a capability that no program is to have");
        if (at->type == WK_TYPE_BANK && (at->rights & WK_BANK_RIGHT_DESTROY) != 0)
            reached("the right to destroy its bank");
        if (at->type == WK_TYPE_BUDGET &&
            (at->rights & ~(uint64_t)(WK_BUDGET_RIGHT_USE | WK_BUDGET_RIGHT_SPLIT | WK_BUDGET_RIGHT_INSPECT)) != 0)
            reached("more than its part of the time");
    }
}

/* Each in a process of its own, for after some of them it is none any more. */
static void for_each_handle(void (*use)(const struct held *at))
{
    find_handles();
    for (unsigned i = 0; i < held; i++) {
        const pid_t pid = fork();

        if (pid == 0) {
            use(&table[i]);
            _exit(0);
        }
        usleep(5000);
        kill(pid, SIGKILL);
        while (waitpid(pid, NULL, 0) == -1 && errno == EINTR)
            ;
    }
}

static void use_with_zeros(const struct held *at)
{
    invoke_all(at->handle, (const uint64_t[6]){0});
}

static void use_with_handles(const struct held *at)
{
    uint64_t words[6];

    for (unsigned i = 0; i < 6; i++)
        words[i] = table[random_number() % held].handle;
    invoke_all(at->handle, words);
}

static void use_with_numbers(const struct held *at)
{
    uint64_t words[6];

    for (unsigned i = 0; i < 6; i++)
        words[i] = random_number() >> random_number() % 64;
    invoke_all(at->handle, words);
}

static void operations_with_zeros(void)
{
    for_each_handle(use_with_zeros);
}

static void operations_with_handles(void)
{
    for_each_handle(use_with_handles);
}

static void operations_with_numbers(void)
{
    for_each_handle(use_with_numbers);
}

static void unknown_operations(void)
{
    const uint64_t words[6] = {0};

    find_handles();
    for (unsigned i = 0; i < held; i++) {
        for (uint64_t operation = WK_OPERATION_LAST + 1; operation < WK_OPERATION_LAST + 40; operation++)
            invoke(operation | WK_MESSAGE_KERNEL_ONLY, table[i].handle, words);
        for (unsigned bit = 12; bit < 64; bit++)
            invoke((UINT64_C(1) << bit | 0xfff) | WK_MESSAGE_KERNEL_ONLY, table[i].handle, words);
    }
}

static void guessed_handles(void)
{
    for (unsigned i = 0; i < 20000; i++) {
        const uint64_t guess = random_number();

        if (wk_capability_check(guess | UINT64_C(1) << 45) == WK_OK)
            reached("something by a guessed handle");
    }
}

/* ---- sessions ---- */

static void forged_badges(void)
{
    wk_handle session;

    find_handles();
    for (unsigned i = 0; i < held; i++) {
        for (uint64_t badge = 0; badge < 20; badge++) {
            if (wk_endpoint_mint(table[i].handle, badge, 0, &session) == WK_OK)
                reached("a session by another badge");
        }
    }
}

static void another_attachment(void)
{
    wk_handle session, page;
    uint64_t pid;

    find_handles();
    for (unsigned i = 0; i < held; i++) {
        if (table[i].type == WK_TYPE_SESSION &&
            wk_posix_attach(table[i].handle, 0, 0, 0, &session, &page, &pid) == WK_OK)
            reached("the container's session");
        if (table[i].type == WK_TYPE_SESSION && wk_posix_signal_group(table[i].handle, 1, SIGKILL, 0) == WK_OK)
            reached("the container's session");
    }
}

static void processes_of_the_service(void)
{
    find_handles();
    for (unsigned i = 0; i < held; i++) {
        for (uint64_t pid = 2; table[i].type == WK_TYPE_SESSION && pid < PIDS; pid++) {
            if ((pid_t)pid != getpid() && wk_posix_kill(table[i].handle, pid, SIGKILL, 0, 0) == WK_OK)
                reached("a process by its number");
        }
    }
}

static void forged_tickets(void)
{
    uint64_t ticket = 0, own = 0;
    char *text = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    wk_handle bank = 0, memory = 0;

    memcpy(text, "ready", 5);
    find_handles();
    for (unsigned i = 0; i < held; i++)
        bank = table[i].type == WK_TYPE_BANK ? table[i].handle : bank;
    CHECK(wk_memory_create(bank, 1, 0, &memory) == WK_OK);
    for (unsigned i = 0; i < held; i++) {
        if (table[i].type != WK_TYPE_SESSION || wk_file_ticket(table[i].handle, &own) != WK_OK)
            continue;
        for (unsigned guess = 0; guess < 600; guess++) {
            ticket = guess < 100   ? guess
                     : guess < 300 ? own + guess - 200
                     : guess < 400 ? own ^ 1UL << (guess % 64)
                                   : random_number();
            if (ticket != own && wk_directory_bind(table[i].handle, ticket, memory, 0, 1) == WK_OK)
                reached("a directory by a forged ticket");
        }
    }
}

static void views_of_views(void)
{
    static const uint64_t up[2] = {0x752f2e2e2f2e2e, 0};
    wk_handle view, node;
    enum wk_node_kind kind;
    uint64_t device, identity, key;

    find_handles();
    for (unsigned i = 0; i < held; i++) {
        if (table[i].type != WK_TYPE_SESSION || wk_directory_view(table[i].handle, 0, &view) != WK_OK)
            continue;
        if (wk_directory_open_short(view, WK_OPEN_OPTIONS_PATH, 0x74756f2f2e2e2f, 0x6564697374, 0, 0, 0, &node, &kind,
                                    &device, &identity, &key) == WK_OK ||
            wk_directory_open_short(view, WK_OPEN_OPTIONS_PATH, up[0], up[1], 0, 0, 0, &node, &kind, &device, &identity,
                                    &key) == WK_OK)
            reached("a name above the view");
    }
}

static void other_named_pipes(void)
{
    wk_handle end;
    uint64_t is_other_open;

    find_handles();
    for (unsigned i = 0; i < held; i++) {
        for (uint64_t identity = 1; table[i].type == WK_TYPE_SESSION && identity < 3000; identity++) {
            if (wk_pipe_open_named(table[i].handle, identity, 1, 0, &end, &is_other_open) != WK_OK)
                break;
            if (is_other_open != 0)
                reached("somebody who reads a FIFO");
            wk_pipe_write_short(end, 4, 0x74756f, 0, 0, 0, 0);
            wk_capability_delete(end);
        }
    }
}

static void hardware_of_the_terminal(void)
{
    wk_handle event, line;
    uint64_t count, words[5];

    find_handles();
    for (unsigned i = 0; i < held; i++) {
        if (table[i].type != WK_TYPE_SESSION)
            continue;
        for (unsigned j = 0; j < held; j++) {
            if (table[j].type == WK_TYPE_EVENT && wk_capability_dup(table[j].handle, WK_RIGHTS_ALL, &event) == WK_OK &&
                wk_terminal_connect_line(table[i].handle, event, 1, &line) == WK_OK)
                reached("the hardware's side of the terminal");
        }
        if (wk_terminal_put_received(table[i].handle, 4, 0x0a6f6863, 0, 0, 0, 0, &count) == WK_OK ||
            wk_terminal_take_to_send(table[i].handle, 40, &count, &words[0], &words[1], &words[2], &words[3],
                                     &words[4]) == WK_OK)
            reached("the hardware's side of the terminal");
    }
}

/* ---- objects of the kernel ---- */

static void console_and_power(void)
{
    const uint64_t words[6] = {0};

    find_handles();
    for (unsigned i = 0; i < held; i++) {
        for (uint64_t operation = WK_MACHINE_CLAIM_REGION; operation <= WK_MACHINE_INSPECT_CAPABILITY; operation++) {
            uint64_t copy[6];

            memcpy(copy, words, sizeof(copy));
            if (operation >= WK_MACHINE_CLAIM_REGION && table[i].type != WK_TYPE_SESSION &&
                wk_trap(operation, table[i].handle, copy) == WK_OK && table[i].type == WK_TYPE_MACHINE)
                reached("the machine");
        }
    }
}

/* All memory that it can name, read from the beginning to behind the end. */
static void memory_by_handles(void)
{
    static char bytes[65536] __attribute__((aligned(4096)));
    wk_handle own = 0, bank = 0;

    find_handles();
    for (unsigned i = 0; i < held; i++)
        bank = table[i].type == WK_TYPE_BANK ? table[i].handle : bank;
    CHECK(wk_memory_create(bank, sizeof(bytes) / 4096, 0, &own) == WK_OK);
    for (unsigned i = 0; i < held; i++) {
        for (uint64_t at = 0; table[i].type == WK_TYPE_MEMORY && at < 256 * sizeof(bytes); at += sizeof(bytes)) {
            if (wk_memory_copy(own, 0, table[i].handle, at, sizeof(bytes)) != WK_OK)
                break;
            for (uint64_t index = 0, address = UINT64_C(0x2000000000); index < 1; index++) {
                wk_handle process = 0;

                for (unsigned j = 0; j < held; j++)
                    process = table[j].type == WK_TYPE_PROCESS ? table[j].handle : process;
                if (at == 0 && wk_memory_map(own, process, address, 0, sizeof(bytes) / 4096, 1) != WK_OK)
                    break;
                if (has_secret((const char *)address, sizeof(bytes)))
                    reached("the secret in a memory object");
            }
        }
        if (table[i].type == WK_TYPE_MEMORY)
            for (unsigned j = 0; j < held; j++)
                if (table[j].type == WK_TYPE_PROCESS)
                    wk_process_unmap(table[j].handle, UINT64_C(0x2000000000), sizeof(bytes) / 4096);
    }
}

static void more_rights_to_memory(void)
{
    wk_handle process = 0, copy;

    find_handles();
    for (unsigned i = 0; i < held; i++)
        process = table[i].type == WK_TYPE_PROCESS ? table[i].handle : process;
    for (unsigned i = 0; i < held; i++) {
        if (table[i].type != WK_TYPE_MEMORY || (table[i].rights & WK_MEMORY_RIGHT_WRITE) != 0)
            continue;
        if (wk_memory_map(table[i].handle, process, UINT64_C(0x2000000000), 0, 1,
                          WK_PROTECTION_READ | WK_PROTECTION_WRITE) == WK_OK)
            reached("memory to write that is to be read");
        if (wk_capability_dup(table[i].handle, WK_RIGHTS_ALL, &copy) == WK_OK) {
            uint64_t type, rights = 0, borrowed, lent, badge, identity;

            wk_capability_info(copy, &type, &rights, &borrowed, &lent, &badge, &identity);
            if ((rights & ~table[i].rights) != 0)
                reached("more rights than it had");
        }
    }
}

static void banks(void)
{
    wk_handle part;

    find_handles();
    for (unsigned i = 0; i < held; i++) {
        if (table[i].type != WK_TYPE_BANK)
            continue;
        if (wk_bank_destroy(table[i].handle) == WK_OK)
            reached("the end of its bank");
        for (unsigned bit = 14; bit < 28; bit++) {
            if (wk_bank_split(table[i].handle, UINT64_C(1) << bit, WK_BANK_KIND_RAM, &part) == WK_OK)
                reached("more memory than the container has");
        }
    }
}

static void budgets(void)
{
    wk_handle part;

    find_handles();
    for (unsigned i = 0; i < held; i++) {
        if (table[i].type != WK_TYPE_BUDGET)
            continue;
        if (wk_budget_destroy(table[i].handle) == WK_OK ||
            wk_budget_adjust(table[i].handle, UINT64_C(1000000000), UINT64_C(1000000000), 255, 0) == WK_OK)
            reached("all of the time");
        for (unsigned j = 0; j < held; j++) {
            if (table[j].type == WK_TYPE_BANK &&
                wk_budget_split(table[i].handle, table[j].handle, 0, 0, 200, 0, &part) == WK_OK)
                reached("a more urgent budget");
        }
    }
}

static void processes_by_handles(void)
{
    unsigned processes = 0;

    find_handles();
    for (unsigned i = 0; i < held; i++) {
        if (table[i].type != WK_TYPE_PROCESS)
            continue;
        for (unsigned j = 0; j < i; j++)
            processes += table[j].type == WK_TYPE_PROCESS && table[j].identity != table[i].identity;
    }
    if (processes != 0)
        reached("another process by its capability");
}

static void own_upcalls(void)
{
    find_handles();
    for (unsigned i = 0; i < held; i++) {
        if (table[i].type == WK_TYPE_PROCESS)
            wk_process_set_upcall(table[i].handle, (uint64_t)(uintptr_t)own_upcalls,
                                  (uint64_t)(uintptr_t)own_upcalls & ~3UL);
    }
    syscall(SYS_openat, AT_FDCWD, "/../../outside/secret", 0);
}

/* ---- the personality, and the kernel ---- */

static void jump(uint64_t address)
{
    ((void (*)(uint64_t, uint64_t, uint64_t))(uintptr_t)address)(random_number(), table[random_number() % 8].handle, 0);
}

static void each_in_a_child(void (*act)(uint64_t), unsigned count, uint64_t first, uint64_t bytes)
{
    find_handles();
    for (unsigned i = 0; i < count; i++) {
        const uint64_t address = first + (random_number() % bytes & ~UINT64_C(1));
        const pid_t pid = fork();

        if (pid == 0) {
            act(address);
            syscall(SYS_openat, AT_FDCWD, "/../../outside/secret", 0);
            _exit(0);
        }
        usleep(2000);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
}

static void jump_into_personality(void)
{
    each_in_a_child(jump, 40, PERSONALITY, PERSONALITY_DATA - PERSONALITY);
}

static void overwrite(uint64_t address)
{
    uint64_t *words = (uint64_t *)(uintptr_t)(address & ~UINT64_C(7));

    for (unsigned i = 0; i < 16; i++) {
        words[i] = random_number() % 2 != 0 ? random_number() : table[random_number() % held].handle;
        syscall(SYS_fstat, 1, table);
        syscall(SYS_getcwd, table, 100);
    }
}

static void overwrite_personality(void)
{
    each_in_a_child(overwrite, 40, PERSONALITY_DATA, 0x7000);
}

static void overwrite_heap(void)
{
    each_in_a_child(overwrite, 20, PERSONALITY_HEAP, 0x8000);
}

static void overwrite_code(void)
{
    if (mprotect((void *)PERSONALITY, 4096, PROT_READ | PROT_WRITE | PROT_EXEC) == 0 ||
        munmap((void *)PERSONALITY, PERSONALITY_BYTES) == 0 ||
        mmap((void *)PERSONALITY, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) !=
            MAP_FAILED)
        reached("the personality's pages by calls of Linux");
    *(volatile uint64_t *)PERSONALITY = 0;
    reached("the personality's code");
}

static void touch_kernel(uint64_t address)
{
    volatile uint64_t *word = (uint64_t *)(uintptr_t)(address & ~UINT64_C(7));

    if (random_number() % 2 != 0)
        *word = 0;
    reached(*word != 0 ? "the kernel's memory" : "the kernel's memory, of zeros");
}

static void load_from_kernel(void)
{
    each_in_a_child(touch_kernel, 4, UINT64_C(0xffffffc000000000), UINT64_C(0x3fc0000000));
    each_in_a_child(touch_kernel, 4, UINT64_C(0xffffffff00000000), UINT64_C(0xfffff000));
    touch_kernel(UINT64_C(0x80200000));
}

static void privileged(uint64_t number)
{
    switch (number / 2 % 8) {
    case 0:
        __asm__ volatile("csrw satp, zero");
        break;
    case 1:
        __asm__ volatile("sfence.vma");
        break;
    case 2:
        __asm__ volatile("sret");
        break;
    case 3:
        __asm__ volatile("wfi");
        break;
    case 4:
        __asm__ volatile("csrw sstatus, %0" : : "r"(-1L));
        break;
    case 5:
        __asm__ volatile("csrw stvec, zero");
        break;
    case 6:
        __asm__ volatile(".word 0x30200073"); /* mret */
        break;
    default:
        __asm__ volatile("csrw sie, zero");
    }
    reached("what only the kernel may do");
}

static void privileged_instructions(void)
{
    for (uint64_t i = 0; i < 8; i++)
        each_in_a_child(privileged, 1, i * 2, 1);
}

const struct attempt winkle_attempts[] = {
    {"types-of-handles", types_of_handles},
    {"operations-with-zeros", operations_with_zeros},
    {"operations-with-handles", operations_with_handles},
    {"operations-with-numbers", operations_with_numbers},
    {"unknown-operations", unknown_operations},
    {"guessed-handles", guessed_handles},
    {"forged-badges", forged_badges},
    {"another-attachment", another_attachment},
    {"processes-of-the-service", processes_of_the_service},
    {"forged-tickets", forged_tickets},
    {"views-of-views", views_of_views},
    {"other-named-pipes", other_named_pipes},
    {"hardware-of-the-terminal", hardware_of_the_terminal},
    {"console-and-power", console_and_power},
    {"memory-by-handles", memory_by_handles},
    {"more-rights-to-memory", more_rights_to_memory},
    {"banks", banks},
    {"budgets", budgets},
    {"processes-by-handles", processes_by_handles},
    {"own-upcalls", own_upcalls},
    {"jump-into-personality", jump_into_personality},
    {"overwrite-personality", overwrite_personality},
    {"overwrite-heap", overwrite_heap},
    {"overwrite-code", overwrite_code},
    {"load-from-kernel", load_from_kernel},
    {"privileged-instructions", privileged_instructions},
    {NULL, NULL},
};
