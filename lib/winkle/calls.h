/* SPDX-License-Identifier: MIT */
/*
 * Calls: what no generated stub does, since a message has more registers than the six words (winkle/message.h). Clients
 * call by the stubs of the service's interface, or by wk_call; servers receive and answer by these.
 */
#ifndef WINKLE_CALLS_H
#define WINKLE_CALLS_H

#include <winkle/abi.h>
#include <winkle/clock.h>
#include <winkle/message.h>

#define WK_NO_DEADLINE UINT64_MAX

/* The registers of a message: in as they are sent, out as they are received. */
struct wk_registers {
    uint64_t a0, a7, t0;
    uint64_t words[6];
};

/* A message as it was received. */
struct wk_message {
    enum wk_message_kind kind;
    uint64_t capabilities; /* a bit for each word that is the handle of a capability that came with it */
    uint64_t badge;
    uint64_t operation;
    uint64_t words[6];
};

/* What is answered: a status, six words, and which of them are capabilities that are lent or given. */
struct wk_answer {
    enum wk_status status;
    uint64_t capabilities; /* bits as WK_MESSAGE_CAPABILITY and WK_MESSAGE_GIVE have them */
    uint64_t words[6];
};

#ifdef __riscv
static inline void wk_trap_registers(struct wk_registers *registers)
{
    register uint64_t a0 __asm__("a0") = registers->a0;
    register uint64_t a1 __asm__("a1") = registers->words[0];
    register uint64_t a2 __asm__("a2") = registers->words[1];
    register uint64_t a3 __asm__("a3") = registers->words[2];
    register uint64_t a4 __asm__("a4") = registers->words[3];
    register uint64_t a5 __asm__("a5") = registers->words[4];
    register uint64_t a6 __asm__("a6") = registers->words[5];
    register uint64_t a7 __asm__("a7") = registers->a7;
    register uint64_t t0 __asm__("t0") = registers->t0;

    __asm__ volatile("ecall"
                     : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3), "+r"(a4), "+r"(a5), "+r"(a6), "+r"(a7), "+r"(t0)
                     :
                     : "t1", "t2", "t3", "t4", "t5", "t6", "memory");
    *registers = (struct wk_registers){a0, a7, t0, {a1, a2, a3, a4, a5, a6}};
}
#endif

/* The bits of an operation word that say that there is a deadline. */
static inline uint64_t wk_deadline_flag(uint64_t deadline_ns)
{
    return deadline_ns == WK_NO_DEADLINE ? 0 : WK_MESSAGE_DEADLINE;
}

/*
 * Calls `session` with an operation number and six words, which the answer's replace; `operation` may have further bits
 * for capabilities among the words, to be lent or given and to be accepted with the answer.
 * @return what the server answered, or WK_TIMED_OUT, WK_ABANDONED, WK_REVOKED, WK_TOO_DEEP, WK_DEADLOCK, WK_NOT_ACCEPTED.
 */
static inline enum wk_status wk_call(wk_handle session, uint64_t operation, uint64_t words[static 6],
                                     uint64_t deadline_ns)
{
    struct wk_registers registers = {session, operation | wk_deadline_flag(deadline_ns), deadline_ns, {0}};

    for (unsigned i = 0; i < 6; i++)
        registers.words[i] = words[i];
    wk_trap_registers(&registers);
    for (unsigned i = 0; i < 6; i++)
        words[i] = registers.words[i];
    return (enum wk_status)WK_RECEIVED_STATUS(registers.a0);
}

/* Reads a message out of the registers in which it came. */
static inline enum wk_status wk_message_read(const struct wk_registers *registers, struct wk_message *message)
{
    const enum wk_status status = (enum wk_status)WK_RECEIVED_STATUS(registers->a0);

    if (status == WK_OK)
        *message = (struct wk_message){
            .kind = (enum wk_message_kind)WK_RECEIVED_KIND(registers->a0),
            .capabilities = WK_RECEIVED_CAPABILITIES(registers->a0),
            .badge = registers->t0,
            .operation = registers->a7,
            .words = {registers->words[0], registers->words[1], registers->words[2], registers->words[3],
                      registers->words[4], registers->words[5]},
        };
    return status;
}

/* The registers of an answer, sent to an endpoint or a saved right to reply. */
static inline struct wk_registers wk_answer_registers(wk_handle to, uint64_t operation, const struct wk_answer *answer,
                                                      uint64_t deadline_ns)
{
    return (struct wk_registers){
        .a0 = to,
        .a7 = operation | answer->capabilities | WK_MESSAGE_STATUS(answer->status) | wk_deadline_flag(deadline_ns),
        .t0 = deadline_ns,
        .words = {answer->words[0], answer->words[1], answer->words[2], answer->words[3], answer->words[4],
                  answer->words[5]},
    };
}

/* endpoint: receive. */
static inline enum wk_status wk_receive(wk_handle endpoint, struct wk_message *message, uint64_t deadline_ns)
{
    struct wk_registers registers = {endpoint, WK_ENDPOINT_RECEIVE | wk_deadline_flag(deadline_ns), deadline_ns, {0}};

    wk_trap_registers(&registers);
    return wk_message_read(&registers, message);
}

/* endpoint: reply_receive. */
static inline enum wk_status wk_reply_receive(wk_handle endpoint, const struct wk_answer *answer,
                                              struct wk_message *message, uint64_t deadline_ns)
{
    struct wk_registers registers =
        wk_answer_registers(endpoint, WK_ENDPOINT_REPLY_RECEIVE | WK_MESSAGE_QUICK, answer, deadline_ns);

    wk_trap_registers(&registers);
    return wk_message_read(&registers, message);
}

/* endpoint: reply. */
static inline enum wk_status wk_reply(wk_handle endpoint, const struct wk_answer *answer)
{
    struct wk_registers registers = wk_answer_registers(endpoint, WK_ENDPOINT_REPLY, answer, WK_NO_DEADLINE);

    wk_trap_registers(&registers);
    return (enum wk_status)WK_RECEIVED_STATUS(registers.a0);
}

/* reply: send. */
static inline enum wk_status wk_reply_send(wk_handle reply, const struct wk_answer *answer)
{
    struct wk_registers registers = wk_answer_registers(reply, WK_REPLY_SEND, answer, WK_NO_DEADLINE);

    wk_trap_registers(&registers);
    return (enum wk_status)WK_RECEIVED_STATUS(registers.a0);
}

#endif
