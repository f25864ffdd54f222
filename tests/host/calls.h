/* SPDX-License-Identifier: MIT */
/* What tests of calls begin with: the machine just booted, in which `boot` acts, a server and a client. */
#ifndef CALLS_H
#define CALLS_H

#include "programs.h"

#define SERVER_PRIORITY 75
#define CLIENT_PRIORITY 70
#define BADGE 7
/* An operation of no interface of the kernel. */
#define ASK UINT64_C(0x2000)

/* Of the first process: an endpoint, a session of it that tells of its end, a thread for each side, and an event. */
extern wk_handle endpoint, session, event;
extern struct thread *server, *client;
extern wk_handle server_handle, client_handle;

/* A cmocka setup function. */
int call_setup(void **state);
#define call_test(function) cmocka_unit_test_setup(function, call_setup)

/* The thread calls, by `session` or another, and waits for its answer. */
void begin_call(struct thread *thread, wk_handle by, uint64_t word);
/* The same with a deadline. */
void begin_call_until(struct thread *thread, wk_handle by, uint64_t word, uint64_t deadline_ns);
/* The thread, which finds nothing, waits to receive. */
void begin_receive(struct thread *thread, wk_handle from);
/* `client` calls, and `server` takes the call. */
void be_served(void);
/* endpoint: reply, with a status and one word. */
enum wk_status reply_as(struct thread *thread, wk_handle at, enum wk_status status, uint64_t word);
/* endpoint: reply_save, by a thread of the first process. */
enum wk_status save_as(struct thread *thread, wk_handle at, wk_handle *reply);
/* reply: send, with a status and one word. */
enum wk_status answer_by(struct thread *thread, wk_handle reply, enum wk_status status, uint64_t word);
/* Deletes a capability of the thread's process. */
void delete_as(struct thread *thread, wk_handle handle);
/* The first thread stops to be the most urgent one of all. */
void rest(void);
/* `server` becomes passive. */
void make_server_passive(void);
/* Time passes, and what it brings happens. */
void pass_to(uint64_t time_ns);
/* The thread runs on its hart now, and at the expense of `payer`. */
void assert_runs(const struct thread *thread);
void assert_runs_for(const struct thread *thread, const struct thread *payer);

/* The same with two more: between server and client on one side and `high` on the other `middle`, which always wants to
 * run. */
#define MIDDLE_PRIORITY 80
#define HIGH_PRIORITY 90
extern struct thread *middle, *high;
extern wk_handle middle_handle, high_handle;
int helping_setup(void **state);
#define helping_test(function) cmocka_unit_test_setup(function, helping_setup)

#endif
