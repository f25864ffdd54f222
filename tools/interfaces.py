#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Reads interfaces/*.interface and writes everything that is derived from them.

    tools/interfaces.py --out build/generated interfaces/*.interface    check, compare with the lock, write outputs
    tools/interfaces.py --update-lock interfaces/*.interface            give numbers to what is new
    tools/interfaces.py --manual docs/manual interfaces/*.interface     write the reference manual

The format is described in interfaces/FORMAT.md. The parts are in tools/generator/: what the data goes through, model,
parse, check and lock; then a module for each kind of output. Every problem is reported as `file:line: what is wrong;
what is expected`, all of them at once, and nothing is written if there is one.
"""

import argparse
import sys
from pathlib import Path

from generator.model import Model, Problems
from generator.parse import Parser
from generator.check import Checker
from generator.lock import Lock
from generator.abi import emit_abi, emit_names
from generator.dispatch import emit_dispatch, emit_handlers, emit_wrappers
from generator.services import emit_client, emit_service
from generator.stubs import emit_stubs
from generator.tables import emit_table, emit_table_header, emit_trace
from generator.manual import manual_pages


def outputs(model):
    """Every generated file: (path under the output folder, text)."""
    return [
        ("include/winkle/abi.h", emit_abi(model)),
        ("kernel/handlers.h", emit_handlers(model)),
        ("kernel/dispatch.c", emit_dispatch(model)),
        ("kernel/wrappers.h", emit_wrappers(model)),
        ("tests/interface_table.h", emit_table_header(model)),
        ("tests/interface_table.c", emit_table(model)),
        ("trace.json", emit_trace(model)),
        ("include/winkle/names.h", emit_names(model)),
    ] + [(f"include/winkle/{i.name}.h", emit_stubs(i)) for i in model.interfaces
        if not all(op.message for op in i.operations)] \
        + [(f"include/winkle/{i.name}_{side}.h", emit(i)) for i in model.interfaces if i.service
           for side, emit in (("client", emit_client), ("service", emit_service))]


def write_if_changed(path, text):
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def read_interfaces(files, problems):
    """Parses and checks; the model is complete only if there are no problems."""
    parsed = [Parser(file, problems).parse(Path(file).read_bytes().decode("latin-1")) for file in sorted(files)]
    model = Model([interface for interface in parsed if interface])
    if not problems:
        Checker(model, problems).check()
    return model


def run(arguments):
    problems = Problems()
    model = read_interfaces(arguments.files, problems)
    if not problems:
        lock = Lock(Path(arguments.files[0]).parent / "lock", problems)
        lock.reconcile(model, arguments.update_lock)
    if problems:
        print(problems, file=sys.stderr)
        return 1
    if arguments.update_lock:
        write_if_changed(lock.path, lock.render())
    for path, text in outputs(model) if arguments.out else []:
        write_if_changed(arguments.out / path, text)
    for path, text in manual_pages(model) if arguments.manual else []:
        write_if_changed(arguments.manual / path, text)
    return 0


def main():
    parser = argparse.ArgumentParser(description="Generate everything that is derived from the interface files.")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="write headers, kernel and test sources there")
    parser.add_argument("--manual", type=Path, metavar="FOLDER", help="write the reference manual there")
    parser.add_argument("--update-lock", action="store_true", help="give numbers to what is new in the interface files")
    parser.add_argument("files", nargs="+", metavar="FILE.interface")
    return run(parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
