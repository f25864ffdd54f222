# SPDX-License-Identifier: MIT
"""Every operation as data: in C for tests and fuzzers, in JSON for who reads traces."""

import json

from generator.model import PLAIN_TYPES, RIGHTS_MAX, UNRANGED_TYPES, WORD_MAX
from generator.text import C_HEAD, c_bool, header
from generator.words import all_errors

WORD_KINDS = [*PLAIN_TYPES, *UNRANGED_TYPES, "enum", "flags", "capability"]

TABLE_H = """\
#include <stdbool.h>
#include <stdint.h>

enum interface_word_kind {
%(kinds)s};

/* A word is accepted if low <= word <= high, word %% align == 0, and it has no bit outside of mask; a capability also
 * if it is of the type (0: any) and has the rights, or is 0 and optional. */
struct interface_word {
    const char *name;
    enum interface_word_kind kind;
    uint64_t low;
    uint64_t high;
    uint64_t align;
    uint64_t mask;
    uint16_t type;
    uint16_t rights;
    bool optional;
};

struct interface_operation {
    const char *name;  /* interface.operation */
    uint16_t number;
    uint16_t type;     /* that it is invoked on; 0: any */
    uint16_t rights;   /* that the invoked capability must carry */
    bool is_service;   /* a service implements it, not the kernel */
    bool is_long;      /* done in steps */
    bool may_wait;     /* may answer only later */
    bool is_message;   /* more registers than the words carry it: winkle/message.h */
    bool is_trap_only; /* it cannot be an entry of a ring */
    uint32_t bound;    /* instructions, of one step if long */
    uint64_t statuses; /* that it may answer, a bit each */
    uint16_t in_count;
    uint16_t out_count;
    struct interface_word in[6];
    struct interface_word out[6];
};

/* In the order of their numbers. */
extern const struct interface_operation interface_operations[%(operations)d];
extern const char *const interface_status_names[%(statuses)d];
extern const char *const interface_type_names[%(types)d];
extern const char *const interface_event_names[%(events)d];

/* By type and bit; NULL where the type has no such right. */
extern const char *const interface_right_names[%(types)d][%(rights)d];

enum {
    INTERFACE_OPERATION_COUNT = %(operations)d,
    INTERFACE_STATUS_COUNT = %(statuses)d,
    INTERFACE_TYPE_COUNT = %(types)d,
    INTERFACE_EVENT_COUNT = %(events)d,
    INTERFACE_RIGHT_COUNT = %(rights)d,
};
"""


def type_names(model):
    """Names by type number; a retired number has no name."""
    names = {0: "none"} | {interface.type_number: interface.name for interface in model.types.values()}
    return [names.get(number) for number in range(max(names) + 1)]


def emit_table_header(model):
    kinds = "".join(f"    INTERFACE_WORD_{kind.upper()},\n" for kind in WORD_KINDS)
    return header("Every operation as data, for tests and fuzzers.", "INTERFACE_TABLE_H", TABLE_H % {
        "kinds": kinds, "operations": len(model.operations), "statuses": len(model.statuses),
        "types": len(type_names(model)), "events": len(model.events) + 1, "rights": RIGHTS_MAX})


def emit_table(model):
    operations = "".join(table_operation(model, op) for op in model.numbered_operations())
    rights = "".join(f"    [{i.type_number}] = {{{c_strings(r.name for r in i.rights)}}}, /* {i.name} */\n"
                     for i in model.numbered_types() if i.rights)
    return "\n".join([
        C_HEAD.format(what="Every operation as data, for tests and fuzzers."),
        '#include "interface_table.h"\n\n#include <stddef.h>\n',
        f"const struct interface_operation interface_operations[{len(model.operations)}] = {{\n{operations}}};\n",
        table_names("status", [status.name for status in model.statuses]),
        table_names("type", type_names(model)),
        table_names("event", ["none"] + [event.name for event in model.events]),
        f"const char *const interface_right_names[{len(type_names(model))}][{RIGHTS_MAX}] = {{\n{rights}}};\n"])


def c_strings(names):
    return ", ".join(f'"{name}"' if name else "NULL" for name in names)


def table_names(what, names):
    rows = "".join(f"    {c_strings([name])},\n" for name in names)
    return f"const char *const interface_{what}_names[{len(names)}] = {{\n{rows}}};\n"


def table_operation(model, operation):
    numbers = {status.name: number for number, status in enumerate(model.statuses)}
    statuses = 1 | sum(1 << numbers[name] for name, _ in all_errors(model, operation))
    fields = [
        ("name", f'"{operation.full_name}"'), ("number", f"0x{operation.number:04x}"),
        ("type", table_type(model, operation.on)), ("rights", hex(model.rights_mask(operation.on, operation.needs))),
        ("is_service", c_bool(operation.interface.service)), ("is_long", c_bool(operation.long)),
        ("may_wait", c_bool(operation.blocks != "never")),
        ("is_message", c_bool(operation.message)), ("is_trap_only", c_bool(operation.trap_only)),
        ("bound", operation.bound),
        ("statuses", f"UINT64_C({statuses:#x})"), ("in_count", len(operation.ins)), ("out_count", len(operation.outs)),
    ]
    text = "".join(f"        .{name} = {value},\n" for name, value in fields)
    for side, words in (("in", operation.ins), ("out", operation.outs)):
        if words:
            text += f"        .{side} = {{\n{''.join(table_word(model, word) for word in words)}        }},\n"
    return f"    {{\n{text}    }},\n"


def table_type(model, name):
    return model.types[name].type_number if name in model.types else 0


def table_word(model, word):
    mask = word.mask if word.type == "flags" else WORD_MAX
    text = (f'.name = "{word.name}", .kind = INTERFACE_WORD_{word.type.upper()}, .low = UINT64_C({word.low.value:#x}), '
            f".high = UINT64_C({word.high.value:#x}), .align = UINT64_C({word.align.value:#x}), "
            f".mask = UINT64_C({mask:#x})")
    if word.type == "capability":
        text += (f", .type = {table_type(model, word.target)}, "
                 f".rights = {model.rights_mask(word.target, word.rights):#x}, .optional = {c_bool(word.optional)}")
    return f"            {{{text}}},\n"


def emit_trace(model):
    return json.dumps({
        "events": [{"number": event.number, "name": event.name,
                    "arguments": [{"name": word.name, "type": word.type} for word in event.ins]}
                   for event in model.events],
        "operations": [{"number": op.number, "name": op.full_name} for op in model.numbered_operations()],
        "statuses": [{"number": number, "name": status.name} for number, status in enumerate(model.statuses)],
        "types": [{"number": number, "name": name} for number, name in enumerate(type_names(model)) if name],
    }, indent=1) + "\n"
