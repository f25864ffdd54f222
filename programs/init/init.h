/* SPDX-License-Identifier: MIT */
/* What the parts of init share. */
#ifndef INIT_H
#define INIT_H

#include <winkle/archive.h>
#include <winkle/launch.h>

#include "manifest.h"

#define COMMAND_WORDS_MAX 32

/* Statuses of init's own, with which the machine powers off. A program's own status comes before them. */
enum init_status {
    INIT_LOST_PAGES = 121,
    INIT_CRASHED = 125,
    INIT_REFUSED = 126,
    INIT_NOT_FOUND = 127,
};

/* What is left of init's bank. */
struct account {
    uint64_t limit_pages, used_pages, objects, children;
    uint64_t tim_pages; /* that it has left of that kind */
};

/* What a program runs on; of a service also what others reach it by. */
struct instance {
    wk_handle bank, tim, budget; /* 0: it has none */
    wk_handle endpoint;          /* 0: it serves nothing */
    struct wk_child child;
    uint64_t restarts;
};

enum service_state { SERVICE_NOT_STARTED, SERVICE_RUNS, SERVICE_HAS_FAILED };

struct service {
    struct instance instance;
    enum service_state state;
    unsigned order; /* 1: it was started first; 0: it was not */
};

/* The bits of the end event: the program under way, a pause, and from here on the service of each entry. */
#define END_PROGRAM UINT64_C(1)
#define END_PAUSE UINT64_C(2)
#define END_SERVICE(index) (UINT64_C(4) << (index))
_Static_assert(MANIFEST_PROGRAMS_MAX <= 62, "each entry has a bit");

/* What init has read at its start, and the services as they are. */
struct init {
    struct wk_archive archive;
    struct manifest manifest;
    struct service services[MANIFEST_PROGRAMS_MAX]; /* by the entry's number */
    unsigned services_started;
    struct account at_start;
    wk_handle end_event;
    bool quiet;
    unsigned command_count;                     /* 0: a normal boot */
    const char *command[COMMAND_WORDS_MAX + 1]; /* and a word before them */
};

/* How a program's run ended. */
struct run_result {
    bool started; /* else it was refused, with a message */
    int refusal;  /* enum init_status then */
    struct wk_end end;
    uint64_t pages_lost;
};

/* ---- account.c ---- */

struct account account_read(void);
/* How many pages init has less than before, once all frames on their way back have arrived; says so if any. */
uint64_t account_missing(const struct init *init, const struct account *before);

/* ---- instance.c: all of these say why not, and answer 0 or an init_status ---- */

/* The file of a program by this name; its path goes to `path`, of WK_ARCHIVE_NAME_BYTES. */
int program_find(const struct init *init, const struct manifest_program *program, const char *name, char *path,
                 struct wk_file *file);
/* Makes bank, budget and so on as the manifest says. */
int instance_create(struct instance *instance, const struct manifest_program *program, const char *path);
/* Starts the program in it: its end sets `end_bits` of init's event. The services that it uses run. */
int instance_launch(const struct init *init, struct instance *instance, const struct manifest_program *program,
                    const char *path, const struct wk_file *file, uint64_t end_bits, int argc, const char *const *argv);
/* Ends it if it runs, and takes back all that it had. */
void instance_destroy(struct instance *instance);
/* Says why something cannot be, with the status if that says more. */
void say_refused(const char *path, const char *problem, enum wk_status status);

/* ---- services.c ---- */

/* Starts the services that the program uses and that do not run yet. 0, or an init_status. */
int services_start_for(struct init *init, const struct manifest_program *program);
/* Starts a service, after those that it uses. 0, or an init_status. */
int service_start(struct init *init, const struct manifest_program *program);
/* Restarts those whose bits of the end event are set, as far as the manifest lets them. */
void services_ended(struct init *init, uint64_t bits);
/* Ends all of them, each before those that it uses. Returns how many pages were lost by them. */
uint64_t services_stop(struct init *init);

/* ---- run.c ---- */

/* Runs one program to its end, and takes back all that it had. */
struct run_result run_program(struct init *init, const struct manifest_program *program, const char *name, int argc,
                              const char *const *argv);

/* The machine as init leaves it. Does not return. */
__attribute__((noreturn)) void power_off(int status);

#endif
