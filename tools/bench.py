#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`./winkle bench`: what Winkle's operations cost, in instructions of the emulated machine, beside what peers cost.

usage: ./winkle bench [NAME...] [--json]

The program `bench` runs on the measuring build while QEMU counts instructions; it prints a line for each entry:
`bench NAME UNIT MINIMUM MEDIAN MAXIMUM LIMIT`, with `-` for no limit. What it can't measure itself is added here.
"""
import json
import re
import subprocess
import sys

import emulator
from emulator import ROOT

LINE = re.compile(r"^bench (\S+) (\S+) (\d+) (\d+) (\d+) (\d+|-)\s*$", re.MULTILINE)
# The worst case counts for these, and on several harts too; for the others, the median on one.
WORST_CASES = ("interrupts-off", "lock-hold")
MORE_HARTS = (2, 4)
# What must be among the entries: a figure that silently went missing is a failure of the tests.
OWED = ("null-invocation", "foreign-call", "demand-fault", "map-unmap", "capability-lend-delete",
        "thread-create-destroy", "process-create-destroy", "interrupts-off", "lock-hold", "kernel-bytes", "boot")
KERNEL_BYTES_LIMIT = 44 * 1024
TIMEOUT_SECONDS = 300


def is_over(entry):
    return entry["limit"] is not None and figure(entry) > entry["limit"]


def figure(entry):
    """The one number that an entry is judged by."""
    return entry["max" if entry["name"] in WORST_CASES else "median"]


def run_on(harts, names):
    """The entries that the program prints on a machine with that many harts."""
    output = []
    machine = emulator.Machine("measure", harts=harts, icount=True)
    view = emulator.console.CommandConsole(output.append)
    status, message = machine.run_command(["bench", *names], TIMEOUT_SECONDS, view=view)
    text = (view.before + b"".join(output)).decode(errors="replace")
    if status != 0:
        raise emulator.Failure(f"the program 'bench' ended with status {status} on {harts} harts\n{message or text}")
    return [{"name": name, "unit": unit, "min": int(least), "median": int(median), "max": int(most),
             "limit": None if limit == "-" else int(limit)}
            for name, unit, least, median, most, limit in LINE.findall(text)]


def kernel_bytes():
    emulator.build("release")
    text = subprocess.run(["riscv64-linux-gnu-size", "-A", str(ROOT / "build/release/kernel.elf")],
                          capture_output=True, text=True, check=True).stdout
    size = sum(int(match[1]) for match in re.finditer(r"^\.(?:text|rodata)\S*\s+(\d+)", text, re.MULTILINE))
    return {"name": "kernel-bytes", "unit": "bytes", "min": size, "median": size, "max": size,
            "limit": KERNEL_BYTES_LIMIT}


def measure(names):
    """The entries with those names; all if there are no names."""
    emulator.build("measure")
    own = [name for name in names if name not in ("kernel-bytes", "boot")]
    entries = []
    if own or not names or "boot" in names:
        entries = [entry for entry in run_on(1, own) if not names or entry["name"] in names]
    for entry in (entry for entry in entries if entry["name"] in WORST_CASES):
        for harts in MORE_HARTS:
            for other in run_on(harts, [entry["name"]]):
                if other["name"] == entry["name"]:
                    entry["max"] = max(entry["max"], other["max"])
    if not names or "kernel-bytes" in names:
        entries.append(kernel_bytes())
    unknown = [name for name in names if name not in [entry["name"] for entry in entries]]
    if unknown:
        raise emulator.Failure(f"there is no benchmark '{unknown[0]}'; './winkle bench' runs and names them all")
    return entries


def peers():
    """What others need for the nearest thing they have: {name: text}."""
    lines = (ROOT / "tests/bench/peers.txt").read_text().splitlines()
    fields = [line.split("|", 1) for line in lines if "|" in line and not line.startswith("#")]
    return {name.strip(): text.strip() for name, text in fields}


def table(entries):
    others = peers()
    rows = [("name", "unit", "min", "median", "max", "limit", "", "peers")]
    for entry in entries:
        limit = "-" if entry["limit"] is None else f"{entry['limit']:,}"
        rows.append((entry["name"], entry["unit"], *(f"{entry[key]:,}" for key in ("min", "median", "max")), limit,
                     "OVER" if is_over(entry) else "", others.get(entry["name"], "")))
    widths = [max(len(row[column]) for row in rows) for column in range(8)]
    return "\n".join("  ".join(cell.rjust(width) if 2 <= column <= 5 else cell.ljust(width)
                               for column, (cell, width) in enumerate(zip(row, widths))).rstrip() for row in rows)


def main():
    names = [word for word in sys.argv[1:] if word != "--json"]
    options = [name for name in names if name.startswith("-")]
    if options:
        print(f"winkle: there is no option '{options[0]}'; the nearest is '--json'", file=sys.stderr)
        return 2
    try:
        entries = measure(names)
    except emulator.Failure as failure:
        print(f"winkle: {failure}", file=sys.stderr)
        return 1
    print(json.dumps(entries, indent=1) if "--json" in sys.argv else table(entries))
    return 1 if any(is_over(entry) for entry in entries) else 0


if __name__ == "__main__":
    sys.exit(main())
