/* SPDX-License-Identifier: MIT */
/* The Supervisor Binary Interface, version 2.0; chapters are of its specification. */
#ifndef SBI_H
#define SBI_H

#include <stdbool.h>
#include <stdint.h>

struct sbi_answer {
    int64_t error;
    uint64_t value;
};

enum sbi_extension {
    SBI_LEGACY_SET_TIMER = 0x00, /* chapter 5 */
    SBI_LEGACY_PUTCHAR = 0x01,
    SBI_LEGACY_GETCHAR = 0x02,
    SBI_LEGACY_SHUTDOWN = 0x08,
    SBI_BASE = 0x10,          /* chapter 4 */
    SBI_TIME = 0x54494d45,    /* chapter 6 */
    SBI_IPI = 0x735049,       /* chapter 7 */
    SBI_HSM = 0x48534d,       /* chapter 9 */
    SBI_RESET = 0x53525354,   /* chapter 10 */
    SBI_CONSOLE = 0x4442434e, /* chapter 12 */
};

/* Finds out which extensions there are. */
void sbi_init(void);
/* Prints which firmware it is. */
void sbi_print(void);

void sbi_send_ipi(uint64_t hartid);
/* Starts a hart at a physical address; false if firmware will not. It may come in by the image's start (start.S). */
bool sbi_hart_start(uint64_t hartid, uint64_t entry);

enum sbi_reset_type { SBI_SHUTDOWN, SBI_COLD_REBOOT };
enum sbi_reset_reason { SBI_NO_REASON, SBI_SYSTEM_FAILURE };
/* Returns if firmware can't. */
void sbi_reset(enum sbi_reset_type type, enum sbi_reset_reason reason);

#endif
