# SPDX-License-Identifier: MIT
"""Both sides of a service, whatever carries its messages: `winkle/NAME_client.h`, three functions for each operation over a
connection, and `winkle/NAME_service.h`, what a server writes by hand and how a message gets there."""

from generator.dispatch import value_conditions
from generator.stubs import message_bits, parameter_type, result_stores, stub_comment
from generator.text import c_call, comment, header


# ---- the client ----

def emit_client(interface):
    parts = ["#include <channel/connection.h>\n"]
    for operation in interface.operations:
        parts += [message_function(operation), results_function(operation), call_function(operation),
                  start_function(operation)]
    return header(f"Invocations of {interface.name} over a connection: a session or a channel.",
                  f"WINKLE_{interface.upper}_CLIENT_H", "\n".join(parts))


def in_parameters(operation):
    return [f"{parameter_type(word)} {word.name}" for word in operation.ins]


def out_parameters(operation):
    return [f"{parameter_type(word)} *out_{word.name}" for word in operation.outs]


def function(operation, suffix, result, parameters):
    return c_call(f"static inline {result} wk_{operation.c_name}_{suffix}", parameters, "")


def message_function(operation):
    """All six words are sent, so those that are not used are 0."""
    bits = message_bits(operation, "operation")
    name = function(operation, "message", "void",
                    ["struct wk_ring_message *message", "uint32_t entry_tag"] + in_parameters(operation))
    body = (f"    uint64_t operation = 0;\n{bits}\n" if bits else "")
    values = [word.name for word in operation.ins] + ["0"] * (6 - len(operation.ins))
    body += f"    message->words[0] = WK_RING_ENTRY({operation.number_name}, 0, 0);\n"
    body += f"    message->words[1] = {'WK_RING_ENTRY_TAG(entry_tag, operation)' if bits else 'entry_tag'};\n"
    body += "".join(f"    message->words[{number}] = {value};\n" for number, value in enumerate(values, 2))
    return f"{comment(f'{operation.full_name} as a message.')}{name}\n{{\n{body}}}\n"


def handle_words(operation):
    """The words of an answer that are capabilities, a bit each."""
    return mask(operation.outs, lambda word: word.type == "handle")


def call_function(operation):
    name = function(operation, "by", "enum wk_status",
                    ["const struct wk_connection *connection"] + in_parameters(operation) + out_parameters(operation))
    build = c_call(f"    wk_{operation.c_name}_message", ["&message", "0"] + [word.name for word in operation.ins], ";\n")
    call = f"wk_connection_call(connection, &message, {handle_words(operation)}, &completion)"
    read = c_call(f"wk_{operation.c_name}_results", ["&completion"] + [f"out_{word.name}" for word in operation.outs], "")
    return (stub_comment(operation, "@connection: by which it is called; nothing else is under way on a channel then")
            + f"{name}\n{{\n    struct wk_ring_message message;\n    struct wk_completion completion;\n"
              f"    enum wk_status status;\n\n{build}    status = {call};\n"
              f"    return status == WK_OK ? {read} : status;\n}}\n")


def start_function(operation):
    name = function(operation, "start", "enum wk_status",
                    ["const struct wk_connection *connection", "uint32_t entry_tag"] + in_parameters(operation))
    build = c_call(f"    wk_{operation.c_name}_message", ["&message", "entry_tag"] + [word.name for word in operation.ins],
                   ";\n")
    about = comment("The same without waiting for the answer: that is a completion.", "@entry_tag: what its completion has",
                    "@return as wk_connection_start")
    return (f"{about}{name}\n{{\n    struct wk_ring_message message;\n\n{build}"
            f"    return wk_connection_start(connection, &message, {handle_words(operation)});\n}}\n")


def results_function(operation):
    name = function(operation, "results", "enum wk_status",
                    ["const struct wk_completion *completion"] + out_parameters(operation))
    stores = result_stores(operation, "completion->words", "completion->answer")
    text = f"    if (WK_RECEIVED_STATUS(completion->answer) == WK_OK) {{\n{stores}    }}\n" if stores else ""
    return (f"{comment('Its status and results, out of a completion.')}{name}\n{{\n{text}"
            "    return (enum wk_status)WK_RECEIVED_STATUS(completion->answer);\n}\n")


# ---- the server ----

def emit_service(interface):
    handlers = "".join(handler_pointer(operation) for operation in interface.operations)
    what = comment(f"What a server of {interface.name} does, to be written by hand. Handlers are called with checked "
                   "arguments: words are in their ranges, and those that are capabilities came as such. What was lent is "
                   "dropped when a handler returns, but for words whose bits it cleared in `message->capabilities`; what was "
                   "given is the handler's. A result that is a handle is given away. An operation without a handler is `no_such_operation`.")
    parts = ["#include <winkle/requests.h>\n", f"{what}struct wk_{interface.name}_handlers {{\n{handlers}}};\n",
             dispatch_function(interface)]
    parts += [answer_function(operation) for operation in interface.operations if operation.outs]
    return header(f"The server's side of {interface.name}.", f"WINKLE_{interface.upper}_SERVICE_H", "\n".join(parts))


def handler_pointer(operation):
    parameters = ["struct wk_message *message"]
    parameters += [f"const struct wk_{operation.c_name}_in *in"] if operation.ins else []
    parameters += [f"struct wk_{operation.c_name}_out *out"] if operation.outs else []
    return comment(operation.about, indent="    ") + c_call(f"    enum wk_status (*{operation.name})", parameters, ";\n")


def answer_function(operation):
    """What a handler's results become in the dispatch, for who gives them later."""
    name = c_call(f"static inline void wk_{operation.c_name}_answer",
                  ["struct wk_answer *answer", "enum wk_status status",
                   f"const struct wk_{operation.c_name}_out *out"], "")
    values = ", ".join(f"(uint64_t)out->{word.name}" if word.type in ("enum", "status") else f"out->{word.name}"
                       for word in operation.outs)
    about = comment(f"The answer of {operation.full_name}, where it was put off.",
                    "@out: its results; they count if `status` is WK_OK")
    return (f"{about}{name}\n{{\n    *answer = (struct wk_answer){{.status = status, .words = {{{values}}}}};\n"
            f"    wk_answer_done(answer, {handle_words(operation)});\n}}\n")


def dispatch_function(interface):
    name = c_call(f"static inline void wk_{interface.name}_dispatch",
                  [f"const struct wk_{interface.name}_handlers *handlers", "struct wk_message *message",
                   "struct wk_answer *answer"], "")
    cases = "".join(dispatch_case(operation) for operation in interface.operations)
    about = comment("From a call, by whatever it came, to its handler, and to the answer, which is `ok` and zeros before.")
    return (f"{about}{name}\n{{\n    switch (message->operation) {{\n{cases}    default:\n"
            "        wk_request_refuse(message, answer, WK_NO_SUCH_OPERATION);\n    }\n}\n")


def mask(words, wanted):
    return f"{sum(1 << number for number, word in enumerate(words) if wanted(word)):#x}"


def dispatch_case(operation):
    required = mask(operation.ins, lambda word: word.type == "capability" and not word.optional)
    optional = mask(operation.ins, lambda word: word.type == "capability" and word.optional)
    lent = mask(operation.ins, lambda word: word.type == "capability" and not word.give)
    conditions = [condition for number, word in enumerate(operation.ins) if word.type != "capability"
                  for condition in value_conditions(f"message->words[{number}]", word)]
    wrong = "".join(f" ||\n            {condition}" for condition in conditions)
    arguments = ["message"] + (["(const void *)message->words"] if operation.ins else []) \
        + (["(void *)answer->words"] if operation.outs else [])
    return (f"    case {operation.number_name}:\n        if (handlers->{operation.name} == NULL) {{\n"
            "            wk_request_refuse(message, answer, WK_NO_SUCH_OPERATION);\n"
            f"        }} else if (!wk_request_carries(message, {required}, {optional}){wrong}) {{\n"
            "            wk_request_refuse(message, answer, WK_BAD_ARGUMENT);\n        } else {\n"
            + c_call(f"            answer->status = handlers->{operation.name}", arguments, ";\n")
            + f"            wk_request_done(message, answer, {lent}, {handle_words(operation)});\n        }}\n        break;\n")
