# SPDX-License-Identifier: MIT
"""Builds Winkle, starts it in QEMU, and follows its console. All tools that run Winkle do it through here."""
import collections
import os
import pathlib
import re
import select
import subprocess
import sys
import tempfile
import time

import console
import device_tree
import icicle_tree
import symbolise

ROOT = pathlib.Path(__file__).resolve().parent.parent
FIRMWARE = pathlib.Path("/usr/lib/riscv64-linux-gnu/opensbi/generic/fw_dynamic.bin")
BUILDS = ("debug", "release", "measure")
# `monitors`: processors beside those that Winkle runs on, for they have no supervisor mode; `harts`: how many these are at
# most; how much memory the machine has, unless another is wanted, and the least.
Kind = collections.namedtuple("Kind", "monitors harts memory least_memory")
MACHINES = {"virt": Kind(0, 64, "128M", 8 << 20), "sifive_u": Kind(1, 4, "128M", 16 << 20),
            "microchip-icicle-kit": Kind(1, 4, "2G", 1537 << 20)}
# With less memory than this the archive is the small one.
SMALL_MEMORY = 16 << 20
# The emulator has the archive begin behind half of the memory, 128 MiB at most, and the device tree end with it, in so many bytes
# of room. Where that does not do, the archive goes behind the 2 MiB that begin with the kernel.
ARCHIVE_PLACE_MAX, TREE_ROOM, ARCHIVE_PLACE = 128 << 20, 6 << 20, 0x80400000
# What programs of Linux need besides the boot archive, and what they get unless another is wanted.
LINUX_LEAST_MEMORY, LINUX_MEMORY = 16 << 20, "256M"

# What init takes: COMMAND_WORDS_MAX in programs/init/init.h; and the kernel, with a zero byte: BOOT_COMMAND_LINE_BYTES in
# kernel/boot.h.
COMMAND_WORDS_MAX, COMMAND_LINE_BYTES = 32, 1024

# How a run can end without the program's own status.
CRASHED, PANICKED, TIMED_OUT, STOPPED = 125, 124, 123, 122


class Failure(Exception):
    """Something that the user has to know; the text says what to do."""


def memory_bytes(text):
    return int(text[:-1]) << {"M": 20, "G": 30}[text[-1]]


def install(*sets):
    """Installs what is missing of the packages of those sets; ends this process if that can't be."""
    status = subprocess.run([ROOT / "tools/dependencies.sh", *sets], check=False).returncode
    if status != 0:
        sys.exit(status)


def make(*words):
    """Runs make in the project; what it prints goes to standard error. Two makes at once wait for each other."""
    (ROOT / "build").mkdir(exist_ok=True)
    command = ["flock", str(ROOT / "build" / ".lock"), "make", "-s", "--no-print-directory", "-O", "-C", str(ROOT),
               f"-j{os.cpu_count() or 1}", *words]
    if subprocess.run(command, stdin=subprocess.DEVNULL, stdout=2).returncode != 0:
        raise Failure("the build failed; see the messages above")


def build(name, target="image"):
    """Builds one of the builds. The first time takes so long that the person who waits is told."""
    if not (ROOT / "build" / name / "winkle.img").exists():
        print(f"winkle: building {name}, which takes a minute or two the first time", file=sys.stderr, flush=True)
    elif target == "linux-image" and not (ROOT / "build/root.stamp").exists():
        print("winkle: fetching Debian's packages with the shell, once", file=sys.stderr, flush=True)
    make(f"BUILD={name}", target)


def command_line(words, options=""):
    """The kernel's command line that makes init run one program: its words are separated by blanks; in them, blanks,
    control characters and % are % and two hexadecimal digits, and an empty word is %00. `options` are the kernel's, each
    with a blank behind it."""
    words = [re.sub(r"[\x00-\x20\x7f%]", lambda found: f"%{ord(found[0]):02x}", word) or "%00" for word in words]
    if len(words) > COMMAND_WORDS_MAX:
        raise Failure(f"{len(words)} words can't be passed: the program's name and its words are at most {COMMAND_WORDS_MAX}")
    before, line = f"quiet {options}-- ", " ".join(words)
    length, most = len(os.fsencode(line)), COMMAND_LINE_BYTES - 1 - len(before)
    if length > most:
        raise Failure(f"{length} bytes can't be passed: the program's words, with blanks between them, are at most {most}")
    return before + line


class Machine:
    """One emulated machine, as it is to be started."""

    def __init__(self, build="debug", machine="virt", harts=1, memory=None, icount=False, gdb=False, plugin=None,
                 tim=None, kernel_tim=None, linux=False):
        self.linux = linux  # the boot archive with programs of Linux
        self.other_archive = None  # the file of another one
        self.build, self.machine, self.harts = build, machine, harts
        self.memory = memory or MACHINES[machine].memory
        self.icount, self.gdb, self.plugin = icount, gdb, plugin
        self.options = "".join(f"{name}={value} " for name, value in (("tim", tim), ("kernel-tim", kernel_tim)) if value)
        self.directory = ROOT / "build" / build

    def why_not(self):
        """Why there can be no such machine; None if there can."""
        kind = MACHINES[self.machine]
        if self.harts > kind.harts:
            return f"the machine {self.machine} has at most {kind.harts} harts for Winkle, not {self.harts}"
        if self.memory_bytes() < kind.least_memory:
            return f"the least memory of the machine {self.machine} is {kind.least_memory >> 20}M, not {self.memory}"
        known = subprocess.run(["qemu-system-riscv64", "-machine", "help"], stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, text=True, check=False).stdout
        return None if re.search(rf"^{self.machine} ", known, re.MULTILINE) else \
            f"this QEMU has no machine {self.machine}"

    def qemu(self, append=None, terminal=True, kernel=None, archive=None):
        """The emulator's words; for another kernel than Winkle, with its archive."""
        processors = self.harts + MACHINES[self.machine].monitors
        words = ["qemu-system-riscv64", "-machine", self.machine, "-smp", str(processors), "-m", self.memory,
                 "-no-reboot", "-bios", str(FIRMWARE) if FIRMWARE.exists() else "default",
                 "-kernel", str(kernel or self.directory / "winkle.img")]
        if self.machine == "virt":
            words += ["-cpu", "rv64"]
        if self.machine == "microchip-icicle-kit":
            words += ["-dtb", self.icicle_tree(processors)]
        words += ["-initrd", str(archive or self.archive())] if archive or self.emulator_can_place() else self.placed_archive()
        words += ["-nographic"] if terminal else ["-display", "none", "-serial", "stdio", "-monitor", "none"]
        if append:
            words += ["-append", append]
        if self.icount:
            words += ["-icount", "shift=0,sleep=off"]
        if self.plugin:
            words += ["-plugin", self.plugin]
        if self.gdb:
            words += ["-s", "-S"]
        return words

    def archive(self):
        if self.other_archive:
            return self.other_archive
        name = "linux" if self.linux else "small" if self.memory_bytes() < SMALL_MEMORY else "boot"
        return str(self.directory / f"{name}.cpio")

    def memory_bytes(self):
        return memory_bytes(self.memory)

    def why_too_small(self):
        """Why the boot archive, which is there, leaves programs of Linux too little memory; None if it does not."""
        size = os.path.getsize(self.archive())
        least = -(-size >> 20) + (LINUX_LEAST_MEMORY >> 20)
        return None if self.memory_bytes() >= least << 20 else (
            f"{self.memory} are too little memory for programs of Linux: the boot archive alone has {size / 1e6:.0f} MB; "
            f"use --memory {least}M or more")

    def emulator_can_place(self):
        half = min(self.memory_bytes() // 2, ARCHIVE_PLACE_MAX)
        return self.machine != "virt" or self.memory_bytes() >= SMALL_MEMORY and \
            half + os.path.getsize(self.archive()) + TREE_ROOM <= self.memory_bytes()

    def placed_archive(self):
        """Options that place the archive as -initrd would, were there room: in memory, and in the device tree."""
        tree = self.directory / f"{pathlib.Path(self.archive()).stem}-{self.memory}-{self.harts}.dtb"
        with tempfile.TemporaryDirectory(dir=self.directory) as folder:
            file = pathlib.Path(folder) / "tree"
            subprocess.run(["qemu-system-riscv64", "-machine", f"{self.machine},dumpdtb={file}", "-cpu", "rv64",
                            "-smp", str(self.harts), "-m", self.memory, "-bios", "none", "-display", "none"], check=True,
                           stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            end = ARCHIVE_PLACE + os.path.getsize(self.archive())
            file.write_bytes(device_tree.with_archive(file.read_bytes(), ARCHIVE_PLACE, end))
            file.replace(tree)
        return ["-dtb", str(tree), "-device",
                f"loader,file={self.archive()},addr={ARCHIVE_PLACE:#x},force-raw=on"]

    def icicle_tree(self, processors):
        tree = self.directory / f"icicle-{self.memory}-{processors}.dtb"
        with tempfile.NamedTemporaryFile(dir=self.directory, delete=False) as file:
            file.write(icicle_tree.tree(self.memory_bytes(), processors))
        os.replace(file.name, tree)
        return str(tree)

    def symboliser(self):
        return symbolise.Symboliser(self.directory / "kernel.elf")

    def run_command(self, words, timeout=60, write=None, view=None, keys=subprocess.DEVNULL):
        """Boots to run one program; `write` gets its output as it comes; `keys` is the file of what is typed, None:
        the person's terminal, whose keys all go to the machine but Ctrl-A. Returns (status, message)."""
        view = view or console.CommandConsole(write or write_stdout)
        with subprocess.Popen(self.qemu(command_line(words, self.options), terminal=keys is None), stdin=keys,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            in_time = follow(process, view, timeout)
            complaint = process.stderr.read().decode(errors="replace").strip()
        if view.status is not None:
            return view.status, None
        if view.crash is not None:
            return CRASHED, f"the program crashed: {view.crash}"
        if view.panic is not None:
            return PANICKED, "the kernel panicked\n" + self.symbolised(view.panic)
        if not in_time:
            return TIMED_OUT, f"no end after {timeout:g} s" + ("" if view.begun else ", the program had not started" +
                                                               self.last_lines(view.before))
        return STOPPED, "the machine stopped without an answer" + (f"\n{complaint}" if complaint else "") + (
            "" if view.begun else self.last_lines(view.before))

    def symbolised(self, text):
        symboliser = self.symboliser()
        return b"\n".join(line + symboliser.suffix(line) for line in text.splitlines()).decode(errors="replace")

    def last_lines(self, text):
        lines = text.decode(errors="replace").splitlines()[-20:]
        return "; the console's last lines:\n" + "\n".join(f"  {line}" for line in lines) if lines else ""


def write_stdout(data):
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def follow(process, view, timeout):
    """Feeds what the process prints to the view until it ends, answers, or time runs out; then stops it.

    Returns whether it ended in time. A panicked kernel need not stop the machine: silence for a second ends it too.
    """
    deadline = time.monotonic() + timeout if timeout else None
    output = process.stdout.fileno()
    in_time = True
    try:
        while not getattr(view, "ended", False):
            panicking = getattr(view, "panicking", bool)()
            wait = 1.0 if panicking else None
            if deadline is not None:
                left = deadline - time.monotonic()
                if left <= 0:
                    in_time = False
                    break
                wait = left if wait is None else min(wait, left)
            if not select.select([output], [], [], wait)[0]:
                if panicking:
                    break
                continue
            data = os.read(output, 65536)
            if not data:
                break
            view.feed(data)
    finally:
        stop(process, grace=1.0 if in_time else 0.0)
    view.finish()
    return in_time


def stop(process, grace):
    """Lets the process end by itself for a moment, then makes it."""
    for act, patience in ((lambda: None, grace), (process.terminate, 2.0), (process.kill, None)):
        act()
        try:
            process.wait(patience)
            return
        except subprocess.TimeoutExpired:
            continue
