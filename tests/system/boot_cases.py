#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Boots Winkle with archives, manifests and programs that are malformed: init must refuse each, and say what and why; and
with choices for the kernel, which says what became of them.

usage: tests/system/boot_cases.py [BUILD]     the build (debug) must be there: ./winkle image BUILD
Prints a line for each case, `pass NAME` or `FAIL NAME` with what was printed instead; status 1 if one failed.
"""
import pathlib
import re
import struct
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tools"))
import archive  # noqa: E402
import console  # noqa: E402
import emulator  # noqa: E402

MANIFEST = b"program *\n    bank 256\n    grant console\n"
REFUSED, NOT_FOUND = 126, 127
NAME_FIELD, BYTES_FIELD, MODE_FIELD = 6 + 8 * 11, 6 + 8 * 6, 6 + 8 * 1


class MachineWithArchive(emulator.Machine):
    """A machine that boots with another archive; None: with none."""

    def __init__(self, build, content):
        super().__init__(build)
        self.content = content
        self.file = None

    def qemu(self, append=None, terminal=True):
        words = super().qemu(append, terminal)
        at = words.index("-initrd")
        return words[:at] + (["-initrd", self.file] if self.file else []) + words[at + 2:]

    def boot(self, words):
        """Returns the status, and all that came out."""
        output = []
        with tempfile.NamedTemporaryFile(suffix=".cpio") as file:
            if self.content is not None:
                file.write(self.content)
                file.flush()
                self.file = file.name
            status, message = self.run_command(words, timeout=30, write=output.append)
        return status, b"".join(output).decode(errors="replace") + (message or "")


class MachineThatTells(emulator.Machine):
    """A machine whose kernel is not told to be quiet."""

    def qemu(self, append=None, terminal=True):
        return super().qemu(append.replace("quiet ", "", 1), terminal)


def with_field(content, offset, digits):
    """The archive with a field of its first header changed."""
    return content[:offset] + digits + content[offset + 8:]


def archives(hello):
    """(name, archive, expected status, expected output) of archives that are malformed themselves."""
    good = archive.archive({"bin/hello": hello, "boot.manifest": MANIFEST})
    return [
        ("good", good, 0, "Hello from Winkle"),
        ("none", None, REFUSED, "there is no boot archive"),
        ("no-manifest", archive.archive({"bin/hello": hello}), REFUSED, "no file boot.manifest"),
        ("no-program", archive.archive({"boot.manifest": MANIFEST}), NOT_FOUND, "bin/hello: there is no such file"),
        ("garbage", b"\xff" * 5000, REFUSED, "entry at byte 0: .*070701"),
        ("cut-short", good[:len(good) // 2], REFUSED, "beyond the archive|ends without"),
        ("no-trailer", good[:good.rindex(b"070701")], REFUSED, "ends without its last entry"),
        ("bad-digit", with_field(good, MODE_FIELD, b"0000816g"), REFUSED, "not hexadecimal"),
        ("directory", with_field(good, MODE_FIELD, b"000041ed"), REFUSED, "directory has content"),
        ("device", with_field(good, MODE_FIELD, b"000021b6"), REFUSED, "no plain file"),
        ("huge-file", with_field(good, BYTES_FIELD, b"ffffffff"), REFUSED, "content ends beyond"),
        ("huge-name", with_field(good, NAME_FIELD, b"fffffff0"), REFUSED, "name ends beyond"),
        ("name-without-end", with_field(good, NAME_FIELD, b"00000004"), REFUSED, "zero byte"),
    ]


def manifests(hello):
    """The same for manifests, as (name, text, status, output)."""
    table = [
        ("unknown-word", b"# first\nprogramm x\n", r"boot.manifest:2: programm: .*no word of a manifest"),
        ("no-entry-yet", b"bank 4\n", r"boot.manifest:1: bank: .*must come before"),
        ("no-bank", b"program hello\n", r"boot.manifest:1: hello: .*no line `bank"),
        ("bad-number", b"program hello\nbank 12x\n", r"boot.manifest:2: 12x: .*no number"),
        ("bad-grant", b"program hello\nbank 9\ngrant moon\n", r"boot.manifest:3: moon: .*to grant"),
        ("binary", b"program hello\nbank 9\n\x00\n", r"boot.manifest:3: : .*no ASCII"),
        ("twice", b"program a\nbank 9\nprogram a\nbank 9\n", r"boot.manifest:3: a: .*already"),
        ("too-long", b"#" * 20000, r"boot.manifest: it is longer than"),
        ("bad-part", b"program hello\nbank most/0\n", r"boot.manifest:2: most/0: .*no part"),
        ("no-service", b"program hello\nbank 9\nuses moon\n", r"boot.manifest:1: moon: .*no program serves"),
        ("bank-too-small", b"program *\nbank 1\n", r"bin/hello: .*no_memory"),
        ("bank-too-large", b"program *\nbank 100000000\n", r"bin/hello: its bank can't be split.*no_memory"),
    ]
    cases = [(f"manifest/{name}", archive.archive({"bin/hello": hello, "boot.manifest": text}), REFUSED, output)
             for name, text, output in table]
    empty = archive.archive({"bin/hello": hello, "boot.manifest": b""})
    return cases + [("manifest/empty", empty, NOT_FOUND, "no entry for a program named hello")]


def changed(program, changes):
    """The program with bytes changed: [(offset, format, value)]."""
    content = bytearray(program)
    for offset, form, value in changes:
        struct.pack_into("<" + form, content, offset, value)
    return bytes(content)


def programs(hello):
    """The same for programs: the header of text is the second of program headers of 56 bytes, which lie behind the
    file's of 64 bytes; the first one marks a native program."""
    header = 64 + 56
    offset, address, memory_bytes = header + 8, header + 16, header + 40
    table = [
        ("empty", b"", "shorter than an ELF header"),
        ("text", b"#!/bin/sh\n" * 10, "no 64-bit little-endian ELF"),
        ("cut-short", hello[:100], "beyond the file"),
        ("other-machine", changed(hello, [(18, "H", 62)]), "another machine"),
        ("position-independent", changed(hello, [(16, "H", 3)]), "no static executable"),
        ("headers-outside", changed(hello, [(32, "Q", 2**64 - 8)]), "headers end beyond"),
        ("bytes-outside", changed(hello, [(offset, "Q", 2**64 - 4096)]), "bytes end beyond"),
        ("more-in-file", changed(hello, [(memory_bytes, "Q", 1)]), "more bytes in the file"),
        ("unaligned", changed(hello, [(address, "Q", 0x10008)]), "page boundary"),
        ("first-page", changed(hello, [(address, "Q", 0)]), "first page"),
        ("kernel-address", changed(hello, [(address, "Q", 0xfffffffffffec000)]), "outside the user's addresses"),
        ("too-large", changed(hello, [(memory_bytes, "Q", 2**62)]), "larger than 1 GiB"),
        ("writable-text", changed(hello, [(header + 4, "I", 7)]), "both writable and executable"),
        ("overlap", changed(hello, [(memory_bytes, "Q", 0x100000)]), "overlap"),
        ("entry-outside", changed(hello, [(24, "Q", 0x4000)]), "entry does not lie"),
        ("interpreter", changed(hello, [(header, "I", 3)]), "linked dynamically"),
    ]
    return [(f"program/{name}", archive.archive({"bin/hello": content, "boot.manifest": MANIFEST}), REFUSED,
             f"bin/hello: .*{output}") for name, content, output in table]


SERVICES = b"""
program user
    path bin/test-started
    bank most
    uses keeping passing
    grant console
program middle
    path bin/test-started
    arguments pass
    bank most/2
    service
    serves passing
    uses keeping
    grant console
program keeper
    path bin/test-started
    arguments keep
    bank 128
    service
    serves keeping
    restart 1
    grant console
program hello
    bank 64
    grant console
program orphan
    path bin/hello
    bank 64
    uses nothing
    grant console
program missing
    bank 64
    service
    serves nothing
program linux
    bank 256
    grant console
"""


def services(hello, started):
    """Cases of services and of the personality, as (name, archive, status, output, words)."""
    files = {"bin/hello": hello, "bin/linux": hello, "bin/test-started": started, "boot.manifest": SERVICES}
    whole = archive.archive(files)
    native = archive.archive({name: content for name, content in files.items() if name != "bin/linux"})
    ended = r"winkle: keeper ended: breakpoint at .*"
    return [
        ("service/restart", whole, 0, f"^{ended}\n{ended}\nstarted: good\n$", ["user"]),
        ("service/unused", whole, 0, r"^Hello from Winkle\..*\n$", ["hello"]),
        ("service/missing", whole, NOT_FOUND, "^winkle: bin/missing: there is no such file", ["orphan"]),
        ("personality/runs", whole, 0, r"^Hello from Winkle\..*\nbusybox sh -c\n$", ["busybox", "sh", "-c"]),
        ("personality/native", whole, 0, r"^Hello from Winkle\..*\nbusybox\n$", ["hello", "busybox"]),
        ("personality/none", native, NOT_FOUND, "has no entry for a program named busybox", ["busybox"]),
    ]


def stripped(build, name):
    return (ROOT / "build" / build / "stripped" / name).read_bytes()


# (name, kind of machine, what is passed to it, what the kernel says); each then runs a program as ever.
CHOICES = [
    ("on", MachineThatTells, {"harts": 2, "tim": "64K", "kernel_tim": "on"}, "kernel-tim: holds 40 of the 40 KiB"),
    ("struct", MachineThatTells, {"tim": "12K", "kernel_tim": "on"}, "kernel-tim: holds 12 of the 20 KiB"),
    ("stack", MachineThatTells, {"harts": 2, "tim": "64K", "kernel_tim": "8K"}, "kernel-tim: holds 8 of the 40 KiB"),
    ("one-page", MachineThatTells, {"tim": "4K", "kernel_tim": "on"}, "kernel-tim: holds 0 of the 20 KiB"),
    ("real", MachineThatTells, {"machine": "sifive_u", "kernel_tim": "on"}, "kernel-tim: holds 20 of the 20 KiB"),
    ("none", emulator.Machine, {"kernel_tim": "on"}, "kernel-tim: holds 0 of the 20 KiB"),
    ("no-choice", emulator.Machine, {"tim": "64K", "kernel_tim": "off"}, "kernel-tim: it is on, or a size such as 20K"),
    ("too-small", emulator.Machine, {"tim": "64K", "kernel_tim": "3K"}, "kernel-tim: it is on, or a size such as 20K"),
    ("huge", MachineThatTells, {"tim": "64K", "kernel_tim": "99999999M"}, "kernel-tim: holds 20 of the 20 KiB"),
]


def results(build):
    """(name, expected status, expected output, status, output) of each case."""
    hello = (ROOT / "build" / build / "stripped" / "hello").read_bytes()
    for name, content, *wanted in archives(hello) + manifests(hello) + programs(hello):
        yield (name, *wanted, *MachineWithArchive(build, content).boot(["hello"]))
    for name, kind, choices, wanted in CHOICES:
        view = console.CommandConsole(lambda _: None)
        status, message = kind(build, **choices).run_command(["hello"], 30, view=view)
        yield f"kernel-tim/{name}", 0, wanted, status, view.before.decode(errors="replace") + (message or "")


def main():
    build = sys.argv[1] if len(sys.argv) > 1 else "debug"
    hello = stripped(build, "hello")
    cases = [case + (["hello"],) for case in archives(hello) + manifests(hello) + programs(hello)]
    failed = 0
    for name, content, wanted_status, wanted, words in cases + services(hello, stripped(build, "test-started")):
        status, text = MachineWithArchive(build, content).boot(words)


    failed = 0
    for name, wanted_status, wanted, status, text in results(build):
        if status == wanted_status and re.search(wanted, text):
            print(f"pass {name}", flush=True)
        else:
            failed += 1
            print(f"FAIL {name}: status {status}, expected {wanted_status} and {wanted}\n{text}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
