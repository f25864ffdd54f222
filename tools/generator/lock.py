# SPDX-License-Identifier: MIT
"""The lock file, interfaces/lock: every number ever given out. It refuses a change that nobody announced, and gives numbers to
what is new.
"""

from dataclasses import dataclass

from generator.model import OPERATION_FIRST, SERVICE_END, SERVICE_FIRST, Item, Operation

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
