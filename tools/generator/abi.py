# SPDX-License-Identifier: MIT
"""winkle/abi.h and winkle/names.h: the numbers and layouts that kernel and programs share, and their names."""

from generator.model import OPERATION_FIRST
from generator.text import brief, comment, enum, header


def emit_abi(model):
    first, last = kernel_range(model)
    operations = [(op.number_name, f"0x{op.number:04x}", op.full_name) for op in model.numbered_operations()]
    types = [(f"WK_TYPE_{i.upper}", i.type_number, brief(i.about)) for i in model.numbered_types()]
    parts = [
        "#include <stddef.h>\n#include <stdint.h>\n",
        comment("The name of a capability in a process; 0 names none.") + "typedef uint64_t wk_handle;\n",
        "/* What an invocation answers. */\n__extension__ " + enum("wk_status", [
            (f"WK_{status.upper}", number, brief(status.about)) for number, status in enumerate(model.statuses)]
            + [("WK_STATUS_WIDTH", "UINT64_MAX", "None: the type is a word, so that no register needs to be extended.")]),
        "/* What a capability is to. */\n" + enum("wk_type", [("WK_TYPE_NONE", 0, "No type, or any.")] + types),
        "/* Operation numbers, unique over all interfaces. */\n" + enum("wk_operation", operations),
        "/* Operations of the kernel: the first and the last. */\n"
        f"#define WK_OPERATION_FIRST {first}\n#define WK_OPERATION_LAST {last}\n",
        "/* Entries in the kernel's table of operations: a multiple of 32. */\n"
        f"#define OPERATION_SLOTS {table_slots(model)}\n",
        "/* Every right, of any type. */\n#define WK_RIGHTS_ALL UINT64_C(0xffff)\n",
    ]
    for interface in model.interfaces:
        parts += abi_of_interface(interface)
    parts.append("/* Trace events. */\n" + enum("wk_trace_event", [("WK_TRACE_EVENT_NONE", 0, "No event.")] + [
        (f"WK_TRACE_EVENT_{event.upper}", event.number, brief(event.about)) for event in model.events]))
    return header("The binary interface: numbers and argument layouts that kernel and programs share.", "WINKLE_ABI_H",
                  "\n".join(parts))


def kernel_range(model):
    numbers = [op.number for op in model.kernel_operations()] or [OPERATION_FIRST]
    return f"0x{OPERATION_FIRST:04x}", f"0x{numbers[-1]:04x}"


def table_slots(model):
    last = max((operation.number for operation in model.kernel_operations()), default=OPERATION_FIRST)
    return (last - OPERATION_FIRST) // 32 * 32 + 32


def abi_of_interface(interface):
    parts = [comment(constant.about) + f"#define WK_{constant.upper} UINT64_C({constant.value:#x})\n"
             for constant in interface.constants]
    if interface.rights:
        parts.append(f"/* Rights of a capability to {interface.name}. */\n" + enum(f"wk_{interface.name}_right", [
            (f"WK_{interface.upper}_RIGHT_{right.upper}", f"1u << {bit}", brief(right.about))
            for bit, right in enumerate(interface.rights)]))
    for group in interface.groups:
        form = "1u << {}" if group.kind == "flags" else "{}"
        about = comment(group.about) if group.about else ""
        parts.append(about + enum(f"wk_{group.name}", [
            (f"WK_{group.upper}_{value.upper}", form.format(number), value.about)
            for number, value in enumerate(group.values)]))
    for operation in interface.operations:
        for side, words in (("in", operation.ins), ("out", operation.outs)):
            if words:
                parts.append(abi_struct(f"wk_{operation.c_name}_{side}", words))
    return parts


def abi_struct(tag, words):
    text = f"struct {tag} {{\n" + "".join(f"    uint64_t {word.name};\n" for word in words) + "};\n"
    for number, word in enumerate(words):
        text += f'_Static_assert(offsetof(struct {tag}, {word.name}) == {8 * number}, "word {number}");\n'
    return text + f'_Static_assert(sizeof(struct {tag}) == {8 * len(words)}, "{len(words)} words");\n'


def emit_names(model):
    tables = [
        ("status", [(f"WK_{status.upper}", status.name) for status in model.statuses]),
        ("type", [("WK_TYPE_NONE", "none")] + [(f"WK_TYPE_{i.upper}", i.name) for i in model.numbered_types()]),
        ("operation", [(op.number_name, op.full_name) for op in model.numbered_operations()]),
    ]
    body = "\n".join(name_function(what, names) for what, names in tables)
    return header("Names of numbers, for messages to people.", "WINKLE_NAMES_H", f"#include <winkle/abi.h>\n\n{body}")


def name_function(what, names):
    cases = "".join(f'    case {c_name}:\n        return "{name}";\n' for c_name, name in names)
    return (f"static inline const char *wk_{what}_name(uint64_t {what})\n{{\n    switch ({what}) {{\n{cases}"
            f'    default:\n        return "unknown {what}";\n    }}\n}}\n')
