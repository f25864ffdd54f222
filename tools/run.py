#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`./winkle run`: boots Winkle in QEMU, to a shell at the terminal or to run one program. See `./winkle help`."""
import argparse
import contextlib
import difflib
import os
import pathlib
import re
import signal
import subprocess
import sys
import tarfile
import tempfile
import threading

import archive
import emulator


OPTIONS = ("--machine", "--harts", "--memory", "--tim", "--kernel-tim", "--build", "--timeout", "--icount", "--gdb",
           "--strace", "--root")
NOT_FOUND, LOST_MEMORY = 127, 121  # init's statuses if there is no such program, or memory was lost
END_OF_FILE, END_EVERY_SECONDS = b"\x04", 0.5


class Parser(argparse.ArgumentParser):
    def error(self, message):
        sys.stderr.write(f"winkle: {message}; './winkle help' lists all options\n")
        sys.exit(2)


def one_of(words):
    def check(text):
        if text not in words:
            raise argparse.ArgumentTypeError(f"there is no '{text}'; the nearest is "
                                             f"'{difflib.get_close_matches(text, words, 1, 0)[0]}'")
        return text
    return check


def seconds(text):
    try:
        value = float(text)
    except ValueError:
        value = 0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"a time is a number of seconds above 0, not '{text}'")
    return value


def harts(text):
    if not text.isdigit() or not 1 <= int(text) <= 64:
        raise argparse.ArgumentTypeError(f"the number of harts is 1 to 64, not '{text}'")
    return int(text)


def memory(text):
    if not re.fullmatch(r"[1-9][0-9]*[MG]", text):
        raise argparse.ArgumentTypeError(f"a size of memory is a number and M or G, such as 128M, not '{text}'")
    return text


def tim(text):
    if not re.fullmatch(r"[1-9][0-9]*[KM]", text):
        raise argparse.ArgumentTypeError("a size of tightly-integrated memory is a number and K or M, such as 64K, not "
                                         f"'{text}'")
    return text


def kernel_tim(text):
    if text != "on" and not re.fullmatch(r"[1-9][0-9]*[KM]", text):
        raise argparse.ArgumentTypeError("what the kernel uses of tightly-integrated memory is `on`, or at most a size "
                                         f"such as 20K, not '{text}'")
    return text


def root(text):
    if not os.path.exists(text):
        raise argparse.ArgumentTypeError(f"there is no folder or tar file '{text}' to be the root")
    return text


def parse(words):
    options, program = words, None
    if "--" in words:
        at = words.index("--")
        options, program = words[:at], words[at + 1:]
    parser = Parser(prog="./winkle run", add_help=False, allow_abbrev=False)
    parser.add_argument("--machine", type=one_of(emulator.MACHINES), default="virt")
    parser.add_argument("--harts", type=harts, default=1)
    parser.add_argument("--memory", type=memory)
    parser.add_argument("--tim", type=tim)
    parser.add_argument("--kernel-tim", type=kernel_tim)
    parser.add_argument("--build", type=one_of(emulator.BUILDS), default="debug")
    parser.add_argument("--timeout", type=seconds)
    parser.add_argument("--icount", action="store_true")
    parser.add_argument("--gdb", action="store_true")
    parser.add_argument("--strace", action="store_true")
    parser.add_argument("--root", type=root)
    arguments, unknown = parser.parse_known_args(options)
    if unknown:
        nearest = difflib.get_close_matches(unknown[0], OPTIONS, 1, 0)[0]
        hint = f"; the nearest is '{nearest}'" if unknown[0].startswith("-") else "; a program goes after '--'"
        parser.error(f"there is no option '{unknown[0]}'{hint}")
    if program == []:
        parser.error("after '--' goes the program to run")
    if arguments.strace and program is None:
        parser.error("--strace is for a program of Linux; it goes after '--'")
    if arguments.strace:
        program = ["linux", "--strace", *program]
    return arguments, program


def native_names(machine):
    return [file[4:] for file in archive.names(pathlib.Path(machine.archive()).read_bytes()) if file.startswith("bin/")]


def nearest(machine, name):
    """The native program whose name is nearest, as a hint; None if `name` is one itself, or may be one of Linux."""
    names = native_names(machine)
    return None if name in names or "linux" in names else \
        f"the nearest program is '{difflib.get_close_matches(name, names, 1, 0)[0]}'"


def is_native(machine, name):
    """Whether it needs no programs of Linux."""
    return name in native_names(machine) and name not in ("linux", "container", "test-containers", "test-filter")


def with_root(machine, root):
    """A boot archive of the native programs and another root, in a file of the build's folder, which is the caller's."""
    base = machine.directory / "small.cpio"
    entries = [archive.Entry(name, content) for name, _, _, content, _ in archive.entries_of(base.read_bytes())
               if name != "boot.manifest"]
    entries.append(archive.Entry("boot.manifest", (machine.directory / "shell.manifest").read_bytes()))
    try:
        entries += archive.tree("root", root) if os.path.isdir(root) else archive.tar("root", root)
    except (OSError, ValueError, tarfile.TarError) as problem:
        raise emulator.Failure(f"'{root}' cannot be the root, a folder or a tar file: {problem}") from None
    with tempfile.NamedTemporaryFile(dir=machine.directory, prefix="root-", suffix=".cpio", delete=False) as file:
        file.write(archive.pack(entries))
    return file.name


def build_linux(machine, root):
    """The boot archive with programs of Linux."""
    if root:
        machine.other_archive = with_root(machine, root)
        return
    emulator.install("linux")
    try:
        emulator.build(machine.build, "linux-image")
    except emulator.Failure as failure:
        if (emulator.ROOT / "build/root.stamp").exists():
            raise
        raise emulator.Failure("there are no programs of Linux, for Debian's packages could not be had: see above. Without "
                               "them: ./winkle run -- hello; with those of your own: ./winkle run --root FOLDER") from failure


def shell(root):
    """The words that start a shell of a root; the manifest says so of the one that is built."""
    if not root:
        return ["shell"]
    has_busybox = os.path.isdir(root) and any(os.path.lexists(f"{root}/{folder}/busybox") for folder in ("bin", "usr/bin"))
    return ["linux", *(["busybox"] if has_busybox else []), "sh", "-l"]


def type_file(file, keys, started, ended):
    """Types what a file has, and then that it has ended to all who ask; not before the shell has shown something, for
    firmware drops what comes."""
    started.wait()
    with contextlib.suppress(BrokenPipeError):
        while data := file.read(4096):
            keys.write(data)
        while not ended.wait(END_EVERY_SECONDS):
            keys.write(END_OF_FILE)


def run_shell(machine, root, timeout):
    """A session at the terminal. However its shell ended, it has ended well."""
    if sys.stdin.isatty():
        status, message = machine.run_command(shell(root), timeout, keys=None)
    else:
        reading, writing = os.pipe()
        keys, started = os.fdopen(writing, "wb", 0), threading.Event()
        ended = threading.Event()

        def write(data):
            started.set()
            emulator.write_stdout(data)
        threading.Thread(target=type_file, args=(sys.stdin.buffer.raw, keys, started, ended), daemon=True).start()
        status, message = machine.run_command(shell(root), timeout, write=write, keys=reading)
        ended.set()
    return status if message or status == LOST_MEMORY else 0, message


def run_program(machine, program, arguments):
    keys = None if sys.stdin.isatty() else subprocess.DEVNULL
    timeout = arguments.timeout or (None if arguments.gdb or keys is None else 60)
    status, message = machine.run_command(program, timeout, keys=keys)
    return status, nearest(machine, program[0]) if status == NOT_FOUND else message


def prepare(machine, arguments, program):
    """Builds what is to run, or says why it cannot."""
    emulator.install("run")
    reason = machine.why_not()
    if reason:
        raise emulator.Failure(reason)
    emulator.build(arguments.build)
    machine.linux = program is None or not is_native(machine, program[0])
    if machine.linux:
        build_linux(machine, arguments.root)
        machine.memory = arguments.memory or max(machine.memory, emulator.LINUX_MEMORY, key=emulator.memory_bytes)
        reason = machine.why_too_small()
    if reason:
        raise emulator.Failure(reason)
    if arguments.gdb:
        print(f"winkle: the machine waits; attach with: ./winkle gdb {arguments.build}", file=sys.stderr)


def main():
    # Whoever ends this process ends the emulator with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    arguments, program = parse(sys.argv[1:])
    machine = emulator.Machine(arguments.build, arguments.machine, arguments.harts, arguments.memory, arguments.icount,
                               arguments.gdb, tim=arguments.tim, kernel_tim=arguments.kernel_tim)
    try:
        if program:
            emulator.command_line(program, machine.options)
        prepare(machine, arguments, program)
        status, message = run_program(machine, program, arguments) if program else \
            run_shell(machine, arguments.root, arguments.timeout)
    except emulator.Failure as failure:
        status, message = 2, str(failure)
    except KeyboardInterrupt:
        status, message = 130, None
    finally:
        if machine.other_archive:
            os.unlink(machine.other_archive)
    if message:
        print(f"winkle: {message}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
