/* SPDX-License-Identifier: MIT */
/*
 * Services: programs that run beside others, from when the first needs them until the machine is powered off. One that
 * dies is started again with the same endpoint, so its clients keep their sessions: a call that it was serving is answered
 * `abandoned`, others wait for the new one. When it may not be started again its endpoint goes, and with it the
 * sessions of its clients.
 */
#include "init.h"

#include <winkle/calls.h>
#include <winkle/capability.h>
#include <winkle/clock.h>
#include <winkle/endpoint.h>
#include <winkle/print.h>
#include <winkle/text.h>

#define END_TEXT_BYTES 96
/* How long a service may take until it serves. */
#define PATIENCE_NS (10 * WK_NS_PER_SECOND)

static int launch_service(struct init *init, unsigned index)
{
    const struct manifest_program *program = &init->manifest.programs[index];
    const char *argv[1 + MANIFEST_ARGUMENTS_MAX] = {program->name};
    char path[WK_ARCHIVE_NAME_BYTES];
    struct wk_file file;
    const int refusal = program_find(init, program, program->name, path, &file);

    if (refusal != 0)
        return refusal;
    memcpy(argv + 1, program->arguments, sizeof(program->arguments));
    return instance_launch(init, &init->services[index].instance, program, path, &file, END_SERVICE(index),
                           1 + (int)program->argument_count, argv);
}

/* Until it has said which capabilities it accepts, calls with some are refused: so the first call is init's, of an operation
 * that nobody has. */
static bool serves(const struct instance *instance)
{
    uint64_t words[6] = {0};
    wk_handle session;
    enum wk_status status = wk_endpoint_mint(instance->endpoint, 0, 0, &session);

    if (status != WK_OK)
        return false;
    status = wk_call(session, WK_MESSAGE_OPERATION, words, wk_after_ns(PATIENCE_NS));
    wk_capability_delete(session);
    return status == WK_NO_SUCH_OPERATION;
}

int service_start(struct init *init, const struct manifest_program *program)
{
    const unsigned index = (unsigned)(program - init->manifest.programs);
    struct service *service = &init->services[index];
    int refusal;

    if (service->state == SERVICE_RUNS)
        return 0;
    if (service->state == SERVICE_HAS_FAILED) {
        say_refused(program->name, "this service has failed", WK_OK);
        return INIT_REFUSED;
    }
    refusal = services_start_for(init, program);
    if (refusal == 0)
        refusal = instance_create(&service->instance, program, program->name);
    if (refusal != 0)
        return refusal;
    refusal = launch_service(init, index);
    if (refusal == 0 && service->instance.endpoint != 0 && !serves(&service->instance)) {
        say_refused(program->name, "this service does not serve", WK_OK);
        refusal = INIT_REFUSED;
    }
    if (refusal == 0) {
        service->state = SERVICE_RUNS;
        service->order = ++init->services_started;
    } else {
        instance_destroy(&service->instance);
    }
    return refusal;
}

int services_start_for(struct init *init, const struct manifest_program *program)
{
    int refusal = 0;

    for (unsigned i = 0; i < program->use_count && refusal == 0; i++)
        refusal = service_start(init, manifest_find_service(&init->manifest, program->uses[i]));
    return refusal;
}

static void say_ended(const char *name, struct wk_child *child)
{
    struct wk_end end;
    char text[END_TEXT_BYTES];

    if (wk_child_end(child, &end) != WK_OK)
        return;
    wk_end_print(&end, text, sizeof(text));
    wk_print("winkle: %s ended: %s\n", name, text);
}

static void restart(struct init *init, unsigned index)
{
    const struct manifest_program *program = &init->manifest.programs[index];
    struct instance *instance = &init->services[index].instance;

    say_ended(program->name, &instance->child);
    wk_child_release(&instance->child);
    if (instance->restarts++ < program->restarts && launch_service(init, index) == 0)
        return;
    init->services[index].state = SERVICE_HAS_FAILED;
    if (instance->endpoint != 0)
        wk_capability_delete(instance->endpoint);
    instance->endpoint = 0;
}

void services_ended(struct init *init, uint64_t bits)
{
    for (unsigned i = 0; i < init->manifest.program_count; i++) {
        if ((bits & END_SERVICE(i)) != 0 && init->services[i].state == SERVICE_RUNS)
            restart(init, i);
    }
}

static struct service *service_started_as(struct init *init, unsigned order)
{
    unsigned i = 0;

    while (init->services[i].order != order)
        i++;
    return &init->services[i];
}

uint64_t services_stop(struct init *init)
{
    uint64_t lost;

    for (unsigned order = init->services_started; order > 0; order--)
        instance_destroy(&service_started_as(init, order)->instance);
    lost = account_missing(init, &init->at_start);
    if (lost != 0)
        wk_print("winkle: %lu pages lost by services\n", lost);
    return lost;
}
