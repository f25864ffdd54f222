# SPDX-License-Identifier: MIT
"""What programs of Linux cost on Winkle, beside Linux itself: the part `linux` of `./winkle bench`.

tests/bench/linux_operations.c is an ordinary program of Linux, which measures; tests/bench/linux.txt has what Linux needs for the same,
the limits and the aims. `linux-boot` are the instructions from the firmware's hand-over until the shell waits at its prompt, and
`linux-ram` the KiB of memory that are in use there, besides the boot archive and the 2 MiB of the firmware.
"""
import pathlib
import re
import subprocess
import tempfile
import time

import archive
import emulator
from emulator import ROOT

LINE = re.compile(r"^bench-linux (\S+) (?:(\d+) (\d+) (\d+)|(\w+))\s*$", re.MULTILINE)
REST = re.compile(rb"rest (\d+) (\d+) (\d+)\s*\n")
HANDOFF = re.compile(r"^handoff ([0-9a-f]{16})\s*$", re.MULTILINE)
PROGRAM = "/tests/linux_operations"
MEMORY, TIMEOUT_SECONDS = "256M", 300
FIRMWARE_BYTES, PAGE_BYTES = 2 << 20, 4096
PROMPT = b"# "
# At the lowest priority: it tells when nobody has anything to do any more.
REST_MANIFEST = """
program test-rest
    bank 64
    priority 1
    grant console inspect
    service
    start
"""


def rows():
    """{name: (Linux's figure, limit, aim, what it is)} of linux.txt; None where there is none."""
    lines = (ROOT / "tests/bench/linux.txt").read_text().splitlines()
    fields = [[field.strip() for field in line.split("|")] for line in lines if line.strip() and not line.startswith("#")]
    return {name: (*(None if number == "-" else int(number.replace(",", "")) for number in numbers), text)
            for name, *numbers, text in fields}


NAMES = tuple(rows())
MACHINE = ("linux-boot", "linux-ram")


def entry(name, unit, least, median, most):
    linux, limit, aim, about = rows()[name]
    return {"name": name, "unit": unit, "min": least, "median": median, "max": most, "limit": limit, "linux": linux,
            "about": about} | ({} if aim is None else {"aim": aim})


def cannot(name, error):
    """What Winkle cannot do."""
    linux, limit, _, about = rows()[name]
    return {"name": name, "error": error, "limit": limit, "linux": linux, "about": about}


def linux_machine():
    emulator.install("linux")
    emulator.build("release", "linux-image")
    return emulator.Machine("release", memory=MEMORY, icount=True, linux=True)


def operations(names):
    output = []
    status, message = linux_machine().run_command([PROGRAM, *names], TIMEOUT_SECONDS, write=output.append)
    text = b"".join(output).decode(errors="replace")
    if status != 0:
        raise emulator.Failure(f"{PROGRAM} ended with status {status}\n{message or text}")
    found = {name: cannot(name, error) if error else entry(name, "instructions", int(least), int(median), int(most))
             for name, least, median, most, error in LINE.findall(text)}
    return [found.get(name) or cannot(name, "NOTHING") for name in names]


def firmware_instructions():
    emulator.make("build/handoff.img")
    machine = emulator.Machine("release", memory=MEMORY, icount=True)
    text = subprocess.run(machine.qemu(terminal=False, kernel=ROOT / "build/handoff.img"), stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=TIMEOUT_SECONDS, check=False).stdout.decode(errors="replace")
    found = HANDOFF.search(text)
    if not found:
        raise emulator.Failure(f"the firmware did not hand over\n{text}")
    return int(found[1], 16)


def at_rest(machine):
    """Boots to the prompt; returns nanoseconds until then, pages that are free, and those of the whole memory."""
    names = archive.entries_of(pathlib.Path(machine.archive()).read_bytes())
    entries = [archive.Entry(name, content, mode, modified, at % PAGE_BYTES == 0) for name, mode, modified, content, at in names]
    for one in entries:
        if one.name == b"boot.manifest":
            one.content = REST_MANIFEST.encode() + one.content
    entries.append(archive.Entry("bin/test-rest", (machine.directory / "stripped/test-rest").read_bytes()))
    with tempfile.NamedTemporaryFile(dir=machine.directory, suffix=".cpio") as file:
        file.write(archive.pack(entries))
        file.flush()
        machine.other_archive = file.name
        return *watch(machine), file.tell()


def watch(machine):
    deadline, text = time.monotonic() + TIMEOUT_SECONDS, b""
    with subprocess.Popen(machine.qemu("quiet", terminal=False), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL) as process:
        found = None
        while not found and time.monotonic() < deadline and (data := process.stdout.read1()):
            text = (text + data).replace(b"\r", b"")
            found = REST.search(text)
        emulator.stop(process, 0.0)
    if not found or PROMPT not in text[:found.start()]:
        raise emulator.Failure("the shell has not come to its prompt\n" + text.decode(errors="replace"))
    return tuple(map(int, found.groups()))


def boot():
    since_reset, free, whole, archive_bytes = at_rest(linux_machine())
    instructions = since_reset - firmware_instructions()
    used = whole * PAGE_BYTES - FIRMWARE_BYTES - free * PAGE_BYTES - archive_bytes
    kilobytes = used // 1024
    return [entry("linux-boot", "instructions", instructions, instructions, instructions),
            entry("linux-ram", "KiB", kilobytes, kilobytes, kilobytes)]


def measure(names):
    """The entries with those names."""
    wanted = [name for name in names if name not in MACHINE]
    entries = operations(wanted) if wanted else []
    return entries + ([one for one in boot() if one["name"] in names] if any(name in names for name in MACHINE) else [])


def table(entries, mark):
    rows_ = [("programs of Linux", "Linux", "min", "median", "max", "ratio", "limit", "aim", "", "")]
    for one in entries:
        def number(key, one=one):
            return "-" if one.get(key) is None else f"{one[key]:,}"
        ratio = f"{one['median'] / one['linux']:.2f}" if one.get("linux") and "median" in one else "-"
        figures = (one["error"], "", "") if "error" in one else tuple(number(key) for key in ("min", "median", "max"))
        rows_.append((one["name"], number("linux"), *figures, ratio, number("limit"), number("aim") if "aim" in one else "",
                      mark(one), one["about"]))
    widths = [max(len(row[column]) for row in rows_) for column in range(10)]
    return "\n".join("  ".join(cell.rjust(width) if 1 <= column <= 7 else cell.ljust(width)
                               for column, (cell, width) in enumerate(zip(row, widths))).rstrip() for row in rows_)
