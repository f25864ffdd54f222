#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`./winkle run`: boots Winkle in QEMU, with the terminal connected or to run one program. See `./winkle help`."""
import argparse
import difflib
import pathlib
import re
import signal
import subprocess
import sys

import archive
import emulator


OPTIONS = ("--machine", "--harts", "--memory", "--tim", "--kernel-tim", "--build", "--timeout", "--icount", "--gdb",
           "--strace")
NOT_FOUND = 127  # init's status if there is no such program


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


def nearest(machine, name):
    """The program of the boot archive whose name is nearest, as a hint; None if `name` is one itself, or may be one of
    Linux."""
    names = [file[4:] for file in archive.names(pathlib.Path(machine.archive()).read_bytes()) if file.startswith("bin/")]
    return None if name in names or "linux" in names else f"the nearest program is '{difflib.get_close_matches(name, names, 1, 0)[0]}'"


def is_native(machine, name):
    """Whether it needs no programs of Linux."""
    names = archive.names(pathlib.Path(machine.archive()).read_bytes())
    return f"bin/{name}" in names and name not in ("linux", "container")


def main():
    # Whoever ends this process ends the emulator with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    arguments, program = parse(sys.argv[1:])
    machine = emulator.Machine(arguments.build, arguments.machine, arguments.harts, arguments.memory, arguments.icount,
                               arguments.gdb, tim=arguments.tim, kernel_tim=arguments.kernel_tim)
    try:
        if program:
            emulator.command_line(program, machine.options)
        emulator.install("run")
        reason = machine.why_not()
        if reason:
            raise emulator.Failure(reason)
        emulator.build(arguments.build)
        if program and not is_native(machine, program[0]):
            machine.linux = True
            emulator.build(arguments.build, "linux-image")
        if arguments.gdb:
            print(f"winkle: the machine waits; attach with: ./winkle gdb {arguments.build}", file=sys.stderr)
        if not program:
            return machine.run_terminal(arguments.timeout)
        keys = None if sys.stdin.isatty() else subprocess.DEVNULL
        timeout = arguments.timeout or (None if arguments.gdb or keys is None else 60)
        status, message = machine.run_command(program, timeout, keys=keys)
        if status == NOT_FOUND:
            message = nearest(machine, program[0])
    except emulator.Failure as failure:
        status, message = 2, str(failure)
    except KeyboardInterrupt:
        status, message = 130, None
    if message:
        print(f"winkle: {message}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
