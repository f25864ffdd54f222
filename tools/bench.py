#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`./winkle bench`: what Winkle's operations cost, in instructions of the emulated machine, beside what peers cost.

usage: ./winkle bench [NAME...|linux] [--json] [--full]

`linux` are all that programs of Linux cost (bench_linux.py).
With `--full`, wakeup-load takes the 10 seconds of the emulated machine, and the minutes of this one, that its periods of a
millisecond need; else they are a tenth as long.
The program `bench` runs while QEMU counts instructions, on the release build; what the kernel's own meters tell comes from
the measuring build. It prints a line for each entry: `bench NAME UNIT MINIMUM MEDIAN MAXIMUM LIMIT`, with `-` for no limit, and
further lines for how the samples of some are distributed.
What it can't measure itself is added here.

Throughput is told in ns of this machine's clock, on two harts that the emulator runs in parallel; and beside it that of a
Debian Linux in the same emulator, where Debian's package of it can be fetched (tools/packages.py).
"""
import collections
import difflib
import functools
import json
import pathlib
import re
import subprocess
import sys
import tempfile

import bench_linux
import emulator
import packages
from emulator import ROOT

LINE = re.compile(r"^bench (\S+) (\S+) (\d+) (\d+) (\d+) (\d+|-)\s*$", re.MULTILINE)
TAIL = re.compile(r"^bench-tail (\S+) (\d+)\s*$", re.MULTILINE)
HISTOGRAM = re.compile(r"^bench-histogram (\S+) (\d+) (\d+)\s*$", re.MULTILINE)
# The worst case counts for these, of which the first two are measured on several harts too; for the others, the median.
WORST_CASES = ("interrupts-off", "lock-hold")
# Wake-ups on several harts: harts and limit.
HART_WAKEUPS = {"wakeup-load-2": (2, 4700), "wakeup-load-4": (4, 6100)}
# What is measured on several harts: how many.
HARTS = {"ring-poll-user": 2}
# By the clock, on two harts in parallel: how many bytes each time. What Linux has of it: a pipe, and a pair of sockets.
THROUGHPUTS = {"throughput-message": 64, "throughput-bulk": 65536}
LINUX_MEMORY, LINUX_TIMEOUT_SECONDS = "512M", 180
HISTOGRAM_STEP = 100
# Harts and memory: 100,000 pages are revoked on one hart; on several, which take turns to be emulated, what 128 MiB hold.
WORST_CASE_MACHINES = ((1, "512M"), (2, "128M"), (4, "128M"))
OPERATIONS = ("null-invocation", "foreign-call", "call-reply", "call-reply-lend", "call-reply-slow", "fault-handler",
              "signal", "signal-switch", "signal-switch-promised", "yield-switch", "timer-to-user", "irq-to-user",
              "budget-round-10", "budget-round-100", "budget-round-1000", "wakeup-idle", "wakeup-load",
              "ring-noop-1", "ring-noop-32", "ring-check-32", "ring-call-32", "ring-poll-user", "mailbox", "mailbox-lend",
              "demand-fault", "map-unmap", "capability-lend-delete", "thread-create-destroy", "process-create-destroy",
              # Last: their upcall frames stay mapped, and what maps takes longer where more is mapped.
              "channel-message", "channel-message-single", "channel-pingpong")
# Told by the kernel's meters, on one hart: the longest of each batch; and one figure.
REPLENISHMENTS = ("budget-replenish-10", "budget-replenish-100", "budget-replenish-1000")
METERED = (*REPLENISHMENTS, "boot")
JUDGED_BY_WORST = (*WORST_CASES, "wakeup-load", *HART_WAKEUPS, *REPLENISHMENTS)
# What must be among the entries: a figure that silently went missing is a failure of the tests.
OWED = (*OPERATIONS, *HART_WAKEUPS, *WORST_CASES, *METERED, *THROUGHPUTS, "kernel-bytes", *bench_linux.NAMES)
OPTIONS = ("--json", "--full")
# What is owed where the limit, which guards what has been reached, is not there yet (docs/roadmap.md).
AIMS = {"lock-hold": 700}
# What is judged by its worst case, and by the median as well.
MEDIANS = {"wakeup-load": 500}
KERNEL_BYTES_LIMIT = 77 * 1024
# Limits guard what has been reached, to the instruction, as Debian 12's GCC compiles it. Another GCC makes other code, which has
# its worst cases elsewhere: where that needs more, by so much at most, it is told and is no failure.
LIMITS_GCC, OTHER_GCC_PERCENT = "12", 50
TIMEOUT_SECONDS, FULL_TIMEOUT_SECONDS = 300, 3000
HISTOGRAM_ROWS, HISTOGRAM_WIDTH = 16, 60


@functools.lru_cache
def gcc_version():
    return subprocess.run(["riscv64-linux-gnu-gcc", "-dumpversion"], capture_output=True, text=True,
                          check=True).stdout.strip().split(".")[0]


def is_over(entry):
    """What has a limit and cannot be done is over it, too."""
    return entry["limit"] is not None and ("error" in entry or is_above(entry, allowance(entry)))


def is_above(entry, percent):
    """Whether it needs more than so much of its limit, or of the median's."""
    return any(value * 100 > limit * percent for value, limit in (
        (figure(entry), entry["limit"]), (entry["median"], MEDIANS.get(entry["name"], entry["median"]))))


def allowance(entry):
    """How much of its limit an entry may need with this compiler, in percent."""
    return 100 if gcc_version() == LIMITS_GCC or entry["unit"] != "instructions" else 100 + OTHER_GCC_PERCENT


def excuse(entry):
    """Why what is above its limit is not over it; None if it is not above or not excused."""
    if entry["limit"] is None or is_over(entry) or not is_above(entry, 100):
        return None
    return f"the limit is for GCC {LIMITS_GCC}, this is GCC {gcc_version()}"


def mark(entry):
    return "OVER" if is_over(entry) else "above" if excuse(entry) else ""


def figure(entry):
    """The one number that an entry is judged by."""
    return entry["max" if entry["name"] in JUDGED_BY_WORST else "median"]


def run_on(build, names, harts=1, memory="128M", full=False, plugin=None, icount=True):
    """The entries that the program prints on such a machine."""
    output = []
    emulator.build(build)
    machine = emulator.Machine(build, harts=harts, memory=memory, icount=icount, plugin=plugin)
    view = emulator.console.CommandConsole(output.append)
    words = ["bench", *(["--full"] if full else []), *names]
    status, message = machine.run_command(words, FULL_TIMEOUT_SECONDS if full else TIMEOUT_SECONDS, view=view)
    text = (view.before + b"".join(output)).decode(errors="replace")
    if status != 0:
        raise emulator.Failure(f"the program 'bench' ended with status {status} on {harts} harts\n{message or text}")
    return parse(text)


def parse(text):
    """The entries that a program's output tells of."""
    entries = [{"name": name, "unit": unit, "min": int(least), "median": int(median), "max": int(most),
                "limit": None if limit == "-" else int(limit)}
               for name, unit, least, median, most, limit in LINE.findall(text)]
    tails = dict(TAIL.findall(text))
    for entry in entries:
        if entry["name"] in AIMS:
            entry["aim"] = AIMS[entry["name"]]
        size = next((THROUGHPUTS[name] for name in THROUGHPUTS if entry["name"].startswith(name)), None)
        if size:
            each_second = 10 ** 9 // max(entry["median"], 1)
            entry |= {"bytes": size, "each-second": each_second, "bytes-each-second": each_second * size}
        if entry["name"] in tails:
            entry["p99.9"] = int(tails[entry["name"]])
            entry["histogram"] = [[int(least), int(count)] for name, least, count in HISTOGRAM.findall(text)
                                  if name == entry["name"]]
    return entries


def kernel_bytes():
    emulator.build("release")
    text = subprocess.run(["riscv64-linux-gnu-size", "-A", str(ROOT / "build/release/kernel.elf")],
                          capture_output=True, text=True, check=True).stdout
    size = sum(int(match[1]) for match in re.finditer(r"^\.(?:text|rodata)\S*\s+(\d+)", text, re.MULTILINE))
    return {"name": "kernel-bytes", "unit": "bytes", "min": size, "median": size, "max": size,
            "limit": KERNEL_BYTES_LIMIT}


def worst_case(name):
    """One entry for all the machines on which the worst case is looked for."""
    found = [entry for harts, memory in WORST_CASE_MACHINES for entry in run_on("measure", [name], harts, memory)
             if entry["name"] == name]
    if not found:
        raise emulator.Failure(f"the program 'bench' printed no line for {name}")
    return found[0] | {key: choose(entry[key] for entry in found)
                       for key, choose in (("min", min), ("median", max), ("max", max))}


def lock_addresses():
    """What the emulator's plugin is to know: where the kernel's lock is, and the function that waits for it."""
    text = subprocess.run(["riscv64-linux-gnu-nm", "-S", str(ROOT / "build/release/kernel.elf")], capture_output=True,
                          text=True, check=True).stdout
    symbols = {name: (int(first, 16), int(size, 16))
               for first, size, name in re.findall(r"^(\w+) (\w+) \w (kernel_lock(?:_wait)?)$", text, re.MULTILINE)}
    lock, (first, size) = symbols["kernel_lock"][0], symbols["kernel_lock_wait"]
    return f"lock={lock:x},wait={first:x}:{first + size - 1:x}"


def hart_wakeups(name):
    """Wake-ups while neighbours are on all harts, as the emulator's plugin tells of them (tools/turns.c)."""
    emulator.install("plugin")
    emulator.make("build/turns.so")
    emulator.build("release")
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "stretches"
        run_on("release", ["wakeup-load-harts"], HART_WAKEUPS[name][0], "512M",
               plugin=f"{ROOT / 'build/turns.so'},out={out},{lock_addresses()}")
        return wakeup_entry(name, [tuple(map(int, line.split())) for line in out.read_text().splitlines()])


def wakeup_entry(name, samples):
    """From lines of the plugin: the hart's own instructions, those that it waited for, how often it waited for the
    lock, instructions of all harts. What counts is the sum of the first two."""
    if not samples:
        raise emulator.Failure(f"the emulator's plugin told nothing for {name}")
    sums = sorted(own + waited_for for own, waited_for, _, _ in samples)
    counts = collections.Counter(value // HISTOGRAM_STEP * HISTOGRAM_STEP for value in sums)
    entry = {"name": name, "unit": "instructions", "min": sums[0], "median": sums[len(sums) // 2], "max": sums[-1],
             "limit": HART_WAKEUPS[name][1], "p99.9": sums[len(sums) * 999 // 1000],
             "histogram": sorted(map(list, counts.items()))}
    entry |= {key: max(column) for key, column in zip(("own", "waited-for", "waits"), zip(*samples))}
    return entry | ({"aim": AIMS[name]} if name in AIMS else {})


def linux_throughput():
    """The same for what Linux has (tests/bench/linux_init.c), in the same emulator. A Failure where that can't be had."""
    if subprocess.run([ROOT / "tools/dependencies.sh", "linux"], check=False).returncode != 0:
        raise emulator.Failure("the compiler's C library is missing")
    kernel = next(packages.fetch("linux").glob("boot/vmlinux-*"))
    emulator.make("build/linux.cpio")
    machine = emulator.Machine(harts=2, memory=LINUX_MEMORY)
    try:
        text = subprocess.run(machine.qemu("quiet", terminal=False, kernel=kernel, archive=ROOT / "build/linux.cpio"),
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=LINUX_TIMEOUT_SECONDS,
                              check=False).stdout.decode(errors="replace")
    except subprocess.TimeoutExpired:
        raise emulator.Failure(f"it has not ended after {LINUX_TIMEOUT_SECONDS} s") from None
    entries = parse(text)
    if len(entries) != 2 * len(THROUGHPUTS):
        raise emulator.Failure(f"it has not told all figures:\n{text}")
    return entries


def measure(names, full=False):
    """The entries with those names; all if there are no names."""
    wanted = [name for name in OWED if not names or name in names]
    operations = [name for name in wanted if name in OPERATIONS and name not in HARTS]
    entries = run_on("release", operations, full=full) if operations else []
    for name in HARTS:
        entries += run_on("release", [name], HARTS[name]) if name in wanted else []
    entries += [hart_wakeups(name) for name in wanted if name in HART_WAKEUPS]
    entries += [worst_case(name) for name in wanted if name in WORST_CASES]
    metered = [name for name in wanted if name in METERED]
    entries += [entry for entry in run_on("measure", metered) if entry["name"] in metered] if metered else []
    throughputs = [name for name in wanted if name in THROUGHPUTS]
    entries += run_on("release", throughputs, harts=2, icount=False) if throughputs else []
    if "kernel-bytes" in wanted:
        entries.append(kernel_bytes())
    linux = [name for name in wanted if name in bench_linux.NAMES]
    return entries + (bench_linux.measure(linux) if linux else [])


def peers():
    """What others need for the nearest thing they have: {name: text}."""
    lines = (ROOT / "tests/bench/peers.txt").read_text().splitlines()
    fields = [line.split("|", 1) for line in lines if "|" in line and not line.startswith("#")]
    return {name.strip(): text.strip() for name, text in fields}


def table(entries):
    others = peers()
    rows = [("name", "unit", "min", "median", "max", "limit", "aim", "", "peers")]
    for entry in entries:
        limit = "-" if entry["limit"] is None else f"{entry['limit']:,}"
        rows.append((entry["name"], entry["unit"], *(f"{entry[key]:,}" for key in ("min", "median", "max")), limit,
                     f"{entry['aim']:,}" if "aim" in entry else "", mark(entry), others.get(entry["name"], "")))
    widths = [max(len(row[column]) for row in rows) for column in range(9)]
    return "\n".join("  ".join(cell.rjust(width) if 2 <= column <= 6 else cell.ljust(width)
                               for column, (cell, width) in enumerate(zip(row, widths))).rstrip() for row in rows)


def distribution(entry):
    """Lines for how an entry's samples are distributed, by steps that are round and not too many."""
    histogram = entry["histogram"]
    step = next(step for power in range(2, 20) for step in (10 ** power, 2 * 10 ** power, 5 * 10 ** power)
                if (histogram[-1][0] - histogram[0][0]) // step < HISTOGRAM_ROWS)
    counts = {}
    for least, count in histogram:
        counts[least // step * step] = counts.get(least // step * step, 0) + count
    most = max(counts.values())
    rows = [f"  from {least:>7,}  {count:>7,}  {'#' * (count * HISTOGRAM_WIDTH // most)}".rstrip()
            for least, count in counts.items()]
    waits = [f"  of that {entry['own']:,} at most of its own, {entry['waited-for']:,} at most of others, for whom it "
             f"waited {entry['waits']} times at most"] if "waits" in entry else []
    return "\n".join([f"{entry['name']}: 99.9 % within {entry['p99.9']:,}", *waits, *rows])


def rates(entries):
    """A table of what the throughputs are in a second."""
    rows = [("throughput, 2 harts in parallel", "bytes", "each second", "MB/s")]
    rows += [(entry["name"], f"{entry['bytes']:,}", f"{entry['each-second']:,}",
              f"{entry['bytes-each-second'] / 10 ** 6:,.1f}") for entry in entries]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return "\n".join("  ".join([row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:]))])
                     for row in rows)


def main():
    options = [word for word in sys.argv[1:] if word.startswith("-")]
    names = [name for word in sys.argv[1:] if not word.startswith("-")
             for name in (bench_linux.NAMES if word == "linux" else (word,))]
    strange = [word for word in options if word not in OPTIONS]
    if strange:
        print(f"winkle: there is no option '{strange[0]}'; the nearest is "
              f"'{difflib.get_close_matches(strange[0], OPTIONS, 1, 0)[0]}'", file=sys.stderr)
        return 2
    unknown = [name for name in names if name not in OWED]
    if unknown:
        print(f"winkle: there is no benchmark '{unknown[0]}'; the nearest is "
              f"'{difflib.get_close_matches(unknown[0], OWED, 1, 0)[0]}'; there are linux, {', '.join(OWED)}", file=sys.stderr)
        return 2
    emulator.install("run")
    try:
        entries = measure(names, full="--full" in options)
        without_linux = None
        try:
            entries += linux_throughput() if any("bytes" in entry for entry in entries) else []
        except emulator.Failure as failure:
            without_linux = f"Linux was not measured beside it: {failure}"
    except emulator.Failure as failure:
        print(f"winkle: {failure}", file=sys.stderr)
        return 1
    throughputs = [entry for entry in entries if "bytes" in entry]
    if "--json" in options:
        print(json.dumps(entries, indent=1))
    else:
        linux = [entry for entry in entries if "linux" in entry]
        native = [entry for entry in entries if "linux" not in entry]
        excuses = sorted({f"above: {reason}" for entry in entries if (reason := excuse(entry))})
        print("\n\n".join([*([table(native)] if native else []), *([bench_linux.table(linux, mark)] if linux else []),
                           *(distribution(entry) for entry in entries if "histogram" in entry),
                           *excuses, *([rates(throughputs)] if throughputs else [])]))
    if without_linux:
        print(f"winkle: {without_linux}", file=sys.stderr)
    return 1 if any(is_over(entry) for entry in entries) else 0


if __name__ == "__main__":
    sys.exit(main())
