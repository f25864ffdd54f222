/* SPDX-License-Identifier: MIT */
/*
 * Starting programs, waiting for their end, and taking back all that they had.
 *
 * A program gets: its segments and a stack, all pages of one memory object on demand, paid by the bank named; the start
 * block (start.h); its own process and first thread, lent; the bank, lent, if it is to have one; a budget for its threads,
 * lent; and the capabilities granted. Whatever it takes from its bank ends with the bank; what it was lent ends with its
 * launcher's capabilities.
 */
#ifndef WINKLE_LAUNCH_H
#define WINKLE_LAUNCH_H

#include <winkle/archive.h>
#include <winkle/start.h>

#include <stdbool.h>

#define WK_STACK_PAGES 16
/* Rights of a program to the bank and the budgets it lives on: it may spend, not destroy itself by them. */
#define WK_BANK_RIGHTS_TO_SPEND (WK_BANK_RIGHT_PAY | WK_BANK_RIGHT_SPLIT | WK_BANK_RIGHT_INSPECT)
#define WK_BUDGET_RIGHTS_TO_SPEND (WK_BUDGET_RIGHT_USE | WK_BUDGET_RIGHT_SPLIT | WK_BUDGET_RIGHT_INSPECT)

/* A capability that the program is given, and by what name. */
struct wk_grant {
    const char *name; /* at most 15 bytes */
    wk_handle handle;
    enum wk_transfer transfer;
    uint64_t rights;
    uint64_t offset, bytes; /* see struct wk_named */
};

struct wk_launch {
    const uint8_t *elf;
    size_t elf_bytes;
    int argc;
    const char *const *argv; /* argc strings; with the grants they must fit into a page */
    wk_handle bank;          /* pays; with the rights to pay and, if bank_rights is not 0, whatever is lent of it */
    uint64_t bank_rights;    /* which rights the program gets to the bank; 0: it gets no bank */
    wk_handle budget;        /* on which its threads run as it is; 0: on one made for it, which shares `budget_of` */
    wk_handle budget_of;     /* 0: wk_budget_in_turn() */
    bool forks; /* it makes processes that may outlive it: bank and budget are given to it as its own, and its memory
                              * as "image" */
    bool harts; /* it also gets a budget on each hart on which the launcher has one (harts.h) */
    uint64_t ceiling;        /* no thread of it is more urgent, for the budgets made for it are not */
    uint64_t priority;       /* of its first thread */
    uint64_t stack_pages;    /* 0: WK_STACK_PAGES */
    wk_handle fault_session; /* by which its faults are told (faults.h); 0: it ends by them */
    wk_handle end_event; /* signalled with end_bits when it has ended; 0: the kernel reports a crash on the console */
    uint64_t end_bits;
    const struct wk_grant *grants;
    unsigned grant_count;
};

struct wk_child {
    wk_handle process;
    wk_handle thread;                         /* its first */
    wk_handle budget;                         /* the one made for it; 0 if it was given another */
    wk_handle memory;                         /* its segments, stack and start block */
    uint64_t entry, stack_top, start_address; /* how the first thread starts */
};

/* How a process ended. */
struct wk_end {
    enum wk_end_reason reason;
    uint64_t detail;
    uint64_t counter; /* the program counter at a fault */
};

/* Starts a program. On failure nothing is left, and *problem says what could not be done or what is wrong with the file
 * (then the status is WK_BAD_ARGUMENT). Blocks until the file's bytes are copied. */
enum wk_status wk_launch(const struct wk_launch *launch, struct wk_child *child, const char **problem);
/* Does the same but for starting the first thread: for launchers that add to the process before it runs. */
enum wk_status wk_launch_prepare(const struct wk_launch *launch, struct wk_child *child, const char **problem);
/* Starts what wk_launch_prepare prepared. */
enum wk_status wk_launch_start(const struct wk_child *child);

/* Waits for the bits with which the launch said the end is signalled. WK_TIMED_OUT at the deadline. */
enum wk_status wk_child_wait(const struct wk_child *child, wk_handle event, uint64_t bits, uint64_t deadline_ns,
                             struct wk_end *end);
/* How it has ended, for who has taken those bits already. */
enum wk_status wk_child_end(const struct wk_child *child, struct wk_end *end);
/* Ends the program if it still runs, and deletes the capabilities of `child`. The bank stays. */
void wk_child_release(struct wk_child *child);

/* Whether it ended by its own or somebody's decision, with a status; else it died by a fault. */
static inline bool wk_end_is_exit(const struct wk_end *end)
{
    return end->reason == WK_END_REASON_KILLED;
}
/* Writes "load_fault at 0x10 (pc 0x1234)" or "exit 3". Returns the length. */
size_t wk_end_print(const struct wk_end *end, char *text, size_t bytes);

/* Maps the boot archive that the program was given under the name "archive"; init has checked it. WK_NOT_AVAILABLE if
 * it was given none. */
enum wk_status wk_archive_map(struct wk_archive *archive);

#endif
