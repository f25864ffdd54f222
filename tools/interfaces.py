#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Reads interfaces/*.interface and writes everything that is derived from them.

    tools/interfaces.py --out build/generated interfaces/*.interface    check, compare with the lock, write outputs
    tools/interfaces.py --update-lock interfaces/*.interface            give numbers to what is new
    tools/interfaces.py --manual docs/manual interfaces/*.interface     write the reference manual

The format is described in interfaces/FORMAT.md. The sections of this file follow the data: model, parse, check, lock,
emit, main. Every problem is reported as `file:line: what is wrong; what is expected`, all of them at once, and
nothing is written if there is one.
"""

import argparse
import json
import re
import sys
import textwrap
from dataclasses import dataclass, field
from pathlib import Path

OPERATION_FIRST = 0x1000  # numbers below are foreign system calls
SERVICE_FIRST = 0x2000    # numbers from here are operations of services, which the kernel only forwards
SERVICE_END = 0x10000     # an operation number has 16 bits
WORDS_MAX = 6
EVENT_WORDS_MAX = 3
RIGHTS_MAX = 16
FLAGS_MAX = 31            # a C enumerator is an int
STATUSES_MAX = 64         # so that a set of statuses is one word
EVENTS_MAX = 63           # so is a set of event numbers, which begin at 1
WORD_MAX = 2**64 - 1
LINE_MAX = 120             # columns of generated text

# The errors that the kernel itself answers before any handler runs; they belong to every operation.
GENERAL_ERRORS = ("bad_handle", "wrong_type", "no_right", "no_such_operation", "bad_argument", "revoked")

# Plain word types: what their numbers mean, and the highest value where that is less than the word's.
PLAIN_TYPES = {
    "count": ("a count", WORD_MAX), "bytes": ("bytes", WORD_MAX), "ns": ("nanoseconds", WORD_MAX),
    "number": ("a number", WORD_MAX), "address": ("an address in the process", WORD_MAX),
    "bits": ("a set of bits", WORD_MAX), "priority": ("a priority", 255),
}
UNRANGED_TYPES = {"handle": "a handle", "rights": "a set of rights", "status": "a status"}

C_KEYWORDS = set("""asm auto bool break case char const continue default do double else enum extern false float for goto
    if inline int linux long register restrict return short signed sizeof static struct switch true typedef typeof union
    unix unsigned void volatile while""".split())
HANDLER_NAMES = {"invocation", "in", "out", "status"}  # other names where capability arguments are parameters
STUB_NAMES = {"words", "answer", "operation"}                       # other names where all arguments are parameters
FIXED_C_NAMES = (
    "winkle/abi.h", "winkle/frame.h", "winkle/invoke.h", "winkle/message.h", "winkle/names.h", "struct any", "struct capability",
    "struct invocation", "WK_TYPE_NONE", "WK_OPERATION_FIRST", "WK_OPERATION_LAST", "OPERATION_SLOTS", "WK_RIGHTS_ALL",
    "WK_CONTINUE", "WK_TRACE_EVENT_NONE", "wk_handle", "wk_status", "wk_type", "wk_operation", "wk_trace_event",
    "wk_words", "wk_trap", "wk_status_name", "wk_type_name", "wk_operation_name")


# ---------------------------------------------------------------------------------------------------- model

class Problems:
    """What is wrong with the input, collected so that one run shows everything."""

    def __init__(self):
        self.messages = []

    def add(self, item, message):
        self.messages.append((str(item.file), item.line, message))

    def __bool__(self):
        return bool(self.messages)

    def __str__(self):
        return "\n".join(f"{file}:{line}: {message}" for file, line, message in sorted(set(self.messages)))


@dataclass
class Item:
    """Anything with a name that stands on a line of its own."""
    file: str
    line: int
    name: str
    about: str = ""

    @property
    def upper(self):
        return self.name.upper()


@dataclass
class Limit:
    """A number in a range or alignment, as a value and as C shows it."""
    value: int
    c: str


@dataclass
class Word(Item):
    """One `in` or `out` of an operation or event."""
    type: str = ""                                # a word type, or enum, flags, capability
    target: str = ""                              # name of the enum, flags or capability type
    rights: list = field(default_factory=list)    # rights that a capability argument must carry
    optional: bool = False
    give: bool = False                            # to a service: it moves, rather than being lent for the call
    range: tuple = None                           # (low, high) as written
    align_text: str = ""
    low: Limit = None                             # resolved by check
    high: Limit = None
    align: Limit = None
    choices: list = field(default_factory=list)   # values of the enum or flags, resolved by check

    @property
    def spelling(self):
        """The type as the interface file writes it: the lock's signature."""
        parts = [self.type, self.target, *self.rights]
        parts += [f"{self.range[0]}..{self.range[1]}"] if self.range else []
        parts += [f"align {self.align_text}"] if self.align_text else []
        parts += ["give"] if self.give else []
        parts += ["optional"] if self.optional else []
        return " ".join(part for part in parts if part)

    @property
    def mask(self):
        return (1 << len(self.choices)) - 1


@dataclass
class Group(Item):
    """An enumeration or a set of flags."""
    kind: str = "enum"
    values: list = field(default_factory=list)


@dataclass
class Constant(Item):
    value: int = 0


@dataclass
class Event(Item):
    ins: list = field(default_factory=list)
    number: int = 0


@dataclass
class Operation(Item):
    interface: "Interface" = None
    on: str = ""
    needs: list = field(default_factory=list)
    ins: list = field(default_factory=list)
    outs: list = field(default_factory=list)
    errors: list = field(default_factory=list)
    blocks: str = ""
    long: str = ""
    bound: int = 0
    source: str = ""
    message: bool = False
    frequent: bool = False
    number: int = 0

    @property
    def full_name(self):
        return f"{self.interface.name}.{self.name}"

    @property
    def c_name(self):
        return f"{self.interface.name}_{self.name}"

    @property
    def number_name(self):
        return f"WK_{self.c_name.upper()}"

    @property
    def subject(self):
        """The name of the parameter that is the invoked capability or its object."""
        return "capability" if self.on == "any" else self.on

    @property
    def signature(self):
        ins = ", ".join(f"{word.name} {word.spelling}" for word in self.ins)
        outs = ", ".join(f"{word.name} {word.spelling}" for word in self.outs)
        return " ".join([f"({ins}) -> ({outs}) on {self.on}", *(["needs"] if self.needs else []), *self.needs])


@dataclass
class Interface(Item):
    version: int = 0
    service: bool = False
    rights: list = field(default_factory=list)
    groups: list = field(default_factory=list)
    constants: list = field(default_factory=list)
    operations: list = field(default_factory=list)
    statuses: list = field(default_factory=list)
    events: list = field(default_factory=list)
    type_number: int = 0

    @property
    def has_objects(self):
        return not self.service and (bool(self.rights) or any(op.on == self.name for op in self.operations))


class Model:
    """All interfaces together, with look-up by name."""

    def __init__(self, interfaces):
        self.interfaces = interfaces
        self.types = {i.name: i for i in interfaces if i.has_objects}
        self.groups = {g.name: g for i in interfaces for g in i.groups}
        self.constants = {c.name: c for i in interfaces for c in i.constants}
        self.operations = [op for i in interfaces for op in i.operations]
        self.statuses = [s for i in interfaces for s in i.statuses]
        self.events = [e for i in interfaces for e in i.events]

    def numbered_operations(self):
        return sorted(self.operations, key=lambda op: op.number)

    def kernel_operations(self):
        return [op for op in self.numbered_operations() if not op.interface.service]

    def numbered_types(self):
        return sorted(self.types.values(), key=lambda interface: interface.type_number)

    def rights_c(self, type_name, rights):
        return " | ".join(f"WK_{type_name.upper()}_RIGHT_{right.upper()}" for right in rights) or "0"

    def rights_mask(self, type_name, rights):
        names = [right.name for right in self.types[type_name].rights] if type_name in self.types else []
        return sum(1 << names.index(right) for right in rights)


# ---------------------------------------------------------------------------------------------------- parse

NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
NUMBER = re.compile(r"0x[0-9a-f]+|0|[1-9][0-9]*")


class SyntaxProblem(Exception):
    pass


def number_of(text):
    if not NUMBER.fullmatch(text) or int(text, 0) > WORD_MAX:
        what = f"`{text}` is not a number" if text else "no number"
        raise SyntaxProblem(f"{what}; expected decimal or 0x and lower-case digits, at most 64 bits")
    return int(text, 0)


def refuse_c_keyword(name):
    if name in C_KEYWORDS:
        raise SyntaxProblem(f"`{name}` is a word of C; expected another name")


class Parser:
    """Reads one file. A keyword opens an item (ITEMS) or is a method `on_KEYWORD` that gets the rest of its line."""

    ITEMS = {"right": (Item, "rights"), "constant": (Constant, "constants"), "enum": (Group, "groups"),
             "flags": (Group, "groups"), "status": (Item, "statuses"), "event": (Event, "events"),
             "operation": (Operation, "operations")}
    WITHIN = {"value": Group, "in": (Operation, Event)} | dict.fromkeys(
        ("on", "needs", "out", "error", "blocks", "long", "bound", "source", "message", "frequent"), Operation)
    WITHIN_TEXT = {"value": "an enum or flags", "in": "an operation or event"}
    ONCE = ("interface", "version", "service", "on", "needs", "blocks", "long", "bound", "source", "message", "frequent")

    def __init__(self, file, problems):
        self.file, self.problems, self.line = file, problems, 1
        self.interface = None
        self.section = None      # what `in`, `value`, `blocks` and the like belong to
        self.described = None    # what `about` belongs to
        self.text = None         # (item, attribute) that a `|` line continues
        self.seen = set()        # (section, keyword) of what may stand only once

    def parse(self, text):
        for self.line, line in enumerate(text.split("\n"), 1):
            try:
                self.parse_line(line)
            except SyntaxProblem as problem:
                self.problems.add(self, str(problem))
                if not self.interface:
                    return None  # every further line would be wrong too
        if not self.interface:
            self.line = 1
            self.problems.add(self, "no interface; expected `interface NAME` as the first line")
        return self.interface

    def parse_line(self, line):
        for column, character in enumerate(line, 1):
            if not " " <= character <= "~":
                raise SyntaxProblem(f"character {character!r} in column {column}; expected printable ASCII and blanks")
        line = re.sub(r"(^|\s)#.*", "", line).strip()
        if "/*" in line or "*/" in line:
            raise SyntaxProblem("text contains a sign of C comments; expected none, as texts become C comments")
        keyword, _, rest = line.partition(" ")
        if keyword == "|":
            self.continue_text(rest.strip())
        elif keyword:
            self.parse_keyword(keyword, rest.strip())

    def parse_keyword(self, keyword, rest):
        if keyword not in self.ITEMS and not hasattr(self, f"on_{keyword}"):
            raise SyntaxProblem(f"unknown keyword `{keyword}`")
        if not self.interface and keyword != "interface":
            raise SyntaxProblem(f"`{keyword}` before `interface`; expected `interface NAME` as the first line")
        if keyword in self.WITHIN and not isinstance(self.section, self.WITHIN[keyword]):
            raise SyntaxProblem(f"`{keyword}` outside of {self.WITHIN_TEXT.get(keyword, 'an operation')}")
        if keyword in self.ONCE:
            self.check_once(keyword)
        self.text = None
        if keyword in self.ITEMS:
            self.open_item(keyword, rest)
        else:
            getattr(self, f"on_{keyword}")(rest)

    def check_once(self, keyword):
        key = (id(self.section) if keyword in self.WITHIN else None, keyword)
        if key in self.seen:
            raise SyntaxProblem(f"second `{keyword}`; expected one")
        self.seen.add(key)

    def set_text(self, item, attribute, text, keyword):
        """Gives the item a text, which `|` lines may continue."""
        if not text:
            raise SyntaxProblem(f"`{keyword}` without text")
        setattr(item, attribute, text)
        self.text = (item, attribute)

    def continue_text(self, rest):
        if not self.text:
            raise SyntaxProblem("`|` without a text to continue")
        item, attribute = self.text
        setattr(item, attribute, f"{getattr(item, attribute)} {rest}".strip())

    def start(self, item_class, name):
        """A new item that `about` describes. It is made even if its name is bad, so that its lines find a home."""
        self.described = item_class(self.file, self.line, name)
        if not NAME.fullmatch(name):
            self.problems.add(self, f"`{name}` is not a name; expected lower-case words joined by `_`")
        return self.described

    def open_item(self, keyword, rest):
        item_class, attribute = self.ITEMS[keyword]
        name, _, more = rest.partition(" ") if keyword == "constant" else (rest, "", "")
        self.section = self.start(item_class, name)
        getattr(self.interface, attribute).append(self.section)
        if keyword == "constant":
            self.section.value = number_of(more.strip())
        elif keyword == "operation":
            self.section.interface, self.section.on = self.interface, self.interface.name
        elif item_class is Group:
            self.section.kind = keyword

    # -- keywords of the interface

    def on_interface(self, name):
        self.interface = self.start(Interface, name)
        if name != Path(self.file).stem:
            raise SyntaxProblem(f"interface `{name}` in a file of another name; expected `{name}.interface`")
        refuse_c_keyword(name)

    def on_version(self, rest):
        self.interface.version = number_of(rest)

    def on_service(self, rest):
        if rest:
            raise SyntaxProblem(f"`{rest}` after `service`; expected nothing")
        self.interface.service = True

    def on_about(self, rest):
        if not self.described:
            raise SyntaxProblem("`about` without anything to describe")
        if self.described.about:
            raise SyntaxProblem(f"second `about` of `{self.described.name}`; expected one, continued by `|` lines")
        self.set_text(self.described, "about", rest, "about")

    def on_value(self, rest):
        name, _, text = rest.partition(" ")
        self.section.values.append(self.start(Item, name))
        self.set_text(self.described, "about", text.strip(), f"value {name}")

    # -- keywords of an operation

    def on_on(self, rest):
        self.section.on = rest

    def on_needs(self, rest):
        self.section.needs = rest.split()
        if not rest:
            raise SyntaxProblem("`needs` without a right; expected one or several, or no such line")

    def on_in(self, rest):
        self.add_word(rest, "in", self.section.ins)

    def on_out(self, rest):
        self.add_word(rest, "out", self.section.outs)

    def add_word(self, rest, direction, words):
        name, *values = rest.split() or [""]
        words.append(self.start(Word, name))
        if isinstance(self.section, Event):
            self.described = self.section  # an event's words have no description of their own
        refuse_c_keyword(name)
        if not values:
            raise SyntaxProblem(f"`{name}` without a type; expected `{direction} NAME TYPE`")
        word_type(words[-1], values, direction)

    def on_error(self, rest):
        self.section.errors.append(self.start(Item, rest))

    def on_blocks(self, rest):
        if rest != "never" and not rest.startswith("until "):
            raise SyntaxProblem(f"`{rest}` after `blocks`; expected `never` or `until` and what it waits for")
        self.set_text(self.section, "blocks", rest, "blocks")

    def on_long(self, rest):
        self.set_text(self.section, "long", rest, "long")

    def on_bound(self, rest):
        self.section.bound = number_of(rest)

    def on_source(self, rest):
        self.set_text(self.section, "source", rest, "source")

    def on_message(self, rest):
        self.mark("message", rest)

    def on_frequent(self, rest):
        self.mark("frequent", rest)

    def mark(self, attribute, rest):
        if rest:
            raise SyntaxProblem(f"`{rest}` after `{attribute}`; expected nothing")
        setattr(self.section, attribute, True)


def word_type(word, values, direction):
    """Fills in the type, range, alignment, rights of a word from the rest of its line."""
    word.type, values = values[0], values[1:]
    if word.type in ("enum", "flags", "capability"):
        if not values:
            raise SyntaxProblem(f"`{word.type}` without the name of one")
        word.target, values = values[0], values[1:]
    elif word.type not in PLAIN_TYPES and word.type not in UNRANGED_TYPES:
        known = ", ".join([*PLAIN_TYPES, *UNRANGED_TYPES, "enum", "flags", "capability"])
        raise SyntaxProblem(f"unknown word type `{word.type}`; expected one of {known}")
    if word.type == "capability":
        if direction == "out":
            raise SyntaxProblem("`capability` as a result; expected `handle`")
        word.optional = values[-1:] == ["optional"]
        values = values[:-1] if word.optional else values
        word.give = values[-1:] == ["give"]
        word.rights = values[:-1] if word.give else values
        return
    if values and direction == "out":
        raise SyntaxProblem(f"`{' '.join(values)}` on a result; expected a type only")
    if values and word.type not in PLAIN_TYPES:
        raise SyntaxProblem(f"`{' '.join(values)}` on a word of type `{word.type}`; expected a type only")
    word_limits(word, values)


def word_limits(word, values):
    if values and ".." in values[0]:
        low, _, high = values.pop(0).partition("..")
        if not low and not high:
            raise SyntaxProblem("range without limits; expected LOW.., LOW..HIGH or ..HIGH")
        word.range = (low, high)
    if values and values[0] == "align":
        if len(values) < 2:
            raise SyntaxProblem("`align` without a number")
        word.align_text, values = values[1], values[2:]
    if values:
        raise SyntaxProblem(f"`{' '.join(values)}` after the type; expected a range, then `align NUMBER`")


# ---------------------------------------------------------------------------------------------------- check

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
        self.claim(operation, operation.number_name, stub, f"{stub}_in", f"{stub}_out")
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
        taken = {operation.subject, *STUB_NAMES, *(f"out_{word.name}" for word in operation.outs)}
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


# ---------------------------------------------------------------------------------------------------- lock

LOCK_KINDS = ("interface", "type", "operation", "right", "value", "flag", "constant", "status", "event")
POSITIONAL_KINDS = ("right", "value", "flag", "status", "event")  # numbered by their place in the file
LOCK_HEADER = """\
# SPDX-License-Identifier: MIT
# Every number ever given out by tools/interfaces.py: kind, number, name, details. An interface's number is its version,
# a constant's is its value. Numbers are never used again: what is removed from an interface keeps its line here, with
# `retired` written at its end by hand.
"""


@dataclass
class Locked(Item):
    """A line of the lock, or what the interface files want such a line to be; `name` is the full name with dots."""
    kind: str = ""
    number: int = None
    detail: str = ""
    retired: bool = False
    source: Item = None  # what in the interface files it stands for

    @property
    def key(self):
        return self.kind, self.name

    @property
    def interface_name(self):
        return self.name.split(".")[0]

    @property
    def scope(self):
        """Numbers are unique among entries of the same scope."""
        return self.kind, (self.name.rpartition(".")[0] if self.kind in ("right", "value", "flag") else "")

    @property
    def number_text(self):
        form = {"operation": "0x{:04x}", "constant": "0x{:x}"}.get(self.kind, "{:02}")
        return form.format(self.number)

    @property
    def sort_key(self):
        by_name = self.kind in ("interface", "constant")
        return LOCK_KINDS.index(self.kind), self.scope[1], self.name if by_name else self.number, self.name

    def render(self):
        parts = [self.kind, self.number_text, self.name, self.detail, "retired" if self.retired else ""]
        return " ".join(part for part in parts if part)


def wanted_entries(model):
    """What the lock should hold for the interface files. Types and operations get their numbers from the lock."""
    entries = []

    def want(kind, item, name, number, detail=""):
        entries.append(Locked(item.file, item.line, name, kind=kind, number=number, detail=detail, source=item))

    for interface in model.interfaces:
        want("interface", interface, interface.name, interface.version, "service" if interface.service else "")
        if interface.has_objects:
            want("type", interface, interface.name, None)
        for operation in interface.operations:
            want("operation", operation, operation.full_name, None, operation.signature)
        for number, right in enumerate(interface.rights):
            want("right", right, f"{interface.name}.{right.name}", number)
        for group in interface.groups:
            for number, value in enumerate(group.values):
                kind = "flag" if group.kind == "flags" else "value"
                want(kind, value, f"{interface.name}.{group.name}.{value.name}", number)
        for constant in interface.constants:
            want("constant", constant, f"{interface.name}.{constant.name}", constant.value)
        for number, status in enumerate(interface.statuses):
            want("status", status, f"{interface.name}.{status.name}", number)
        for event in interface.events:
            words = ", ".join(f"{word.name} {word.spelling}" for word in event.ins)
            want("event", event, f"{interface.name}.{event.name}", event.number, f"({words})")
    return entries


class Lock:
    def __init__(self, path, problems):
        self.file, self.line, self.path = str(path), 1, path
        self.problems, self.refuse = problems, problems.add
        self.entries = {}
        self.text = path.read_text(encoding="latin-1") if path.exists() else ""
        for line_number, line in enumerate(self.text.splitlines(), 1):
            if line and not line.startswith("#"):
                self.read_line(line_number, line)
        self.check_numbers()

    def read_line(self, line_number, line):
        parts = line.split(maxsplit=3)
        try:
            kind, number, name = parts[:3]
            entry = Locked(self.file, line_number, name, kind=kind, number=int(number, 16 if "x" in number else 10))
            LOCK_KINDS.index(kind)
        except ValueError:
            place = Item(self.file, line_number, "")
            self.refuse(place, f"malformed line `{line}`; expected kind, number, name, details")
            return
        entry.detail = parts[3] if len(parts) > 3 else ""
        if entry.detail == "retired" or entry.detail.endswith(" retired"):
            entry.retired, entry.detail = True, entry.detail[:-len("retired")].strip()
        if entry.key in self.entries:
            self.refuse(entry, f"{kind} `{name}` twice")
        self.entries[entry.key] = entry

    def check_numbers(self):
        """No number twice; operations and types without a gap, since a gap is a deleted line."""
        taken = {}
        for entry in self.entries.values():
            other = taken.setdefault((entry.scope, entry.number), entry)
            if other is not entry and entry.kind not in ("interface", "constant"):
                self.refuse(entry, f"{entry.kind} `{entry.name}` has number {entry.number_text}, "
                                         f"which `{other.name}` has too")
        for kind, first, end in (("type", 1, 2**16), ("operation", OPERATION_FIRST, SERVICE_FIRST),
                                 ("operation", SERVICE_FIRST, SERVICE_END)):
            entries = sorted((e for e in self.entries.values() if e.kind == kind and first <= e.number < end),
                             key=lambda entry: entry.number)
            for number, entry in enumerate(entries, first):
                if entry.number != number:
                    self.refuse(entry, f"{kind} `{entry.name}` leaves a gap in the numbers; what is removed keeps "
                                             f"its line, marked `retired`")
                    break

    def next_number(self, wanted):
        service = isinstance(wanted.source, Operation) and wanted.source.interface.service
        first = 1 if wanted.kind == "type" else SERVICE_FIRST if service else OPERATION_FIRST
        end = SERVICE_FIRST if first == OPERATION_FIRST else SERVICE_END
        numbers = [e.number for e in self.entries.values() if e.kind == wanted.kind and first <= e.number < end]
        return max(numbers, default=first - 1) + 1

    def bumped(self, model, interface_name):
        """Was the interface's version raised above what the lock knows?"""
        known = self.entries.get(("interface", interface_name))
        versions = [i.version for i in model.interfaces if i.name == interface_name]
        return bool(known and versions and versions[0] > known.number)

    def reconcile(self, model, update):
        """Compares the lock with the interfaces, with `update` brings it up to date, and numbers the model."""
        wanted = wanted_entries(model)
        bumped = {i.name for i in model.interfaces if self.bumped(model, i.name)}
        self.check_removed({entry.key for entry in wanted}, bumped, update)
        for entry in wanted:
            self.reconcile_entry(entry, entry.interface_name in bumped, update)
        for entry in wanted:
            locked = self.entries.get(entry.key)
            if locked and entry.kind == "operation":
                entry.source.number = locked.number
            if locked and entry.kind == "type":
                entry.source.type_number = locked.number
        if not self.problems:
            self.check_numbers()
        if not update and not self.problems and self.render() != self.text:
            self.refuse(self, "is not as --update-lock writes it; expected its order and form")

    def reconcile_entry(self, wanted, bumped, update):
        locked = self.entries.get(wanted.key)
        if not locked:
            if not update:
                self.refuse(wanted, f"{wanted.kind} `{wanted.name}` is not in {self.file}; run with --update-lock")
                return
            wanted.number = self.next_number(wanted) if wanted.number is None else wanted.number
            self.entries[wanted.key] = wanted
            return
        if locked.retired:
            self.refuse(wanted, f"{wanted.kind} `{wanted.name}` is retired at {locked.file}:{locked.line}; "
                                      f"expected a name that was never used")
            return
        number = locked.number if wanted.number is None else wanted.number
        if (number, wanted.detail) == (locked.number, locked.detail):
            return
        if wanted.kind == "interface" and number < locked.number:
            self.refuse(wanted, f"version {number} of interface `{wanted.name}` is older than {locked.number} in "
                                      f"{locked.file}:{locked.line}")
        elif bumped and update:
            locked.number, locked.detail = number, wanted.detail
        elif bumped:
            version = self.entries["interface", wanted.interface_name].number
            self.refuse(wanted, f"{wanted.kind} `{wanted.name}` has changed since version {version}; "
                                f"run with --update-lock")
        else:
            wanted.number = number
            self.refuse(wanted, f"`{wanted.render()}` is `{locked.render()}` at {locked.file}:{locked.line}; "
                                f"expected no change without a higher `version` of interface `{wanted.interface_name}`")

    def check_removed(self, wanted_keys, bumped, update):
        for key, entry in list(self.entries.items()):
            if key in wanted_keys:
                continue
            if entry.interface_name in bumped and entry.kind in POSITIONAL_KINDS + ("constant",) and update:
                del self.entries[key]  # a new version counts its places anew
            elif not entry.retired:
                self.refuse(entry, f"{entry.kind} `{entry.name}` is in no interface file; "
                                         f"expected `retired` at the end of the line if it was removed")

    def render(self):
        lines = [entry.render() for entry in sorted(self.entries.values(), key=lambda entry: entry.sort_key)]
        return LOCK_HEADER + "".join(line + "\n" for line in lines)


# ---------------------------------------------------------------------------------------------------- emit: pieces

C_HEAD = """\
/* SPDX-License-Identifier: MIT */
/* {what}
 * Generated by tools/interfaces.py from interfaces/; changes belong there. */
"""


def header(what, guard, body):
    return f"{C_HEAD.format(what=what)}#ifndef {guard}\n#define {guard}\n\n{body}\n#endif\n"


def c_call(head, arguments, tail):
    """`head(arguments)tail`, in several lines if it is too long."""
    text, column = f"{head}(", len(head) + 1
    for number, argument in enumerate(arguments):
        last = number == len(arguments) - 1
        piece = argument + (f"){tail}" if last else ",")
        if number and column + 1 + len(piece) >= LINE_MAX:
            text, column = f"{text}\n        ", 7
        elif number:
            text += " "
        text, column = text + piece, column + 1 + len(piece)
    return text


def comment(*paragraphs, indent=""):
    """A C comment of wrapped paragraphs."""
    out = []
    for paragraph in paragraphs:
        hanging = "  " if paragraph.startswith("@") else ""
        out += textwrap.wrap(paragraph, LINE_MAX - 6 - len(indent), subsequent_indent=hanging)
    if len(out) == 1:
        return f"{indent}/* {out[0]} */\n"
    body = f"\n{indent} * ".join(out)
    return f"{indent}/* {body} */\n"


def enum(tag, values):
    """values: (name, number as C shows it, description)."""
    rows = "".join(described(f"{name} = {number},", about) for name, number, about in values)
    return f"enum {tag} {{\n{rows}}};\n"


def described(code, about):
    """An indented line of C with its description behind it, or above it if that is too long."""
    line = f"    {code} /* {about} */\n"
    return line if len(line) <= LINE_MAX else f"{comment(about, indent='    ')}    {code}\n"


def brief(text):
    """The first sentence, for the end of a line."""
    return re.split(r"(?<=\.)\s", text)[0]


def range_text(word):
    """The limits as a person reads them, or an empty string."""
    text = "..".join(word.range) if word.range else ""
    if word.type == "priority" and not text:
        text = f"..{word.high.value}"
    return ", ".join(part for part in (text, f"a multiple of {word.align_text}" if word.align_text else "") if part)


def with_rights(rights):
    return f" with the right{'s' if len(rights) > 1 else ''} {', '.join(rights)}" if rights else ""


def type_text(word):
    """The type as a person reads it."""
    if word.type == "capability":
        kind = "a capability" if word.target == "any" else f"a capability to {word.target}"
        return kind + with_rights(word.rights) + (", given away" if word.give else "") + \
            (", or 0 for none" if word.optional else "")
    if word.type in ("enum", "flags"):
        return ("one of " if word.type == "enum" else "a set of ") + word.target
    return (PLAIN_TYPES[word.type][0] if word.type in PLAIN_TYPES else UNRANGED_TYPES[word.type])


def all_errors(model, operation):
    """(status, description) of the operation's errors: its own, then the general ones that can happen to it."""
    own = [error.name for error in operation.errors]
    possible = {"bad_handle": True, "wrong_type": True, "revoked": True,
                "no_right": bool(operation.needs or any(word.rights for word in operation.ins)),
                "no_such_operation": False,
                "bad_argument": any(is_checked(word) for word in operation.ins)}
    if operation.on == "any" and not any(word.type == "capability" and word.target != "any" for word in operation.ins):
        possible["wrong_type"] = False
    abouts = {status.name: status.about for status in model.statuses}
    general = [(name, abouts[name]) for name in GENERAL_ERRORS if possible[name] and name not in own]
    return [(error.name, error.about) for error in operation.errors] + general


def is_checked(word):
    """Does the wrapper check the word's value?"""
    return (word.low.value > 0 or word.high.value < WORD_MAX or word.align.value > 1) and word.type != "capability"


# ---------------------------------------------------------------------------------------------------- emit: abi.h

def emit_abi(model):
    first, last = kernel_range(model)
    operations = [(op.number_name, f"0x{op.number:04x}", op.full_name) for op in model.numbered_operations()]
    types = [(f"WK_TYPE_{i.upper}", i.type_number, brief(i.about)) for i in model.numbered_types()]
    parts = [
        "#include <stddef.h>\n#include <stdint.h>\n",
        comment("The name of a capability in a process; 0 names none.") + "typedef uint64_t wk_handle;\n",
        "/* What an invocation answers. */\n" + enum("wk_status", [
            (f"WK_{status.upper}", number, brief(status.about)) for number, status in enumerate(model.statuses)]),
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


# ---------------------------------------------------------------------------------------------------- emit: kernel

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
             '#include "invoke.h"\n\n#include "handlers.h"\n']
    parts += [dispatch_wrapper(model, operation) for operation in operations]
    parts.append("const struct operation_descriptor operation_table[OPERATION_SLOTS] = {\n"
                 + "".join(dispatch_entry(model, operation) for operation in operations)
                 + "".join(dispatch_gap(number) for number in free_numbers(model)) + "};\n")
    return "\n".join(parts)


def dispatch_entry(model, operation):
    type_name = "WK_TYPE_NONE" if operation.on == "any" else f"WK_TYPE_{operation.on.upper()}"
    rights = model.rights_c(operation.on, operation.needs)
    message = " | OPERATION_MESSAGE" if operation.message else ""
    return (f"    [{operation.number_name} - WK_OPERATION_FIRST] = {{\n        .wrapper = {operation.c_name}_wrapper,\n"
            f"        .mask = OPERATION_MASK({type_name}, {rights}){message},\n"
            f"        .expected = OPERATION_EXPECTED({type_name}, {rights}),\n    }},\n")


def table_slots(model):
    last = max((operation.number for operation in model.kernel_operations()), default=OPERATION_FIRST)
    return (last - OPERATION_FIRST) // 32 * 32 + 32


def free_numbers(model):
    """The numbers inside the table that no operation has, or has any more."""
    numbers = {operation.number for operation in model.kernel_operations()}
    return [number for number in range(OPERATION_FIRST, OPERATION_FIRST + table_slots(model)) if number not in numbers]


def dispatch_gap(number):
    """No capability has what a free number expects, so that whoever looks it up need not check for it apart."""
    return f"    [{number:#x} - WK_OPERATION_FIRST] = {{.expected = 1}}, /* free */\n"


def dispatch_wrapper(model, operation):
    """The words of the message come in registers. The handler finds them, and puts its results, in the invocation."""
    body = dispatch_in(operation)
    for wanted in (False, True):  # capabilities last: then nothing but the handler needs a word after a look-up
        for number, word in enumerate(operation.ins, 1):
            body += dispatch_check(model, operation, number, word) if (word.type == "capability") == wanted else ""
    unused = "".join(f"    (void)word{number};\n" for number in range(len(operation.ins), WORDS_MAX))
    parameters = ["struct invocation *invocation"] + [f"uint64_t word{number}" for number in range(WORDS_MAX)]
    prototype = c_call(f"static enum wk_status {operation.c_name}_wrapper", parameters, "")
    speed = "" if operation.frequent else "__attribute__((cold))\n"
    return f"{speed}{prototype}\n{{\n{unused}{body}{dispatch_call(operation)}}}\n"


def dispatch_in(operation):
    if not operation.ins:
        return ""
    stores = "".join(f"    in->{word.name} = word{number};\n" for number, word in enumerate(operation.ins))
    return f"    struct wk_{operation.c_name}_in *in = (void *)invocation->arguments;\n{stores}"


def dispatch_check(model, operation, number, word):
    value = f"word{number - 1}"
    if word.type == "capability":
        return dispatch_capability(model, number, word, value)
    conditions = []
    if word.type == "flags":
        conditions.append(f"({value} & ~UINT64_C({word.mask:#x})) != 0")
    elif word.type in ("enum", "status"):
        prefix = f"WK_{word.target.upper()}_" if word.type == "enum" else "WK_"
        conditions.append(f"{value} > {prefix}{word.choices[-1].upper}")
    else:
        conditions += [f"{value} < {word.low.c}"] if word.low.value else []
        conditions += [f"{value} > {word.high.c}"] if word.high.value < WORD_MAX else []
        conditions += [f"({value} & ({word.align.c} - 1)) != 0"] if word.align.value > 1 else []
    if not conditions:
        return ""
    return f"    if ({' || '.join(conditions)})\n        return invocation_bad_argument(invocation, {number});\n"


def dispatch_capability(model, number, word, value):
    type_name = "WK_TYPE_NONE" if word.target == "any" else f"WK_TYPE_{word.target.upper()}"
    rights = model.rights_c(word.target, word.rights)
    tab = "        " if word.optional else "    "
    text = (f"{tab}{word.name} = invocation_capability(invocation, {number}, {value}, {type_name}, {rights});\n"
            f"{tab}if ({word.name} == NULL)\n{tab}    return invocation->refusal;\n")
    if word.optional:
        text = f"    if ({value} != 0) {{\n{text}    }}\n"
    return f"    struct capability *{word.name} = NULL;\n{text}"


def dispatch_call(operation):
    subject = "invocation->capability"
    if operation.on != "any":
        subject = f"(struct {operation.subject} *)invocation->capability->object"
    arguments = ["invocation", subject] + [word.name for word in capability_words(operation)]
    if operation.ins:
        arguments.append("in")
    if operation.outs:
        arguments.append("(void *)invocation->words")
    if len(operation.outs) <= 1:
        return c_call(f"    return {operation.c_name}", arguments, ";\n")
    call = c_call(f"    enum wk_status status = {operation.c_name}", arguments, ";\n")
    return f"{call}    return status == WK_OK ? WK_ANSWERED : status;\n"


# ---------------------------------------------------------------------------------------------------- emit: user stubs

def emit_stubs(interface):
    include = "#include <winkle/invoke.h>\n" + ("#include <winkle/message.h>\n" if interface.service else "")
    parts = [include] + [stub(op) for op in interface.operations if not op.message]
    return header(f"Invocations of {interface.name}.", f"WINKLE_{interface.upper}_H", "\n".join(parts))


def parameter_type(word):
    if word.type == "enum":
        return f"enum wk_{word.target}"
    return {"handle": "wk_handle", "capability": "wk_handle", "status": "enum wk_status"}.get(word.type, "uint64_t")


def stub(operation):
    parameters = [f"wk_handle {operation.subject}"]
    parameters += [f"{parameter_type(word)} {word.name}" for word in operation.ins]
    parameters += [f"{parameter_type(word)} *out_{word.name}" for word in operation.outs]
    words = ", ".join(f"(uint64_t){word.name}" if word.type in ("enum", "status") else word.name
                      for word in operation.ins)
    prototype = c_call(f"static inline enum wk_status wk_{operation.c_name}", parameters, "")
    body = f"    uint64_t words[{WORDS_MAX}] = {{{words or 0}}};\n"
    if operation.interface.service:
        return f"{stub_comment(operation)}{prototype}\n{{\n{body}{service_call(operation)}}}\n"
    call = f"wk_trap({operation.number_name}, {operation.subject}, words)"
    if not operation.outs:
        return f"{stub_comment(operation)}{prototype}\n{{\n{body}    return {call};\n}}\n"
    stores = ""
    for number, word in enumerate(operation.outs):
        cast = f"({parameter_type(word)})" if word.type in ("enum", "status") else ""
        stores += f"        *out_{word.name} = {cast}words[{number}];\n"
    return (f"{stub_comment(operation)}{prototype}\n{{\n{body}    enum wk_status answer = {call};\n"
            f"    if (answer == WK_OK) {{\n{stores}    }}\n    return answer;\n}}\n")


def service_call(operation):
    """A call says which words are capabilities; of an answer's words, those are handles that came as capabilities: a
    server can't pass a number off as one."""
    text = f"    uint64_t operation = {operation.number_name};\n"
    if any(word.type == "handle" for word in operation.outs):
        text = f"    uint64_t operation = {operation.number_name} | WK_MESSAGE_ACCEPT(0xffff);\n"
    for number, word in enumerate(operation.ins):
        if word.type != "capability":
            continue
        bits = f"WK_MESSAGE_CAPABILITY({number})" + (f" | WK_MESSAGE_GIVE({number})" if word.give else "")
        text += f"    operation |= {word.name} == 0 ? 0 : {bits};\n" if word.optional else f"    operation |= {bits};\n"
    text += f"    uint64_t answer = wk_trap(operation, {operation.subject}, words);\n"
    stores = ""
    for number, word in enumerate(operation.outs):
        value = f"words[{number}]"
        if word.type == "handle":
            value = f"WK_RECEIVED_CAPABILITIES(answer) >> {number} & 1 ? {value} : 0"
        cast = f"({parameter_type(word)})" if word.type in ("enum", "status") else ""
        stores += f"        *out_{word.name} = {cast}{value};\n"
    if stores:
        text += f"    if (WK_RECEIVED_STATUS(answer) == WK_OK) {{\n{stores}    }}\n"
    return text + "    return (enum wk_status)WK_RECEIVED_STATUS(answer);\n"


def stub_comment(operation):
    paragraphs = [operation.about, f"@{operation.subject}: {subject_text(operation)}"]
    for prefix, words in (("", operation.ins), ("out_", operation.outs)):
        paragraphs += [f"@{prefix}{word.name}: {type_text(word)}{range_suffix(word)}. {word.about}" for word in words]
    paragraphs += [f"@return WK_{error.upper}: {error.about}" for error in operation.errors]
    return comment(*paragraphs, f"Blocks {operation.blocks}. {cost_text(operation)}")


def range_suffix(word):
    return f", {range_text(word)}" if range_text(word) else ""


def subject_text(operation):
    if operation.on == "any":
        return "any capability"
    return f"a capability to {operation.on}{with_rights(operation.needs)}"


def cost_text(operation):
    steps = f" a step; {operation.long}" if operation.long else ""
    source = "" if operation.source == "-" else f" Source: {operation.source}."
    return f"Bound: {operation.bound} instructions{steps}.{source}"


# ---------------------------------------------------------------------------------------------------- emit: names

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


# ---------------------------------------------------------------------------------------------------- emit: tests

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
        ("is_message", c_bool(operation.message)), ("bound", operation.bound),
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


def c_bool(value):
    return "true" if value else "false"


def emit_trace(model):
    return json.dumps({
        "events": [{"number": event.number, "name": event.name,
                    "arguments": [{"name": word.name, "type": word.type} for word in event.ins]}
                   for event in model.events],
        "operations": [{"number": op.number, "name": op.full_name} for op in model.numbered_operations()],
        "statuses": [{"number": number, "name": status.name} for number, status in enumerate(model.statuses)],
        "types": [{"number": number, "name": name} for number, name in enumerate(type_names(model)) if name],
    }, indent=1) + "\n"


# ---------------------------------------------------------------------------------------------------- emit: manual

MANUAL_HEAD = "<!-- SPDX-License-Identifier: MIT -->\n" \
    "<!-- Generated by tools/interfaces.py from interfaces/{file}; changes belong there. -->\n"


def manual_pages(model):
    pages = [(f"{interface.name}.md", manual_page(model, interface)) for interface in model.interfaces]
    return pages + [("index.md", manual_index(model))]


def manual_table(headings, rows):
    if not rows:
        return ""
    cells = [headings, ["---"] * len(headings)] + [[str(cell).replace("|", "\\|") for cell in row] for row in rows]
    return "".join(f"| {' | '.join(row)} |\n" for row in cells)


def manual_index(model):
    interfaces = [(f"[{i.name}]({i.name}.md)", i.version, brief(i.about)) for i in model.interfaces]
    operations = [(f"0x{op.number:04x}", f"[{op.full_name}]({manual_link(op)})", brief(op.about))
                  for op in model.numbered_operations()]
    return "\n".join([MANUAL_HEAD.format(file=""), "# The interfaces\n",
                      manual_table(["interface", "version", ""], interfaces), "# The operations\n",
                      manual_table(["number", "operation", ""], operations)])


def manual_link(operation):
    return f"{operation.interface.name}.md#{operation.interface.name}{operation.name}"  # as GitHub makes anchors


def manual_page(model, interface):
    parts = [MANUAL_HEAD.format(file=f"{interface.name}.interface"), f"# {interface.name}\n",
             f"Version {interface.version}. {interface.about}\n"]

    def section(title, headings, rows, text=""):
        if rows:
            parts.extend([f"## {title}\n", *([f"{text}\n"] if text else []), manual_table(headings, rows)])

    section("Statuses", ["number", "status", ""],
            [(number, f"`WK_{status.upper}`", status.about) for number, status in enumerate(interface.statuses)])
    section("Rights", ["bit", "right", ""],
            [(bit, f"`{right.name}`", right.about) for bit, right in enumerate(interface.rights)])
    section("Constants", ["constant", "value", ""],
            [(f"`WK_{constant.upper}`", hex(constant.value), constant.about) for constant in interface.constants])
    for group in interface.groups:
        unit = "bit" if group.kind == "flags" else "number"
        section(f"{group.kind} {group.name}", [unit, "value", ""],
                [(number, f"`WK_{group.upper}_{value.upper}`", value.about)
                 for number, value in enumerate(group.values)], group.about)
    parts += [manual_operation(model, operation) for operation in interface.operations]
    section("Events", ["number", "event", "words", ""],
            [(event.number, f"`{event.name}`", ", ".join(f"`{word.name}`" for word in event.ins), event.about)
             for event in interface.events])
    return "\n".join(parts)


def manual_call(operation, arguments):
    return "See winkle/calls.h." if operation.message else f"wk_{operation.c_name}({', '.join(arguments)})"


def manual_operation(model, operation):
    arguments = [operation.subject, *(word.name for word in operation.ins)]
    arguments += [f"&{word.name}" for word in operation.outs]
    rows = {side: [(f"`{word.name}`", type_text(word), f"`{range_text(word)}`" if range_text(word) else "", word.about)
                   for word in words] for side, words in (("in", operation.ins), ("out", operation.outs))}
    errors = [(f"`WK_{name.upper()}`", about) for name, about in all_errors(model, operation)]
    tables = [manual_table(["argument", "type", "range", ""], rows["in"]),
              manual_table(["result", "type", "", ""], rows["out"]), manual_table(["error", ""], errors)]
    return "\n".join([
        f"## {operation.full_name}\n",
        f"    {manual_call(operation, arguments)}\n",
        f"{operation.about}\n",
        f"Invoked on {subject_text(operation)}. Number 0x{operation.number:04x}.\n",
        *[table for table in tables if table],
        f"Blocks {operation.blocks}. {cost_text(operation)}\n"])


# ---------------------------------------------------------------------------------------------------- main

def outputs(model):
    """Every generated file: (path under the output folder, text)."""
    return [
        ("include/winkle/abi.h", emit_abi(model)),
        ("kernel/handlers.h", emit_handlers(model)),
        ("kernel/dispatch.c", emit_dispatch(model)),
        ("tests/interface_table.h", emit_table_header(model)),
        ("tests/interface_table.c", emit_table(model)),
        ("trace.json", emit_trace(model)),
        ("include/winkle/names.h", emit_names(model)),
    ] + [(f"include/winkle/{i.name}.h", emit_stubs(i)) for i in model.interfaces
        if not all(op.message for op in i.operations)]


def write_if_changed(path, text):
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def read_interfaces(files, problems):
    """Parses and checks; the model is complete only if there are no problems."""
    parsed = [Parser(file, problems).parse(Path(file).read_bytes().decode("latin-1")) for file in sorted(files)]
    model = Model([interface for interface in parsed if interface])
    if not problems:
        Checker(model, problems).check()
    return model


def run(arguments):
    problems = Problems()
    model = read_interfaces(arguments.files, problems)
    if not problems:
        lock = Lock(Path(arguments.files[0]).parent / "lock", problems)
        lock.reconcile(model, arguments.update_lock)
    if problems:
        print(problems, file=sys.stderr)
        return 1
    if arguments.update_lock:
        write_if_changed(lock.path, lock.render())
    for path, text in outputs(model) if arguments.out else []:
        write_if_changed(arguments.out / path, text)
    for path, text in manual_pages(model) if arguments.manual else []:
        write_if_changed(arguments.manual / path, text)
    return 0


def main():
    parser = argparse.ArgumentParser(description="Generate everything that is derived from the interface files.")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="write headers, kernel and test sources there")
    parser.add_argument("--manual", type=Path, metavar="FOLDER", help="write the reference manual there")
    parser.add_argument("--update-lock", action="store_true", help="give numbers to what is new in the interface files")
    parser.add_argument("files", nargs="+", metavar="FILE.interface")
    return run(parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
