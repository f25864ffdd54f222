# SPDX-License-Identifier: MIT
"""How much of the kernel's portable code the unit tests and fuzzers reach, by clang's counting of what runs; and whether
the unit tests have seen every answer that the interface files promise."""
import glob
import json
import os
import subprocess
import tempfile

import interfaces
from emulator import ROOT, Failure
from generator.model import Problems
from generator.words import all_errors

LEAST_PERCENT = 95
FUZZ_RUNS = 1000  # from the same seed each time, so that the figure stays the same
# Two operations do not come back; meters are in builds that measure only.
NEVER_ANSWERED = {"machine.power_off ok", "machine.reboot ok", "machine.read_meter ok"}


def environment(name, directory):
    """For a unit test's program, whose every test runs in a process of its own: where it leaves what it counts there."""
    answers = {} if name == "random_test" else {"WINKLE_ANSWERS": os.path.join(directory, "answers")}
    return {"LLVM_PROFILE_FILE": os.path.join(directory, f"{name}-%p.profraw"), **answers}


def measure(directory):
    """Adds runs of the fuzzers to what the unit tests have left there. Returns a table as text, the percentage of lines
    reached, how many answers operations may give, and those that no unit test has seen."""
    fuzzers = [file.stem for file in (ROOT / "tests/fuzz").glob("*.c")]
    for name in fuzzers:
        run_fuzzer(name, directory)
    program = ROOT / f"build/host/clang/{fuzzers[0]}_fuzz"  # as good as any: all have the whole kernel
    wanted = wanted_answers()
    unseen = wanted - seen_answers(directory)
    profile = os.path.join(directory, "all.profdata")
    call("llvm-profdata", "merge", "-o", profile, *glob.glob(os.path.join(directory, "*.profraw")))
    sources = sorted(str(path) for path in (ROOT / "kernel").glob("*.c"))
    report = call("llvm-cov", "export", "-summary-only", f"-instr-profile={profile}", str(program), *sources)
    lines = {}
    for entry in json.loads(report)["data"][0]["files"]:
        summary = entry["summary"]["lines"]
        lines[os.path.relpath(entry["filename"], ROOT)] = (summary["covered"], summary["count"])
    return *table(lines), len(wanted), sorted(unseen)


def wanted_answers():
    """`OPERATION STATUS` for each answer of the kernel that an interface file promises."""
    files = sorted((ROOT / "interfaces").glob("*.interface"))
    model = interfaces.read_interfaces(files, Problems())
    return {f"{interface.name}.{operation.name} {status}" for interface in model.interfaces
            if not interface.service for operation in interface.operations
            for status in ["ok", *(name for name, _ in all_errors(model, operation))]} - NEVER_ANSWERED


def seen_answers(directory):
    path = os.path.join(directory, "answers")
    if not os.path.exists(path):
        return set()
    with open(path, encoding="utf-8") as file:
        return set(file.read().splitlines())


def run_fuzzer(name, directory):
    corpus = ROOT / "tests/fuzz/corpus" / name
    words = [str(ROOT / f"build/host/clang/{name}_fuzz"), "-seed=1", f"-runs={FUZZ_RUNS}", "-len_control=0",
             tempfile.mkdtemp(dir=directory), *([str(corpus)] if corpus.is_dir() else [])]
    # One that fails is reported by its own test; what it reached until then counts.
    subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=600,
                   env={**os.environ, "LLVM_PROFILE_FILE": os.path.join(directory, f"{name}_fuzz-%p.profraw")}, check=False)


def call(*words):
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0:
        raise Failure(f"{words[0]} failed: {done.stderr.strip()}")
    return done.stdout


def table(lines):
    lines["total"] = tuple(sum(column) for column in zip(*lines.values())) if lines else (0, 0)
    percents = {name: 100 * reached / count if count else 100.0 for name, (reached, count) in lines.items()}
    width = max(len(name) for name in lines)
    rows = [f"      {name:<{width}}  {lines[name][0]:>6} of {lines[name][1]:>6} lines  {percents[name]:5.1f} %"
            for name in lines]
    return "\n".join(rows), percents["total"]
