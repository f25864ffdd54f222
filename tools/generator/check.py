# SPDX-License-Identifier: MIT
"""What needs more than one line of the interface files to see: names that mean nothing or two things, limits, ranges."""

from generator.model import GENERAL_ERRORS, PLAIN_TYPES, RIGHTS_MAX, WORDS_MAX, WORD_MAX, Limit
from generator.parse import C_KEYWORDS, SyntaxProblem, number_of
from generator.stubs import stub

EVENT_WORDS_MAX = 3
FLAGS_MAX = 31            # a C enumerator is an int
STATUSES_MAX = 64         # so that a set of statuses is one word
EVENTS_MAX = 63           # so is a set of event numbers, which begin at 1
TYPES_MAX = 15            # with the inverse of its bits, one is a byte
HANDLER_NAMES = {"invocation", "in", "out", "status"}  # other names where capability arguments are parameters
STUB_NAMES = {"words", "answer", "operation", "queue", "entry_tag"}  # other names where all arguments are parameters
CLIENT_NAMES = {"connection", "message", "completion", "status"}     # and of services
SERVICE_SUFFIXES = ("message", "by", "start", "results", "answer")   # functions of each operation of a service

FIXED_C_NAMES = (
    "winkle/abi.h", "winkle/frame.h", "winkle/invoke.h", "winkle/message.h", "winkle/names.h", "struct any", "struct capability",
    "struct invocation", "WK_TYPE_NONE", "WK_OPERATION_FIRST", "WK_OPERATION_LAST", "OPERATION_SLOTS", "WK_RIGHTS_ALL",
    "WK_CONTINUE", "WK_TRACE_EVENT_NONE", "wk_handle", "wk_status", "wk_type", "wk_operation", "wk_trace_event",
    "wk_words", "wk_trap", "wk_status_name", "wk_type_name", "wk_operation_name")


class Checker:
    """Checks what needs more than one line to see, and resolves names."""

    def __init__(self, model, problems):
        self.model, self.refuse = model, problems.add
        self.c_names = {name: None for name in FIXED_C_NAMES}

    def check(self):
        statuses = [status.name for status in self.model.statuses]
        if statuses[:1] != ["ok"] or not set(GENERAL_ERRORS) <= set(statuses):
            where = self.model.statuses[0] if statuses else self.model.interfaces[0]
            self.refuse(where, f"statuses must begin with `ok` and include {', '.join(GENERAL_ERRORS)}")
        for interface in self.model.interfaces:
            self.check_interface(interface)
        self.limit(self.model.statuses, STATUSES_MAX, "statuses")
        self.limit(self.model.events, EVENTS_MAX, "events")
        self.limit(list(self.model.types.values()), TYPES_MAX, "types of objects")

    def claim(self, item, *c_names):
        """Every name in the generated C is given out once."""
        for c_name in c_names:
            if c_name in self.c_names:
                other = self.c_names[c_name]
                where = f"at {other.file}:{other.line}" if other else "by the tool"
                self.refuse(item, f"`{item.name}` would be called {c_name}, a name already given out {where}")
                return
            self.c_names[c_name] = item

    def limit(self, items, most, what):
        if len(items) > most:
            self.refuse(items[most], f"more than {most} {what}")

    def want(self, attribute, *items):
        for item in items:
            if not getattr(item, attribute):
                self.refuse(item, f"`{item.name}` has no `{attribute}`")

    def check_interface(self, interface):
        self.want("about", interface, *interface.rights, *interface.constants, *interface.statuses, *interface.events)
        self.want("version", interface)
        self.claim(interface, f"winkle/{interface.name}.h")
        if interface.service:
            self.claim(interface, f"winkle/{interface.name}_client.h", f"winkle/{interface.name}_service.h",
                       f"wk_{interface.name}_handlers", f"wk_{interface.name}_dispatch")
        if interface.has_objects:
            self.claim(interface, f"WK_TYPE_{interface.upper}", f"struct {interface.name}")
        for kind, place in (("statuses", "errors"), ("events", "trace")):
            for item in getattr(interface, kind) if interface.name != place else []:
                self.refuse(item, f"`{item.name}` in {interface.name}.interface; expected {kind} in {place}.interface")
        for item in interface.constants + interface.statuses:
            self.claim(item, f"WK_{item.upper}")
        self.check_interface_rights(interface)
        for number, event in enumerate(interface.events, 1):
            self.check_event(event, number)
        for group in interface.groups:
            self.check_group(group)
        for operation in interface.operations:
            self.check_operation(operation)

    def check_interface_rights(self, interface):
        self.limit(interface.rights, RIGHTS_MAX, "rights")
        for right in interface.rights:
            self.claim(right, f"WK_{interface.upper}_RIGHT_{right.upper}")
            if interface.service:
                self.refuse(right, f"right `{right.name}` of a service; its server knows clients by their badges")
        if interface.rights:
            self.claim(interface, f"wk_{interface.name}_right")

    def check_event(self, event, number):
        event.number = number
        self.claim(event, f"WK_TRACE_EVENT_{event.upper}")
        self.limit(event.ins, EVENT_WORDS_MAX, "words of an event")
        self.check_distinct(event.ins)
        for word in event.ins:
            self.resolve_word(word)
            if word.type == "capability" or word.range or word.align_text:
                self.refuse(word, f"`{word.spelling}` in an event; expected a type only")

    def check_group(self, group):
        self.claim(group, f"wk_{group.name}")
        if not group.values:
            self.refuse(group, f"`{group.name}` has no `value`")
        if group.kind == "flags":
            self.limit(group.values, FLAGS_MAX, "flags")
        for value in group.values:
            self.claim(value, f"WK_{group.upper}_{value.upper}")

    def check_operation(self, operation):
        self.want("about", operation, *operation.ins, *operation.outs, *operation.errors)
        for attribute in ("blocks", "bound", "source"):
            self.want(attribute, operation)
        stub = f"wk_{operation.c_name}"
        self.claim(operation, operation.number_name, stub, f"{stub}_in", f"{stub}_out", f"{stub}_prepare")
        if operation.interface.service:
            self.claim(operation, *(f"{stub}_{suffix}" for suffix in SERVICE_SUFFIXES))
            if operation.name in C_KEYWORDS:
                self.refuse(operation, f"`{operation.name}` is a word of C, and the name of a handler; expected another name")
        if operation.trap_only and operation.interface.service:
            self.refuse(operation, f"`trap_only` in operation `{operation.name}` of a service; a call can be an entry")
        if not operation.interface.service:
            self.check_rights(operation, operation.on, operation.needs)
        elif operation.on != operation.interface.name or operation.needs:
            self.refuse(operation, f"`on` or `needs` in operation `{operation.name}` of a service; expected neither")
        for error in operation.errors:
            if error.name not in [status.name for status in self.model.statuses[1:]]:
                self.refuse(error, f"unknown error `{error.name}`; expected a status of errors.interface but `ok`")
        self.check_distinct(operation.errors)
        self.check_words(operation)

    def check_words(self, operation):
        self.limit(operation.ins, WORDS_MAX, "words in")
        self.limit(operation.outs, WORDS_MAX, "words out")
        self.check_distinct(operation.ins)
        self.check_distinct(operation.outs)
        for word in operation.ins + operation.outs:
            self.resolve_word(word)
        taken = {operation.subject, *STUB_NAMES, *(CLIENT_NAMES if operation.interface.service else ()),
                 *(f"out_{word.name}" for word in operation.outs)}
        for word in operation.ins:
            if word.name in taken or (word.type == "capability" and word.name in HANDLER_NAMES):
                self.refuse(word, f"`{word.name}` names something else in the functions of this operation")
            if word.give and not operation.interface.service:
                self.refuse(word, f"`give` in operation `{operation.name}` of the kernel; expected only of a service")

    def check_rights(self, item, type_name, rights):
        if type_name == "any":
            if rights:
                self.refuse(item, f"right `{rights[0]}` with type `any`; expected none, as each type has its own")
            return
        if type_name not in self.model.types:
            self.refuse(item, f"unknown type `{type_name}`; expected `any` or one of {', '.join(self.model.types)}")
            return
        known = [right.name for right in self.model.types[type_name].rights]
        for position, right in enumerate(rights):
            if right not in known:
                self.refuse(item, f"unknown right `{right}` of {type_name}; expected of {', '.join(known) or 'none'}")
            elif right in rights[:position]:
                self.refuse(item, f"right `{right}` twice")

    def check_distinct(self, items):
        for position, item in enumerate(items):
            if item.name in [earlier.name for earlier in items[:position]]:
                self.refuse(item, f"`{item.name}` twice")

    def resolve_word(self, word):
        if word.type == "capability":
            self.check_rights(word, word.target, word.rights)
        elif word.type in ("enum", "flags"):
            group = self.model.groups.get(word.target)
            if not group or group.kind != word.type:
                self.refuse(word, f"unknown {word.type} `{word.target}`")
            else:
                word.choices = group.values
        elif word.type == "status":
            word.choices = self.model.statuses
        self.resolve_limits(word)

    def resolve_limits(self, word):
        low, high = word.range or ("", "")
        word.low = self.resolve_number(word, low) if low else Limit(0, "0")
        word.high = self.resolve_number(word, high) if high else self.default_high(word)
        word.align = self.resolve_number(word, word.align_text) if word.align_text else Limit(1, "1")
        if word.range and word.high.value > PLAIN_TYPES[word.type][1]:
            most = PLAIN_TYPES[word.type][1]
            self.refuse(word, f"range of `{word.name}` goes beyond {most}, the highest {word.type}")
        if word.low.value > word.high.value:
            self.refuse(word, f"range of `{word.name}` is empty")
        if word.align.value & (word.align.value - 1) or not word.align.value:
            self.refuse(word, f"alignment of `{word.name}` is not a power of two")

    def default_high(self, word):
        if word.type == "rights":
            return Limit(2**RIGHTS_MAX - 1, "WK_RIGHTS_ALL")
        if word.type in ("enum", "status"):
            return Limit(max(len(word.choices) - 1, 0), "")
        if word.type == "flags":
            return Limit(word.mask, "")
        high = PLAIN_TYPES.get(word.type, ("", WORD_MAX))[1]
        return Limit(high, str(high))

    def resolve_number(self, word, text):
        if text in self.model.constants:
            return Limit(self.model.constants[text].value, f"WK_{text.upper()}")
        try:
            value = number_of(text)
            return Limit(value, f"UINT64_C({text})")
        except SyntaxProblem:
            self.refuse(word, f"`{text}` is neither a number nor a constant")
            return Limit(1, "1")
