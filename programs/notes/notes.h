/* SPDX-License-Identifier: MIT */
/* The example of docs/services.md: a service that keeps notes, and its clients, which are the same program. */
#ifndef NOTES_H
#define NOTES_H

#include <winkle/abi.h>

#define NOTES_CLIENTS 2

/* Ends the program if something failed that should not. */
void expect(const char *what, enum wk_status status);

/* Makes the service, and a session of it for each client, by which it is told their ends. */
void server_create(wk_handle sessions[NOTES_CLIENTS]);
/* Serves until all clients have ended. */
void server_run(void);

/* What a client does, with its session. */
int client_main(wk_handle session, uint64_t number);

#endif
