/* SPDX-License-Identifier: MIT */
/* Alarms of the process service: in the order of their times, against a plain list; repeats, overruns, bounds. */
#include "service_kernel.h"

/* clang-format off: these come behind what they ask for */
#include "../../lib/winkle/records.c"
#include "../../services/posix/alarms.c"
/* clang-format on */

#define PROCESSES 8
#define NUMBERS 32

static struct process processes[PROCESSES];
static uint64_t timer, last_at, sent;
static uint64_t due[PROCESSES][NUMBERS]; /* the model: when each comes; 0: it is not set */

void effect_set_timer(uint64_t at_ns)
{
    timer = at_ns;
}

/* The value says whose it is, so that the model can tell that it was due, and that none before it was left out. */
enum wk_status signal_send(struct process *to, const struct signal *signal)
{
    uint64_t *at = &due[to - processes][signal->value];

    assert_true(*at != 0 && *at >= last_at);
    last_at = *at;
    *at = 0;
    sent++;
    return WK_OK;
}

/* It expires once. */
static void run(uint64_t now)
{
    last_at = 0;
    timer = UINT64_MAX;
    alarms_run(now);
}

static int setup(void **state)
{
    (void)state;
    memset(due, 0, sizeof(due));
    for (unsigned i = 0; i < PROCESSES; i++) {
        processes[i] = (struct process){0};
        wk_link_init(&processes[i].alarms);
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (unsigned i = 0; i < PROCESSES; i++)
        alarms_drop(&processes[i]);
    assert_int_equal(count, 0);
    assert_int_equal(alarms.count, 0);
    assert_true(timer == UINT64_MAX);
    return 0;
}

static uint64_t next_due(void)
{
    uint64_t least = UINT64_MAX;

    for (unsigned i = 0; i < PROCESSES * NUMBERS; i++) {
        const uint64_t at = due[i / NUMBERS][i % NUMBERS];

        least = at != 0 && at < least ? at : least;
    }
    return least;
}

static void random_alarms(void **state)
{
    uint64_t now = 0;

    (void)state;
    srand(1);
    for (unsigned i = 0; i < 20000; i++) {
        const unsigned process = (unsigned)rand() % PROCESSES, number = (unsigned)rand() % NUMBERS;
        const struct alarm_times times = {.at = rand() % 4 == 0 ? 0 : now + 1 + (uint64_t)rand() % 1000};
        struct alarm_times earlier;

        assert_int_equal(alarm_set(&processes[process], number, &times, 10, number, &earlier), WK_OK);
        assert_int_equal(earlier.at, due[process][number]);
        due[process][number] = times.at;
        assert_true(timer == next_due());
        if (rand() % 8 == 0) {
            now += (uint64_t)rand() % 100;
            run(now);
            assert_true(next_due() > now && timer == next_due());
        }
        if (rand() % 500 == 0) {
            alarms_drop(&processes[process]);
            memset(due[process], 0, sizeof(due[process]));
        }
    }
    assert_true(sent > 1000);
}

static void repeats(void **state)
{
    struct alarm_times earlier;

    (void)state;
    assert_int_equal(
        alarm_set(&processes[0], 0, &(struct alarm_times){.at = 1000000, .interval = 1000000}, 10, 0, &earlier), WK_OK);
    due[0][0] = 1000000;
    run(1000000);
    assert_true(timer == 2000000);
    due[0][0] = 2000000;
    run(5500000); /* late: what is missed has overrun */
    assert_true(timer == 6000000);
    processes[0].pending = signal_bit(10);
    run(6000000); /* pending still: it is not sent again */
    assert_int_equal(alarm_set(&processes[0], 0, &(struct alarm_times){.at = 7000000, .interval = 1}, 10, 0, &earlier),
                     WK_OK);
    assert_int_equal(earlier.overruns, 4);
    assert_int_equal(earlier.at, 7000000);
    run(7000000);
    assert_true(timer == 7000000 + INTERVAL_MIN_NS); /* as often as may be */
    assert_int_equal(
        alarm_set(&processes[0], 0, &(struct alarm_times){.at = 1, .interval = UINT64_MAX}, 10, 0, &earlier), WK_OK);
    run(8000000);
    assert_true(timer == UINT64_MAX);
}

static void no_room(void **state)
{
    static struct process many[ALARMS_MAX / NUMBERS + 1];
    struct alarm_times earlier;

    (void)state;
    for (unsigned i = 0; i <= ALARMS_MAX; i++) {
        if (i % NUMBERS == 0)
            wk_link_init(&many[i / NUMBERS].alarms);
        assert_int_equal(
            alarm_set(&many[i / NUMBERS], i % NUMBERS, &(struct alarm_times){.at = 1000 - i % 7}, 1, 0, &earlier),
            i < ALARMS_MAX ? WK_OK : WK_NO_MEMORY);
    }
    for (unsigned i = 0; i <= ALARMS_MAX / NUMBERS; i++)
        alarms_drop(&many[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(random_alarms, setup, teardown),
        cmocka_unit_test_setup_teardown(repeats, setup, teardown),
        cmocka_unit_test_setup_teardown(no_room, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
