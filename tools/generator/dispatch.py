# SPDX-License-Identifier: MIT
"""The kernel's side: handlers.h, what is to be written by hand, dispatch.c, how a message gets there, and wrappers.h.

An operation that is `frequent` has a wrapper of its own. The others share few: the code around their handlers is there
once, and the compiler makes one of equal ends.
"""

from generator.model import OPERATION_FIRST, WORDS_MAX, WORD_MAX
from generator.text import C_HEAD, c_call, comment, header
from generator.abi import table_slots

GROUP_MAX = 40             # operations with one wrapper


def emit_handlers(model):
    operations = model.kernel_operations()
    subjects = sorted(set(model.types) | {"capability", "invocation"})
    parts = ["#include <winkle/abi.h>\n", "".join(f"struct {name};\n" for name in subjects)]
    for operation in operations:
        parts.append(comment(f"{operation.full_name}: {operation.about}") + handler_prototype(operation))
    what = "The kernel's operations, to be written by hand. They are called with checked arguments and live objects."
    return header(what, "HANDLERS_H", "\n".join(parts))


def capability_words(operation):
    return [word for word in operation.ins if word.type == "capability"]


def handler_prototype(operation):
    parameters = ["struct invocation *invocation", f"struct {operation.subject} *{operation.subject}"]
    parameters += [f"struct capability *{word.name}" for word in capability_words(operation)]
    if operation.ins:
        parameters.append(f"const struct wk_{operation.c_name}_in *in")
    if operation.outs:
        parameters.append(f"struct wk_{operation.c_name}_out *out")
    return c_call(f"enum wk_status {operation.c_name}", parameters, ";\n")


def emit_dispatch(model):
    operations = model.kernel_operations()
    what = "From a message to a handler: checks every argument of every operation and looks up its capabilities."
    parts = [C_HEAD.format(what=what),
             '#include "invoke.h"\n\n#include "handlers.h"\n#include "wrappers.h"\n']
    parts += [dispatch_wrapper(model, operation) for operation in operations if operation.frequent]
    parts += [dispatch_group(model, number, group) for number, group in enumerate(infrequent_groups(model), 1)]
    parts.append("const uint32_t operation_needs[OPERATION_SLOTS + 1] = {\n"
                 + "".join(dispatch_entry(model, operation) for operation in operations)
                 + "".join(dispatch_gap(number) for number in free_numbers(model))
                 + "    [OPERATION_SLOTS] = OPERATION_FREE, /* all numbers that are too high */\n};\n")
    parts.append("const uint16_t operation_bounds[OPERATION_SLOTS + 1] = {\n"
                 + "".join(dispatch_bound(operation) for operation in operations)
                 + "};\n")
    return "\n".join(parts)


def emit_wrappers(model):
    """Each machine makes a table of them that is as small as where its code lies allows."""
    by_number = {operation.number: wrapper_name(model, operation) for operation in model.kernel_operations()}
    slots = range(OPERATION_FIRST, OPERATION_FIRST + table_slots(model))
    prototypes = "".join(f"{wrapper_prototype(name)};\n" for name in dict.fromkeys(by_number.values()))
    entries = " \\\n".join(f"    entry({by_number.get(number, 0)})" for number in slots)
    body = (f"#ifndef __ASSEMBLER__\n#include <winkle/abi.h>\n\nstruct invocation;\n\n{prototypes}#endif\n\n"
            + comment("entry() of each operation's wrapper, in the order of their numbers; of 0 where a number is free.")
            + f"#define OPERATION_WRAPPERS(entry) \\\n{entries}\n")
    return header("The operations' wrappers, see dispatch.c.", "WRAPPERS_H", body)


def infrequent_groups(model):
    """They are as large as branches in them stay short."""
    operations = [operation for operation in model.kernel_operations() if not operation.frequent]
    return [operations[first:first + GROUP_MAX] for first in range(0, len(operations), GROUP_MAX)]


def wrapper_name(model, operation):
    if operation.frequent:
        return f"{operation.c_name}_wrapper"
    return next(f"group{number}_wrapper" for number, group in enumerate(infrequent_groups(model), 1) if operation in group)


def dispatch_entry(model, operation):
    type_name = "WK_TYPE_NONE" if operation.on == "any" else f"WK_TYPE_{operation.on.upper()}"
    rights = model.rights_c(operation.on, operation.needs)
    message = " | OPERATION_MESSAGE" if operation.message else ""
    return f"    [{operation.number_name} - WK_OPERATION_FIRST] = OPERATION_NEEDS({type_name}, {rights}){message},\n"


def dispatch_bound(operation):
    """Only rings need it: it also says what cannot be an entry."""
    bound = "OPERATION_TRAP_ONLY" if operation.trap_only else operation.bound
    return f"    [{operation.number_name} - WK_OPERATION_FIRST] = {bound},\n"


def free_numbers(model):
    """The numbers inside the table that no operation has, or has any more."""
    numbers = {operation.number for operation in model.kernel_operations()}
    return [number for number in range(OPERATION_FIRST, OPERATION_FIRST + table_slots(model)) if number not in numbers]


def dispatch_gap(number):
    """No capability has what a free number needs, so that whoever looks it up need not check for it apart."""
    return f"    [{number:#x} - WK_OPERATION_FIRST] = OPERATION_FREE,\n"


def dispatch_wrapper(model, operation):
    """The words of the message come in registers. The handler finds them, and puts its results, in the invocation."""
    unused = "".join(f"    (void)word{number};\n" for number in range(len(operation.ins), WORDS_MAX))
    stores = dispatch_in(operation)
    return (f"{wrapper_prototype(f'{operation.c_name}_wrapper')}\n{{\n{unused}{stores}"
            f"{dispatch_checks(model, operation, '    ')}{dispatch_call(operation, '    ')}}}\n")


def dispatch_group(model, number, operations):
    """One wrapper for operations that are not frequent: the code around their handlers is there once."""
    cases = "".join(dispatch_case(model, operation) for operation in operations)
    subject = "" if all(operation.on == "any" for operation in operations) else \
        "    void *object = invocation->capability->object;\n"
    stores = "".join(f"    invocation->arguments[{word}] = word{word};\n" for word in range(WORDS_MAX))
    return (f"__attribute__((cold))\n{wrapper_prototype(f'group{number}_wrapper')}\n{{\n"
            f"{subject}{stores}"
            f"    switch (invocation_number(invocation)) {{\n{cases}"
            "    default:\n        __builtin_unreachable();\n    }\n}\n")


def dispatch_case(model, operation):
    body = dispatch_checks(model, operation, "        ") + dispatch_call(operation, "        ")
    return f"    case {operation.number_name}: {{\n{body}    }}\n"


def wrapper_prototype(name):
    parameters = ["struct invocation *invocation"] + [f"uint64_t word{number}" for number in range(WORDS_MAX)]
    return c_call(f"enum wk_status {name}", parameters, "")


def dispatch_in(operation):
    if not operation.ins:
        return ""
    stores = "".join(f"    in->{word.name} = word{number};\n" for number, word in enumerate(operation.ins))
    return f"    struct wk_{operation.c_name}_in *in = (void *)invocation->arguments;\n{stores}"


def dispatch_checks(model, operation, tab):
    """Capabilities last: then nothing but the handler needs a word after a look-up."""
    words = list(enumerate(operation.ins, 1))
    return "".join(dispatch_value(number, word, tab) for number, word in words if word.type != "capability") + \
        "".join(dispatch_capability(model, operation, number, word, tab) for number, word in words
                if word.type == "capability")


def dispatch_value(number, word, tab):
    conditions = value_conditions(f"word{number - 1}", word)
    if not conditions:
        return ""
    return f"{tab}if ({' || '.join(conditions)})\n{tab}    return invocation_bad_argument(invocation, {number});\n"


def value_conditions(value, word):
    """What is true of a value that is not one of the word's."""
    if word.type == "flags":
        return [f"({value} & ~UINT64_C({word.mask:#x})) != 0"]
    if word.type in ("enum", "status"):
        prefix = f"WK_{word.target.upper()}_" if word.type == "enum" else "WK_"
        return [f"{value} > {prefix}{word.choices[-1].upper}"]
    conditions = [f"{value} < {word.low.c}"] if word.low.value else []
    conditions += [f"{value} > {word.high.c}"] if word.high.value < WORD_MAX else []
    return conditions + ([f"({value} & ({word.align.c} - 1)) != 0"] if word.align.value > 1 else [])


def dispatch_capability(model, operation, number, word, tab):
    """A look-up that is not frequent is told as little as it can be told."""
    type_name = "WK_TYPE_NONE" if word.target == "any" else f"WK_TYPE_{word.target.upper()}"
    need = f"{type_name}, {model.rights_c(word.target, word.rights)}"
    value = f"word{number - 1}"
    look_up = f"invocation_capability(invocation, {number}, {value}, {need})" if operation.frequent else \
        f"invocation_stored_capability(invocation, {number}, {need})"
    inner = tab + "    " if word.optional else tab
    text = (f"{inner}{word.name} = {look_up};\n"
            f"{inner}if ({word.name} == NULL)\n{inner}    return invocation->refusal;\n")
    if word.optional:
        text = f"{tab}if ({value} != 0) {{\n{text}{tab}}}\n"
    return f"{tab}struct capability *{word.name} = NULL;\n{text}"


def dispatch_call(operation, tab):
    subject = "invocation->capability"
    if operation.on != "any":
        subject = f"(struct {operation.subject} *)invocation->capability->object" if operation.frequent else "object"
    arguments = ["invocation", subject] + [word.name for word in capability_words(operation)]
    if operation.ins:
        arguments.append("in" if operation.frequent else "(void *)invocation->arguments")
    if operation.outs:
        arguments.append("(void *)invocation->words")
    if len(operation.outs) <= 1:
        return c_call(f"{tab}return {operation.c_name}", arguments, ";\n")
    return c_call(f"{tab}return invocation_answered({operation.c_name}", arguments, ");\n")
