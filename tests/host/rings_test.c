/* SPDX-License-Identifier: MIT */
/* The ends of rings, with peers that write whatever they like as their index, at any time; and pools of buffers. */
#include "../../lib/channel/pool.c"

#include <winkle/rings.h>

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SIZE 8
#define BEHIND 64 /* bytes behind the ring, where nobody writes */

static _Alignas(64) uint8_t memory[WK_RING_HEADER_BYTES + SIZE * WK_RING_MESSAGE_BYTES + BEHIND];
static struct wk_ring *const ring = (struct wk_ring *)(void *)memory;
static struct wk_ring_producer producer;
static struct wk_ring_consumer consumer;

/* Both have come as far as `index`, and the ring is empty. */
static void begin_at(uint32_t index)
{
    memset(memory, 0, sizeof(memory));
    ring->producer.index = ring->consumer.index = index;
    wk_ring_producer_init(&producer, ring, SIZE);
    wk_ring_consumer_init(&consumer, ring, SIZE);
    producer.written = consumer.read = consumer.end = index;
    producer.limit = index + SIZE;
}

static int setup(void **state)
{
    (void)state;
    begin_at(0);
    return 0;
}

#define ring_test(function) cmocka_unit_test_setup(function, setup)

static void fill_messages(struct wk_ring_message *messages, uint32_t count, uint64_t seed)
{
    for (uint32_t i = 0; i < count; i++)
        for (unsigned word = 0; word < 8; word++)
            messages[i].words[word] = (seed + i) * 100 + word;
}

static void send(uint32_t count, uint64_t seed)
{
    struct wk_ring_message messages[SIZE];

    fill_messages(messages, count, seed);
    wk_ring_fill(&producer, messages, count);
    wk_ring_publish(&producer, count);
}

static void receive(uint32_t count, uint64_t seed)
{
    struct wk_ring_message messages[SIZE], wanted[SIZE];

    fill_messages(wanted, count, seed);
    wk_ring_take(&consumer, messages, count);
    wk_ring_give_back(&consumer, count);
    assert_memory_equal(messages, wanted, count * sizeof(*messages));
}

static void messages_arrive_wherever_they_stand(void **state)
{
    (void)state;
    for (uint32_t count = 1; count <= SIZE; count++) {
        begin_at(UINT32_MAX - 100);
        for (unsigned i = 0; i < 100; i++) {
            if (wk_ring_room(&producer) < count)
                assert_int_equal(wk_ring_look_for_room(&producer), WK_OK);
            send(count, i);
            assert_int_equal(wk_ring_look_for_messages(&consumer), WK_OK);
            assert_int_equal(wk_ring_ready(&consumer), count);
            receive(count, i);
            assert_int_equal(wk_ring_look_for_messages(&consumer), WK_WOULD_BLOCK);
        }
    }
}

static void a_full_ring_has_no_room(void **state)
{
    (void)state;
    send(SIZE, 0);
    assert_int_equal(wk_ring_room(&producer), 0);
    assert_int_equal(wk_ring_look_for_room(&producer), WK_WOULD_BLOCK);
    assert_int_equal(wk_ring_look_for_messages(&consumer), WK_OK);
    receive(3, 0);
    assert_int_equal(wk_ring_look_for_room(&producer), WK_OK);
    assert_int_equal(wk_ring_room(&producer), 3);
}

static void sizes_are_powers_of_two(void **state)
{
    (void)state;
    for (uint64_t size = 0; size < 100000; size++) {
        bool is_power = false;

        for (uint64_t power = 1; power <= WK_RING_MESSAGES_MAX; power *= 2)
            is_power = is_power || power == size;
        assert_int_equal(wk_ring_size_is_valid(size), is_power);
    }
    assert_false(wk_ring_size_is_valid(UINT64_C(1) << 32));
}

/* ---- indices that cannot be ---- */

/* Each index that is written into a ring where `written` messages were sent, `seen` of which were known to be read. */
static void a_consumers_index_is_checked(void **state)
{
    static const uint32_t far[] = {1U << 31, (1U << 31) - 1, 0xfffffff0, 0x10000};

    (void)state;
    for (uint32_t start = 0; start < 2; start++) {
        for (uint32_t seen = 0; seen <= SIZE; seen++) {
            for (uint32_t written = seen; written <= SIZE; written++) {
                for (uint32_t i = 0; i < 44; i++) {
                    const uint32_t said = i < 40 ? i - 20 : far[i - 40];
                    struct wk_ring_producer before;
                    enum wk_status status;

                    begin_at(start == 0 ? 0 : UINT32_MAX - 2);
                    producer.limit += seen;
                    producer.written += written;
                    before = producer;
                    ring->consumer.index += said;
                    status = wk_ring_look_for_room(&producer);
                    if (said < seen || said > written) {
                        assert_int_equal(status, WK_BAD_ARGUMENT);
                        assert_memory_equal(&producer, &before, sizeof(before));
                    } else {
                        assert_int_equal(status, written - said == SIZE ? WK_WOULD_BLOCK : WK_OK);
                        assert_int_equal(wk_ring_room(&producer), SIZE - (written - said));
                    }
                }
            }
        }
    }
}

static void a_producers_index_is_checked(void **state)
{
    static const uint32_t far[] = {1U << 31, (1U << 31) - 1, 0xfffffff0, 0x10000};

    (void)state;
    for (uint32_t start = 0; start < 2; start++) {
        for (uint32_t seen = 0; seen <= SIZE; seen++) {
            for (uint32_t i = 0; i < 44; i++) {
                const uint32_t said = i < 40 ? i - 20 : far[i - 40];
                struct wk_ring_consumer before;
                enum wk_status status;

                begin_at(start == 0 ? 0 : UINT32_MAX - 2);
                consumer.end += seen;
                before = consumer;
                ring->producer.index += said;
                status = wk_ring_look_for_messages(&consumer);
                if (said < seen || said > SIZE) {
                    assert_int_equal(status, WK_BAD_ARGUMENT);
                    assert_memory_equal(&consumer, &before, sizeof(before));
                } else {
                    assert_int_equal(status, said == 0 ? WK_WOULD_BLOCK : WK_OK);
                    assert_int_equal(wk_ring_ready(&consumer), said);
                }
            }
        }
    }
}

/* ---- a peer that changes everything all the time ---- */

static bool is_over;

static void *rave(void *unused)
{
    uint64_t random = 1;

    (void)unused;
    while (!__atomic_load_n(&is_over, __ATOMIC_RELAXED)) {
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407U;
        wk_ring_store(&ring->producer.index,
                      (uint32_t)(random >> 60) + __atomic_load_n(&ring->consumer.index, __ATOMIC_RELAXED));
        wk_ring_store(&ring->consumer.sleeps, (uint32_t)(random >> 33));
        wk_ring_store_word(&ring->messages[random >> 61].words[random >> 58 & 7], random);
    }
    return NULL;
}

static void a_raving_peer_does_no_harm(void **state)
{
    static const uint8_t zeros[BEHIND];
    struct wk_ring_message messages[SIZE];
    pthread_t peer;
    unsigned received = 0, refused = 0;

    (void)state;
    is_over = false;
    assert_int_equal(pthread_create(&peer, NULL, rave, NULL), 0);
    while (received < 100000 || refused < 1000) {
        const uint32_t before = wk_ring_ready(&consumer);

        if (wk_ring_look_for_messages(&consumer) == WK_BAD_ARGUMENT) {
            refused++;
            assert_int_equal(wk_ring_ready(&consumer), before);
        }
        assert_true(wk_ring_ready(&consumer) <= SIZE);
        if (wk_ring_ready(&consumer) != 0) {
            const uint32_t count = wk_ring_ready(&consumer);
            struct wk_ring_message copy[SIZE];

            wk_ring_take(&consumer, messages, count);
            memcpy(copy, messages, count * sizeof(*messages));
            wk_ring_give_back(&consumer, count);
            (void)wk_ring_must_wake_consumer(&producer);
            assert_memory_equal(copy, messages, count * sizeof(*messages));
            received += count;
        }
    }
    __atomic_store_n(&is_over, true, __ATOMIC_RELAXED);
    assert_int_equal(pthread_join(peer, NULL), 0);
    assert_memory_equal(memory + sizeof(memory) - BEHIND, zeros, BEHIND);
}

/* ---- sleep ---- */

static void who_sleeps_is_woken_once(void **state)
{
    (void)state;
    assert_false(wk_ring_must_wake_consumer(&producer));
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(wk_ring_consumer_sleeps(&consumer), WK_WOULD_BLOCK);
        send(1, i);
        assert_true(wk_ring_must_wake_consumer(&producer));
        assert_false(wk_ring_must_wake_consumer(&producer));
        wk_ring_consumer_wakes(&consumer);
        assert_int_equal(wk_ring_look_for_messages(&consumer), WK_OK);
        receive(1, i);
        assert_false(wk_ring_must_wake_consumer(&producer));
    }
}

static void who_finds_something_does_not_sleep(void **state)
{
    (void)state;
    send(1, 0);
    assert_int_equal(wk_ring_consumer_sleeps(&consumer), WK_OK);
    assert_false(wk_ring_must_wake_consumer(&producer));
    assert_int_equal(wk_ring_producer_sleeps(&producer), WK_OK);
    send(SIZE - 1, 1);
    assert_int_equal(wk_ring_producer_sleeps(&producer), WK_WOULD_BLOCK);
    receive(1, 0);
    assert_true(wk_ring_must_wake_producer(&consumer));
    assert_false(wk_ring_must_wake_producer(&consumer));
    wk_ring_producer_wakes(&producer);
    assert_int_equal(wk_ring_look_for_room(&producer), WK_OK);
}

/* ---- buffers ---- */

static void buffers_pass_and_come_back(void **state)
{
    static uint8_t bytes[100 * 64 + 63];
    const struct wk_buffers buffers = wk_buffers_of(bytes, sizeof(bytes), 64);
    bool is_out[100] = {false};
    struct wk_pool pool;
    uint64_t taken;

    (void)state;
    assert_int_equal(buffers.count, 100);
    wk_pool_init(&pool, &buffers);
    for (unsigned i = 0; i < 100; i++) {
        assert_int_equal(wk_pool_take(&pool, &taken), WK_OK);
        assert_true(taken < 100 && !is_out[taken]);
        is_out[taken] = true;
        assert_ptr_equal(wk_buffer(&buffers, taken), bytes + 64 * taken);
    }
    assert_int_equal(wk_pool_take(&pool, &taken), WK_WOULD_BLOCK);
    assert_int_equal(wk_pool_give_back(&pool, 100), WK_BAD_ARGUMENT);
    assert_int_equal(wk_pool_give_back(&pool, UINT64_MAX), WK_BAD_ARGUMENT);
    assert_int_equal(wk_pool_give_back(&pool, 63), WK_OK);
    assert_int_equal(wk_pool_give_back(&pool, 63), WK_BAD_ARGUMENT);
    assert_int_equal(wk_pool_take(&pool, &taken), WK_OK);
    assert_int_equal(taken, 63);
    assert_null(wk_buffer(&buffers, 100));
    assert_int_equal(wk_buffers_of(bytes, sizeof(bytes), 0).count, 0);
    assert_int_equal(wk_buffers_of(bytes, UINT64_MAX, 1).count, WK_POOL_BUFFERS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ring_test(messages_arrive_wherever_they_stand),
        ring_test(a_full_ring_has_no_room),
        ring_test(sizes_are_powers_of_two),
        ring_test(a_consumers_index_is_checked),
        ring_test(a_producers_index_is_checked),
        ring_test(a_raving_peer_does_no_harm),
        ring_test(who_sleeps_is_woken_once),
        ring_test(who_finds_something_does_not_sleep),
        ring_test(buffers_pass_and_come_back),
    };

    return cmocka_run_group_tests_name("rings", tests, NULL, NULL);
}
