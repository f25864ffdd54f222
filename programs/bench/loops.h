/* SPDX-License-Identifier: MIT */
/* Loops in assembly: instructions of so many turns with one `ecall` each, and of the same turns without it. */
#ifndef LOOPS_H
#define LOOPS_H

#include <winkle/abi.h>

uint64_t loop_invocations(uint64_t turns, wk_handle handle, uint64_t operation, uint64_t word);
uint64_t loop_invocations_without(uint64_t turns, wk_handle handle, uint64_t operation, uint64_t word);
uint64_t loop_foreign_calls(uint64_t turns);
uint64_t loop_foreign_calls_without(uint64_t turns);
extern const char empty_handler[], empty_handler_return[];

#endif
