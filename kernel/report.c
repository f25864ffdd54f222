/* SPDX-License-Identifier: MIT */
/*
 * The report of a process that ends by a fault while nobody listens for its end: one line on the console of last resort,
 * printed a character a step by whoever ends the process, since each character is a call to the firmware.
 * Guarded by the kernel lock.
 */
#include "process.h"

#include "console.h"

/* What a person reads of an end that nobody listens for, by the faults of wk_end_reason in their order. All have about the
 * same length, so that pointers to them would take more. */
static const char reasons[][23] = {
    "unhandled foreign call", "load fault at",      "store fault at",       "fetch fault at",
    "illegal instruction at", "breakpoint at",      "misaligned access at", "no memory for page at",
    "fault in handler at",    "page taken back at",
};
_Static_assert(sizeof(reasons) / sizeof(*reasons) == WK_END_REASON_REVOKED - WK_END_REASON_FOREIGN_CALL + 1,
               "one for each fault");

/*
 * The report that is being printed. The next begins when it is whole: until then, whoever owes one goes on with this. In its
 * text I stands for the process, R for the reason, after which the rest follows, D and C for the detail and the counter.
 */
static struct {
    struct process *process; /* whose end it tells of, which is not complete before; NULL: there is none */
    const char *text;        /* what is left */
    unsigned shift;          /* of a number, to its next digit */
} report = {.shift = 60};

void process_report_step(struct process *process)
{
    char character;
    bool passed = true;

    if (report.process == NULL) {
        report.process = process;
        report.text = "winkle: process I ended: R";
    }
    process = report.process;
    if (*report.text == 'R')
        report.text = reasons[process->reason - WK_END_REASON_FOREIGN_CALL];
    else if (*report.text == 0)
        report.text = " 0xD, pc 0xC\n";
    character = *report.text;
    if (character == 'D' || character == 'C') {
        const uint64_t rest = (character == 'D' ? process->end_detail : process->end_counter) >> report.shift;

        passed = report.shift == 0;
        report.shift = (report.shift - 4) & 63;
        if (rest == 0 && !passed)
            return; /* no leading zeros */
        character = "0123456789abcdef"[rest & 15];
    }
    report.text += passed;
    if (character == 'I')
        console_print("%lu", process->object.identity);
    else
        arch_console_put(character);
    if (character == '\n') {
        process->owes_report = false;
        report.process = NULL;
    }
}
