/* SPDX-License-Identifier: MIT */
/*
 * Host tests: a booted kernel in a simulated machine, and a test that acts as its user programs.
 *
 * A test acts as one thread at a time: the stubs of <winkle/…> invoke as that thread does, through its processor's
 * registers and the kernel's own trap path. After every invocation the invariants are checked (check.h). Each test runs
 * in a process of its own, so it finds a machine just booted.
 */
#ifndef HARNESS_H
#define HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bank.h"
#include "capability.h"
#include "check.h"
#include "event.h"
#include "host.h"
#include "interface_table.h"
#include "budget.h"
#include "endpoint.h"
#include "irq.h"
#include "mailbox.h"
#include "mapping.h"
#include "memory.h"
#include "process.h"
#include "thread.h"
#include "timer.h"

#include <winkle/bank.h>
#include <winkle/boot.h>
#include <winkle/capability.h>
#include <winkle/budget.h>
#include <winkle/endpoint.h>
#include <winkle/event.h>
#include <winkle/frame.h>
#include <winkle/irq.h>
#include <winkle/machine.h>
#include <winkle/mailbox.h>
#include <winkle/memory.h>
#include <winkle/message.h>
#include <winkle/process.h>
#include <winkle/ring.h>
#include <winkle/thread.h>
#include <winkle/timer.h>
#include <winkle/trace.h>

/*
 * Runs each test in a process of its own, those named on the command line or all. With -d before the name of one test it
 * runs in this process, for a debugger. Returns what main returns.
 */
int run_machine_tests(int count, char **arguments, const struct CMUnitTest *tests, size_t test_count);

/* Boots and acts as the first thread of the first process. `machine` NULL: one hart, 64 MiB. */
void machine_start(const struct host_machine *machine);
/* A cmocka setup function that does so with the usual machine. */
int machine_setup(void **state);
#define machine_test(function) cmocka_unit_test_setup(function, machine_setup)

/* The handles of the first process. */
#define BOOT_PROCESS WK_FIRST_HANDLE(WK_BOOT_PROCESS)
#define BOOT_THREAD WK_FIRST_HANDLE(WK_BOOT_THREAD)
#define BOOT_BANK WK_FIRST_HANDLE(WK_BOOT_BANK)
#define BOOT_MACHINE WK_FIRST_HANDLE(WK_BOOT_MACHINE)
#define BOOT_TRACE WK_FIRST_HANDLE(WK_BOOT_TRACE)
#define BOOT_IMAGE WK_FIRST_HANDLE(WK_BOOT_IMAGE)
#define BOOT_PAGE WK_FIRST_HANDLE(WK_BOOT_PAGE)
#define BOOT_DEVICE_TREE WK_FIRST_HANDLE(WK_BOOT_DEVICE_TREE)
#define BOOT_TIM WK_FIRST_HANDLE(WK_BOOT_TIM)
#define BOOT_ARCHIVE WK_FIRST_HANDLE(WK_BOOT_ARCHIVE)
#define BOOT_BUDGET WK_FIRST_HANDLE(WK_BOOT_BUDGET)

#define ALL_RIGHTS WK_RIGHTS_ALL
#define READ WK_PROTECTION_READ
#define WRITE WK_PROTECTION_WRITE
#define EXECUTE WK_PROTECTION_EXECUTE
#define ON_DEMAND WK_MEMORY_OPTIONS_ON_DEMAND
#define LARGE WK_MEMORY_OPTIONS_LARGE

/* ---- acting ---- */

/* From now on the test is this thread. It may be waiting; then it cannot do anything but be asked for its answer. */
void act_as(struct thread *thread);
struct thread *actor(void);
/* Makes the thread current on its hart, whatever its priority. Fails the test if it cannot run. */
void make_current(struct thread *thread);
/* Whether it can become current: it is passive perhaps, and nobody runs for it, or has capacity. */
bool can_come_to_run(struct thread *thread);
/* Makes it so; false if it cannot run, or is ended by another hart before it does. */
bool try_make_current(struct thread *thread);

/* Lets the reapers finish what they have to do. */
void settle(void);
/* Lets the thread's operation go on; after `points` preemption points a more urgent thread takes its hart from it, if
 * `rival` is one that can run there. */
void step_partly(struct thread *thread, unsigned points, struct thread *rival);
/* As the stubs do, but the operation may be left unfinished in the same way. */
void invoke_partly(struct thread *thread, uint64_t operation, wk_handle handle, const uint64_t words[6],
                   unsigned points, struct thread *rival);

/* The same for a page fault. */
void fault_partly(struct thread *thread, enum arch_access access, uint64_t address, unsigned points,
                  struct thread *rival);

/* Leaves `thread` in the middle of a long operation, at that preemption point, with the actor running in its place. */
void begin_operation(struct thread *thread, uint64_t operation, wk_handle handle, const uint64_t words[6],
                     unsigned points);
/* Lets it come to its end. */
enum wk_status finish_operation(struct thread *thread);

/* What the stubs answer if the invocation got no answer yet: the thread waits, is suspended, or is no more. */
#define NOT_ANSWERED ((enum wk_status)0x7000)
/* Result words of the last invocation, whatever it answered; what is not status of a0; t0 and a7 of a message. */
extern uint64_t answer_words[6];
extern uint64_t answer_kind, answer_badge, answer_operation;
/* Whether the thread waits for an answer, and the answer that it got later. */
bool is_waiting(const struct thread *thread);
enum wk_status late_answer(struct thread *thread);

/* An answer that the interface files do not mention is printed, once, and is no failure. For finding more than one. */
extern bool harness_collects_statuses;
/* The operation, which cannot be invoked by a trap, has answered so in a ring. */
void answer_seen(uint64_t number, enum wk_status status);
/* What the interface files say of an operation; NULL if there is none of that number. */
const struct interface_operation *operation_by_number(uint64_t number);

/* ---- threads ---- */

#define NEVER UINT64_MAX

/* A further thread of the first process, ready to run, and its handle if `handle` is not NULL. */
struct thread *spawn(unsigned priority, wk_handle *handle);
/* Has the thread wait, by a handle of its own process; whoever acts goes on acting. */
void begin_wait(struct thread *thread, wk_handle event, uint64_t mask, uint64_t deadline);
/* The thread's wait has ended with that answer. */
void assert_answered(struct thread *thread, enum wk_status status, uint64_t bits);

/* ---- calls ---- */

/* A session of the endpoint with that badge, which is told of when it ends. */
wk_handle make_session(wk_handle endpoint, uint64_t badge);
wk_handle make_endpoint(wk_handle bank);
/* As that thread: what the operation word and the words say, with a deadline if the operation word has the flag. */
enum wk_status send_as(struct thread *thread, uint64_t operation, wk_handle handle, const uint64_t words[6],
                       uint64_t deadline);
/* The same with one word, or none, and no deadline. */
enum wk_status call_as(struct thread *thread, wk_handle session, uint64_t operation, uint64_t word);
enum wk_status receive_as(struct thread *thread, wk_handle endpoint);
enum wk_status reply_receive_as(struct thread *thread, wk_handle endpoint, uint64_t word);
/* The thread got that message. */
void assert_received(struct thread *thread, enum wk_message_kind kind, uint64_t badge, uint64_t operation,
                     uint64_t word);
/* The thread runs on nothing of its own any more. */
void make_passive(wk_handle thread);

/* ---- user code ---- */

/* Accesses of the acting thread, through page tables and TLB, with page faults as they come. False: the kernel did not
 * answer the fault, but called the handler, or ended the process. */
bool user_load(uint64_t address, void *to, size_t bytes);
bool user_store(uint64_t address, const void *from, size_t bytes);
bool user_fetch(uint64_t address);
uint64_t user_word(uint64_t address); /* fails the test if it faults */
void user_set_word(uint64_t address, uint64_t value);
/* A register of the acting thread, as its code sees it; 0 is the program counter. */
uint64_t user_register(unsigned number);
void user_set_register(unsigned number, uint64_t value);
/* A foreign call: an ecall with that number in a7. */
void user_foreign_call(uint64_t number);

/* ---- programs ---- */

/* A process with a bank of its own and a thread that runs; handles are the maker's. */
struct program {
    wk_handle bank;
    wk_handle process;
    wk_handle thread;
    struct process *process_record;
    struct thread *thread_record;
};

/* Made by the acting thread, from its BOOT_BANK. */
struct program program_make(uint64_t pages, unsigned priority);
/* Gives the program a capability of the acting thread; returns its handle there. */
wk_handle program_grant(const struct program *program, wk_handle handle, enum wk_transfer transfer, uint64_t rights);

/* ---- looking in ---- */

struct capability *slot_of(wk_handle handle); /* in the acting thread's table; NULL: it names none */
struct object *object_of(wk_handle handle);
struct bank *bank_of(wk_handle handle);
struct memory *memory_of(wk_handle handle);
struct process *process_of(wk_handle handle);
struct thread *thread_of(wk_handle handle);
struct event *event_of(wk_handle handle);
uint64_t bank_used(wk_handle bank);
uint64_t bank_left(wk_handle bank);
bool object_exists(uint64_t identity);
uint64_t identity_of(wk_handle handle);

/* ---- saying it short ---- */

#define assert_ok(invocation) assert_int_equal((invocation), WK_OK)
#define assert_status(invocation, status) assert_int_equal((invocation), (status))
/* The status of an error that names an argument. */
#define assert_error_at(invocation, status, argument)                                                                  \
    do {                                                                                                               \
        assert_int_equal((invocation), (status));                                                                      \
        assert_int_equal(answer_words[0], (argument));                                                                 \
    } while (0)

/* The state of the kernel is again what it was when `before` was taken by check_state_text; frees it. */
void assert_state_is(char *before);

wk_handle make_memory(wk_handle bank, uint64_t pages, uint64_t options);
wk_handle make_event(wk_handle bank);
wk_handle make_bank(wk_handle bank, uint64_t pages);
/* A bank with exactly so many pages left, which has room for the record of one more memory object. */
wk_handle bank_with(uint64_t pages);
uint64_t pages_of(wk_handle memory);
uint64_t present_pages_of(wk_handle memory);
wk_handle lend(wk_handle handle, uint64_t rights);
wk_handle duplicate(wk_handle handle, uint64_t rights);
/* Maps whole memory at `address` of the acting process. */
void map(wk_handle memory, uint64_t address, uint64_t protection);

#endif
