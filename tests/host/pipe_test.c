/* SPDX-License-Identifier: MIT */
/* Pipes of the pipe service: bytes in order through pages that come and go, spans, who is told, and no memory at any point. */
#include "service_kernel.h"

/* clang-format off: these come behind what they ask for */
#include "../../lib/winkle/records.c"
#include "../../services/pipes/pages.c"
#include "../../services/pipes/pipe.c"
/* clang-format on */

static struct pipe pipe;
static uint64_t seed;

static int setup(void **state)
{
    (void)state;
    pages_left = UINT64_MAX;
    seed = 1;
    memset(told, 0, sizeof(told));
    pipe_init(&pipe);
    pipe.open[SIDE_READ] = pipe.open[SIDE_WRITE] = 1;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    pipe_end(&pipe);
    assert_int_equal(pipe.page_count, 0);
    assert_int_equal(arms.count, 0);
    return 0;
}

#define pipe_test(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

static uint32_t next_random(uint32_t below)
{
    seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (uint32_t)((seed >> 33) % below);
}

static uint8_t byte_at(uint64_t place)
{
    return (uint8_t)(place * 7 + place / 251);
}

/* By words, or by spans as from memory. */
static bool put_stream(uint64_t place, uint32_t length)
{
    uint8_t bytes[WK_CAPACITY];

    if (!pipe_reserve(&pipe, length))
        return false;
    for (uint32_t i = 0; i < length; i++)
        bytes[i] = byte_at(place + i);
    if (length <= WK_SHORT_MAX) {
        pipe_put(&pipe, bytes, length);
        return true;
    }
    for (uint32_t done = 0; done < length;) {
        const struct span span = pipe_span(&pipe, pipe.count + done, length - done);

        assert_true(span.length > 0 && span.length <= length - done);
        assert_ptr_equal(span.address, (uint8_t *)span.memory + span.offset);
        memcpy(span.address, bytes + done, span.length);
        done += span.length;
    }
    pipe_filled(&pipe, length);
    return true;
}

static void get_stream(uint64_t place, uint32_t length)
{
    uint8_t bytes[WK_CAPACITY];

    if (length <= WK_SHORT_MAX) {
        pipe_get(&pipe, bytes, length);
    } else {
        for (uint32_t done = 0; done < length;) {
            const struct span span = pipe_span(&pipe, done, length - done);

            memcpy(bytes + done, span.address, span.length);
            done += span.length;
        }
        pipe_taken(&pipe, length);
    }
    for (uint32_t i = 0; i < length; i++)
        assert_int_equal(bytes[i], byte_at(place + i));
}

static void bytes_stay_in_order(void **state)
{
    uint64_t in = 0, out = 0;

    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        const uint32_t most = next_random(3) == 0 ? (uint32_t)WK_CAPACITY : 100;
        const uint32_t length = 1 + next_random(most);

        if (next_random(2) == 0 && length <= pipe_room(&pipe)) {
            assert_true(put_stream(in, length));
            in += length;
        } else if (length <= pipe.count) {
            get_stream(out, length);
            out += length;
        }
        assert_int_equal(pipe.count, in - out);
        assert_true(pipe.page_count <= PIPE_PAGES_MAX);
        assert_int_equal(pipe.page_count, pages_for(&pipe, pipe.count));
    }
}

static void empty_pipe_has_no_page(void **state)
{
    (void)state;
    assert_true(put_stream(0, WK_CAPACITY));
    assert_int_equal(pipe.page_count, 16);
    get_stream(0, 1);
    assert_true(put_stream(WK_CAPACITY, 1)); /* the first and the last in part */
    assert_int_equal(pipe.page_count, 17);
    get_stream(1, WK_CAPACITY);
    assert_int_equal(pipe.page_count, 0);
    assert_int_equal(pipe.head, 0);
}

/* Emptied and filled again, it is copied in one piece. */
static void pages_stay_adjacent(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        assert_true(pipe_reserve(&pipe, WK_CAPACITY));
        assert_int_equal(pipe_span(&pipe, 0, WK_CAPACITY).length, WK_CAPACITY);
        pipe_filled(&pipe, WK_CAPACITY);
        pipe_taken(&pipe, WK_CAPACITY);
    }
}

static void no_memory_changes_nothing(void **state)
{
    struct pipe other;

    (void)state;
    pipe_init(&other);
    assert_true(put_stream(0, WK_CAPACITY)); /* so that no free page is left */
    pages_left = 0;
    assert_false(pipe_reserve(&other, 1));
    get_stream(0, 5000);
    assert_true(pipe_reserve(&other, 4096));
    assert_false(pipe_reserve(&other, 4097));
    assert_int_equal(other.page_count, 0);
    pipe_end(&other);
    get_stream(5000, WK_CAPACITY - 5000);
}

static void who_waits_is_told_once(void **state)
{
    struct waiter reader, writer;

    (void)state;
    waiter_init(&reader, 1, 1);
    waiter_init(&writer, 2, 1);
    assert_true(pipe_arm(&pipe, SIDE_READ, &reader, WK_READINESS_READABLE, 0));
    assert_true(pipe_arm(&pipe, SIDE_READ, &reader, WK_READINESS_READABLE, 0));
    assert_int_equal(reader.arm_count, 1);
    pipe_tell(&pipe, SIDE_READ, WK_READINESS_JOINED);
    assert_false(is_told(1));
    pipe_tell(&pipe, SIDE_WRITE, WK_READINESS_WRITABLE);
    assert_false(is_told(1));
    pipe_tell(&pipe, SIDE_READ, WK_READINESS_READABLE);
    assert_true(is_told(1));
    pipe_tell(&pipe, SIDE_READ, WK_READINESS_READABLE);
    assert_false(is_told(1));

    assert_true(put_stream(0, WK_CAPACITY));
    assert_true(pipe_arm(&pipe, SIDE_WRITE, &writer, WK_READINESS_WRITABLE, 100));
    assert_true(pipe_arm(&pipe, SIDE_WRITE, &writer, WK_READINESS_WRITABLE, 10)); /* the lesser need counts */
    get_stream(0, 9);
    pipe_tell(&pipe, SIDE_WRITE, WK_READINESS_WRITABLE);
    assert_false(is_told(2));
    get_stream(9, 1);
    pipe_tell(&pipe, SIDE_WRITE, WK_READINESS_WRITABLE);
    assert_true(is_told(2));
    assert_true(pipe_arm(&pipe, SIDE_WRITE, &writer, WK_READINESS_WRITABLE, 4096));
    pipe.open[SIDE_READ] = 0;
    pipe_tell(&pipe, SIDE_WRITE, WK_READINESS_WRITABLE | WK_READINESS_HUNG_UP);
    assert_true(is_told(2));
    assert_true(pipe_arm(&pipe, SIDE_READ, &reader, WK_READINESS_READABLE | PIPE_NON_BLOCKING, 0));
    pipe_tell(&pipe, SIDE_READ, WK_READINESS_JOINED);
    assert_false(is_told(1));
    pipe_tell(&pipe, SIDE_READ, PIPE_NON_BLOCKING);
    assert_true(is_told(1));
    waiter_end(&reader);
    waiter_end(&writer);
}

static void arms_are_bounded_and_go(void **state)
{
    static struct pipe many[ARMS_OF_WAITER + 1];
    struct waiter waiter;

    (void)state;
    waiter_init(&waiter, 3, 1);
    for (unsigned i = 0; i <= ARMS_OF_WAITER; i++) {
        pipe_init(&many[i]);
        assert_int_equal(pipe_arm(&many[i], SIDE_READ, &waiter, WK_READINESS_READABLE, 0), i < ARMS_OF_WAITER);
    }
    for (unsigned i = 0; i <= ARMS_OF_WAITER; i += 2)
        pipe_end(&many[i]);
    assert_int_equal(waiter.arm_count, ARMS_OF_WAITER / 2);
    waiter_end(&waiter);
    for (unsigned i = 1; i <= ARMS_OF_WAITER; i += 2) {
        pipe_tell(&many[i], SIDE_READ, WK_READINESS_READABLE);
        pipe_end(&many[i]);
    }
    assert_false(is_told(3));
}

static void records_are_not_found_again(void **state)
{
    static struct wk_records records = {.bytes = 40, .limit = 100};
    uint64_t numbers[100], number;
    void *found[100];

    (void)state;
    assert_non_null(wk_records_take(&records, &number));
    for (uint64_t i = number + 1; i < number + 100; i++)
        assert_null(wk_records_find(&records, i));
    wk_records_give_back(&records, wk_records_find(&records, number));
    for (unsigned i = 0; i < 100; i++) {
        found[i] = wk_records_take(&records, &numbers[i]);
        assert_non_null(found[i]);
        assert_int_equal(wk_record_number(found[i]), numbers[i]);
    }
    assert_null(wk_records_take(&records, &number));
    for (unsigned i = 0; i < 100; i++)
        assert_ptr_equal(wk_records_find(&records, numbers[i]), found[i]);
    wk_records_give_back(&records, found[50]);
    assert_null(wk_records_find(&records, numbers[50]));
    for (uint64_t again = 0; again < 4; again++)
        assert_null(wk_records_find(&records, numbers[50] + again * (WK_RECORDS_INDEX_MASK + 1)));
    assert_ptr_equal(wk_records_take(&records, &number), found[50]);
    assert_int_not_equal(number, numbers[50]);
    assert_null(wk_records_find(&records, numbers[50]));
    assert_ptr_equal(wk_records_find(&records, number), found[50]);
    assert_null(wk_records_find(&records, 0));
    assert_null(wk_records_find(&records, UINT64_MAX));
    pages_left = 0;
    wk_records_give_back(&records, found[51]);
    assert_non_null(wk_records_take(&records, &number));
    records.limit = WK_RECORDS_MAX;
    for (unsigned i = 100; i < 128; i++)
        assert_non_null(wk_records_take(&records, &number));
    assert_null(wk_records_take(&records, &number));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        pipe_test(bytes_stay_in_order),         pipe_test(empty_pipe_has_no_page), pipe_test(pages_stay_adjacent),
        pipe_test(no_memory_changes_nothing),   pipe_test(who_waits_is_told_once), pipe_test(arms_are_bounded_and_go),
        pipe_test(records_are_not_found_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
