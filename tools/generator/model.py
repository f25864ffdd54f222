# SPDX-License-Identifier: MIT
"""What interface files say, as objects: an Interface has operations, those have words. Parsed, checked and numbered by the
other modules, then only read.
"""

from dataclasses import dataclass, field

OPERATION_FIRST = 0x1000  # numbers below are foreign system calls
SERVICE_FIRST = 0x2000    # numbers from here are operations of services, which the kernel only forwards
SERVICE_END = 0x10000     # an operation number has 16 bits
WORDS_MAX = 6
RIGHTS_MAX = 16
WORD_MAX = 2**64 - 1

# The errors that the kernel itself answers before any handler runs; they belong to every operation.
GENERAL_ERRORS = ("bad_handle", "wrong_type", "no_right", "no_such_operation", "bad_argument", "revoked")

# Plain word types: what their numbers mean, and the highest value where that is less than the word's.
PLAIN_TYPES = {
    "count": ("a count", WORD_MAX), "bytes": ("bytes", WORD_MAX), "ns": ("nanoseconds", WORD_MAX),
    "number": ("a number", WORD_MAX), "address": ("an address in the process", WORD_MAX),
    "bits": ("a set of bits", WORD_MAX), "priority": ("a priority", 255),
}
UNRANGED_TYPES = {"handle": "a handle", "rights": "a set of rights", "status": "a status"}


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
    quick: bool = False
    trap_only: bool = False
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
