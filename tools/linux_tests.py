#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What programs of Linux are to answer: the same command lines on a real Linux, Debian's kernel in the same emulator, with
the same tree of programs.

usage: tools/linux_tests.py      writes tests/linux/applets.expected anew: what tests/linux/applets.txt gives on Linux
"""
import pathlib
import re
import shlex
import subprocess
import sys

import archive
import emulator
import packages
from emulator import ROOT

FOLDER = ROOT / "tests/linux"
APPLETS = ["busybox", "sh", "-c", "busybox sh /tests/applets.sh /tests/applets.txt | cat"]
# Cases of cases.txt that are about what only Winkle has, and two that take long.
ONLY_WINKLE = ("python", "native", "streams", "starts", "between", "isolation", "sides", "stopped", "hostile", "stress",
               "many-files", "many-processes")
MEMORY, TIMEOUT_SECONDS = "512M", 300


# ---- a real Linux ----

class HasNotEnded(emulator.Failure):
    """A command line waits for ever, there as it may on Winkle."""


def entries(lines):
    """What that Linux finds: the tree of programs, the tests, and which command lines to run."""
    found = archive.tree("root", ROOT / "build/root") + archive.tree("root/tests", ROOT / "build/linux-tests")
    found = [entry for entry in found if entry.name != b"root"]
    for entry in found:
        entry.name, entry.mapped = entry.name.removeprefix(b"root/"), False
    return [*found, archive.Entry("tests/on-linux.txt", "".join(f"{line}\n" for line in lines).encode())]


def run_on_linux(commands):
    """[(status, output)] of command lines, each given as its words."""
    kernel = next(packages.fetch("linux").glob("boot/vmlinux-*"))
    # A status cannot be asked for behind a pipe.
    lines = [f"{shlex.join(words)}; status=$?; echo; echo --- $status" for words in commands]
    file = ROOT / "build/on-linux.cpio"
    file.write_bytes(archive.pack(entries(lines)))
    machine = emulator.Machine(memory=MEMORY)
    words = machine.qemu("quiet rdinit=/tests/on-linux.sh", terminal=False, kernel=kernel, archive=file)
    try:
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT_SECONDS, check=False)
    except subprocess.TimeoutExpired as late:
        text = (late.stdout or b"").decode(errors="replace")
        begun = text.count("\n=-= ")
        raise HasNotEnded(f"Linux has not ended after {TIMEOUT_SECONDS} s, at "
                          f"{shlex.join(commands[begun - 1]) if begun > 0 else 'its start'}\n{text[-1000:]}") from None
    text = done.stdout.decode(errors="replace").replace("\r", "")
    parts = re.split(r"^=-= \w+\n", text, flags=re.MULTILINE)[1:-1]
    if len(parts) != len(commands):
        raise emulator.Failure(f"Linux has run {len(parts)} of {len(commands)} command lines\n{text[-2000:]}")
    found = [re.fullmatch(r"(.*)\n--- (\d+)\n", part, re.DOTALL) for part in parts]
    return [(int(match[2]), match[1]) if match else (None, part) for match, part in zip(found, parts)]


# ---- busybox's applets ----

def sections(text):
    """{command line: what it gave, with its status} of the output of applets.sh."""
    found = re.findall(r"^=== (.*)\n((?:.*\n)*?--- \d+)$", text.replace("\r", ""), re.MULTILINE)
    return dict(found)


def known_to_differ():
    """The command lines that Winkle is known to answer otherwise."""
    return set(re.findall(r"^differs .*?: (?:\+ )?(.*)", (FOLDER / "applets.txt").read_text(), re.MULTILINE))


def compare_applets(text):
    """Complaints about the output of applets.sh on Winkle, and how many command lines were compared."""
    wanted, found = sections((FOLDER / "applets.expected").read_text()), sections(text)
    complaints = []
    for line, answer in wanted.items():
        if line not in found:
            complaints.append(f"not run: {line}")
        elif line in known_to_differ() and found[line] == answer:
            complaints.append(f"no longer differs from Linux: {line}")
        elif line not in known_to_differ() and found[line] != answer:
            complaints.append(f"{line}\n on Linux:\n{answer}\n here:\n{found[line]}")
    complaints += [f"not in applets.expected, which tools/linux_tests.py writes: {line}" for line in found if line not in wanted]
    return complaints, len(wanted)


def main():
    if len(sys.argv) != 1:
        sys.exit(__doc__.strip())
    try:
        emulator.build("release", "linux-image")
        (status, text), = run_on_linux([APPLETS])
    except emulator.Failure as failure:
        sys.exit(f"winkle: {failure}")
    if status != 0 or not sections(text):
        sys.exit(f"winkle: status {status}\n{text}")
    (FOLDER / "applets.expected").write_text(text)


if __name__ == "__main__":
    main()
