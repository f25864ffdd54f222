# SPDX-License-Identifier: MIT
"""From the text of an interface file to its objects, line by line; the format is described in interfaces/FORMAT.md."""

import re
from pathlib import Path

from generator.model import (
    PLAIN_TYPES, UNRANGED_TYPES, WORD_MAX, Constant, Event, Group, Interface, Item, Operation, Word)

C_KEYWORDS = set("""asm auto bool break case char const continue default do double else enum extern false float for goto
    if inline int linux long register restrict return short signed sizeof static struct switch true typedef typeof union
    unix unsigned void volatile while""".split())
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
        ("on", "needs", "out", "error", "blocks", "long", "bound", "source", "message", "frequent", "quick",
         "trap_only"), Operation)
    WITHIN_TEXT = {"value": "an enum or flags", "in": "an operation or event"}
    ONCE = ("interface", "version", "service", "on", "needs", "blocks", "long", "bound", "source", "message", "frequent",
            "quick", "trap_only")

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

    def on_quick(self, rest):
        self.mark("quick", rest)

    def on_trap_only(self, rest):
        self.mark("trap_only", rest)

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
