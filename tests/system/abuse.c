/* SPDX-License-Identifier: MIT */
/*
 * usage: test-abuse NAME END [WORD...] Runs the attack `bin/abuse-NAME WORD...` several times in a bank of its own,
 * beside an innocent neighbour. END is how each attack must end: `exit` (by itself, with status 0), the reason of a
 * fault such as `load_fault`, or `any`, which includes not at all: then it is killed. The neighbour must work on and
 * come to a good end, and all memory must come back.
 */
#include "actors.h"

#include <winkle/process.h>

#define ATTACKS 3
#define ATTACKER_PAGES 2048
#define ROUND_DONE 2
#define STOP 1
#define END_TEXT_BYTES 96
#define ACCOUNT_PAUSE_NS 50000000
#define ENDLESS_NS (3 * WK_NS_PER_SECOND)

struct account {
    uint64_t limit_pages, used_pages, objects, children;
};

static struct account read_account(void)
{
    struct account account;
    enum wk_bank_kind kind;

    EXPECT(WK_OK, wk_bank_info(wk_self.bank, &account.limit_pages, &account.used_pages, &account.objects,
                               &account.children, &kind));
    return account;
}

static wk_handle neighbour_event;

/* The neighbour does two more rounds, the second of which begins after now. */
static void neighbour_goes_on(const char *when)
{
    for (int round = 0; round < 2; round++) {
        uint64_t bits;

        if (wk_event_wait(neighbour_event, ROUND_DONE, wk_after_ns(ACTOR_PATIENCE_NS), &bits) != WK_OK)
            wk_fail(when, WK_OK);
    }
}

static void check_end(const char *wanted, const struct wk_end *end)
{
    char text[END_TEXT_BYTES];
    const size_t length = strlen(wanted);

    wk_end_print(end, text, sizeof(text));
    if (strcmp(wanted, "any") == 0 || (strcmp(wanted, "exit") == 0 && wk_end_is_exit(end) && end->detail == 0))
        return;
    if (strcmp(wanted, "exit") != 0 && strncmp(text, wanted, length) == 0 && text[length] == ' ')
        return;
    wk_print("abuse: the attack ended by %s, expected %s\n", text, wanted);
    wk_exit(1);
}

static void attack(int argc, char **argv)
{
    char name[WK_ARCHIVE_NAME_BYTES];
    const char *words[8] = {name};
    struct actor attacker;
    struct wk_end end;
    int count = 1;

    wk_print_text(name, sizeof(name), "abuse-%s", argv[1]);
    while (count < 8 && count + 2 < argc) {
        words[count] = argv[count + 2];
        count++;
    }
    actor_prepare(&attacker, ATTACKER_PAGES);
    actor_lend_archive(&attacker);
    actor_start(&attacker, count, words);
    if (strcmp(argv[2], "any") == 0) {
        uint64_t bits;

        if (wk_event_wait(attacker.event, 1, wk_after_ns(ENDLESS_NS), &bits) == WK_OK)
            EXPECT(WK_OK, wk_event_signal(attacker.event, 1));
        else
            wk_process_kill(attacker.child.process, 0);
    }
    end = actor_end(&attacker);
    check_end(argv[2], &end);
}

/* A destroyed bank gives its allowance back when the reapers are done with what lingers of it. */
static struct account settled_account(void)
{
    uint64_t bits;
    wk_handle event;

    EXPECT(WK_OK, wk_event_create(wk_self.bank, &event));
    EXPECT(WK_TIMED_OUT, wk_event_wait(event, 1, wk_after_ns(ACCOUNT_PAUSE_NS), &bits));
    EXPECT(WK_OK, wk_capability_delete(event));
    return read_account();
}

static void check_account(const struct account *before)
{
    const struct account after = settled_account();

    EQUAL(before->limit_pages, after.limit_pages);
    EQUAL(before->used_pages, after.used_pages);
    EQUAL(before->objects, after.objects);
    EQUAL(before->children, after.children);
}

int main(int argc, char **argv)
{
    struct actor neighbour;
    struct account before;

    if (argc < 3) {
        wk_print("usage: test-abuse NAME END [WORD...]\n");
        return 2;
    }
    EXPECT(WK_OK, wk_event_create(wk_self.bank, &neighbour_event));
    actor_prepare(&neighbour, ACTOR_BANK_PAGES);
    actor_lend(&neighbour, "stop", neighbour_event, WK_RIGHTS_ALL);
    actor_start(&neighbour, 1, (const char *const[]){"abuse-neighbour"});
    neighbour_goes_on("the neighbour does not work even when left alone");
    attack(argc, argv);
    before = settled_account();
    for (int i = 1; i < ATTACKS; i++) {
        attack(argc, argv);
        neighbour_goes_on("the neighbour does not go on after the attack");
    }
    check_account(&before);
    EXPECT(WK_OK, wk_event_signal(neighbour_event, STOP));
    actor_end_well(&neighbour, 0);
    wk_print("abuse: %s: harmless\n", argv[1]);
    return 0;
}
