#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`./winkle test`: runs the tests, one line each, and counts them.

usage: ./winkle test [GROUP...] [NAME...]
A NAME selects the tests whose full name, such as unit/gcc/bank/split, contains it (or matches it, with * and ?).
"""
import concurrent.futures
import difflib
import fnmatch
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile

import bench
import bounds
import compiler_tree
import console
import coverage
import emulator
import lint
import linux_tests
from emulator import ROOT
from run import with_root

WORKERS = os.cpu_count() or 1
DETAIL_LINES = 80  # of what a failed test said
PASS, FAIL, SKIP = "pass", "FAIL", "skip"
ATTEMPTS_MIN = 90  # to get out of a container


class Tests:
    """What was asked for, and what came out."""

    def __init__(self, wanted):
        self.wanted = wanted
        self.count = {PASS: 0, FAIL: 0, SKIP: 0}

    def wants(self, name):
        return not self.wanted or any(word in name or fnmatch.fnmatch(name, word) for word in self.wanted)

    def record(self, name, outcome, detail=""):
        """One line; `detail` goes on it if short and after it, indented, if long or if the test failed."""
        self.count[outcome] += 1
        short = detail and outcome != FAIL and "\n" not in detail
        print(f"{outcome}  {name}" + (f" ({detail})" if short else ""), flush=True)
        if detail and not short:
            lines = detail.rstrip().splitlines()
            if len(lines) > DETAIL_LINES:
                lines = [f"({len(lines) - DETAIL_LINES} lines left out)", *lines[-DETAIL_LINES:]]
            print("".join(f"      {line}\n" for line in lines), end="", flush=True)

    def summary(self):
        passed, failed, skipped = (self.count[outcome] for outcome in (PASS, FAIL, SKIP))
        return f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else "")

    def run(self, tests, workers=WORKERS):
        """Runs the wanted ones of [(name, function)] side by side; a function returns (outcome, detail)."""
        tests = [(name, function) for name, function in tests if self.wants(name)]
        with concurrent.futures.ThreadPoolExecutor(workers) as pool:
            for (name, _), result in zip(tests, pool.map(lambda test: guarded(test[1]), tests)):
                self.record(name, *result)

    def build(self, name, *words):
        """Builds what a group needs; a failure is one failed test of that name."""
        try:
            emulator.make(*words)
        except emulator.Failure as failure:
            self.record(name, FAIL, str(failure))
            return False
        return True


def guarded(function):
    try:
        return function()
    except emulator.Failure as failure:
        return FAIL, str(failure)
    except subprocess.TimeoutExpired as timeout:
        return FAIL, f"no end after {timeout.timeout:g} s: {timeout.cmd}"


def execute(words, timeout=300, environment=None, cwd=ROOT):
    """Runs a command; returns its exit status and all that it printed."""
    done = subprocess.run([str(word) for word in words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=timeout, cwd=cwd, env={**os.environ, **(environment or {})},
                          check=False)
    return done.returncode, done.stdout.decode(errors="replace")


def judge(words, timeout=300, **options):
    """A test that is one command: it passes if the command succeeds."""
    status, text = execute(words, timeout, **options)
    return (PASS, "") if status == 0 else (FAIL, text or f"exit status {status}")


# The build machine's tools: Python's unittest.

def run_tools(tests):
    files = sorted((ROOT / "tests/tools").glob("test_*.py"))
    tests.run([(f"tools/{file.stem[5:]}", lambda file=file: judge(
        [sys.executable, "-m", "unittest", "-q", file], environment={"PYTHONPATH": str(ROOT / "tools")}))
        for file in files])


# How the source looks.

def run_lint(tests):
    names = [name for name in lint.CHECKS if tests.wants(f"lint/{name}")]
    if not names or not tests.build("lint/build", "generated"):
        return

    def check(name):
        try:
            complaints = lint.CHECKS[name]()
        except lint.Skip as reason:
            return SKIP, str(reason)
        return (FAIL, "\n".join(complaints)) if complaints else (PASS, "")
    tests.run([(f"lint/{name}", lambda name=name: check(name)) for name in names])


# The kernel's portable code on the build machine: cmocka's programs, under each compiler's sanitizers.

def run_unit(tests):
    names = sorted(file.stem for file in (ROOT / "tests/host").glob("*_test.c"))
    wants_coverage = tests.wants("unit/coverage") or tests.wants("unit/answers")
    programs = [(compiler, name) for compiler in ("gcc", "clang") for name in names
                if compiler == "clang" and wants_coverage or wants_any_of(tests, compiler, name)]
    targets = [f"build/host/{compiler}/{name}" for compiler, name in programs]
    if not programs or not tests.build("unit/build", *targets):
        return
    with tempfile.TemporaryDirectory() as profiles:
        with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
            for results in pool.map(lambda program: unit_program(*program, profiles), programs):
                for name, outcome, detail in results:
                    if tests.wants(name):
                        tests.record(name, outcome, detail)
        if wants_coverage and tests.build("unit/coverage", "host-fuzz"):
            measure_coverage(tests, profiles)


def wants_any_of(tests, compiler, name):
    """Whether one of a program's tests is wanted, whose names its main function has."""
    main = (ROOT / f"tests/host/{name}.c").read_text().partition("\nint main(")[2]
    return any(tests.wants(f"unit/{compiler}/{name.removesuffix('_test')}/{test}") for test in re.findall(r"\w+", main))


# A line of a test's result, by cmocka's TAP or by the programs' own runner, and the lines that explain it.
UNIT_RESULT = re.compile(r"^(ok|not ok|FAILED)(?: \d+)?(?: -)?( # SKIP)? (\w+)$\n((?:(?:#|    ).*\n)*)", re.MULTILINE)


def unit_program(compiler, name, profiles):
    """Runs one program; returns (name, outcome, detail) of each of its tests."""
    prefix = f"unit/{compiler}/{name.removesuffix('_test')}"
    try:
        status, text = execute([ROOT / "build/host" / compiler / name], timeout=600,
                               environment={"CMOCKA_MESSAGE_OUTPUT": "TAP", **coverage.environment(name, profiles)})
    except subprocess.TimeoutExpired as timeout:
        return [(prefix, FAIL, f"no end after {timeout.timeout:g} s")]
    results = []
    for result, skipped, test, explanation in UNIT_RESULT.findall(text):
        outcome = SKIP if skipped else PASS if result == "ok" else FAIL
        results.append((f"{prefix}/{test}", outcome, "it says so itself" if skipped else
                        explanation if outcome == FAIL else ""))
    if (status != 0 or not results) and not any(outcome == FAIL for _, outcome, _ in results):
        results.append((prefix, FAIL, f"exit status {status}, and {len(results)} tests said how they ended\n{text}"))
    return results


def measure_coverage(tests, profiles):
    table, percent, wanted, unseen = coverage.measure(profiles)
    print(table)
    text = f"{percent:.1f} % of lines, at least {coverage.LEAST_PERCENT} % wanted"
    tests.record("unit/coverage", PASS if percent >= coverage.LEAST_PERCENT else FAIL, text)
    tests.record("unit/answers", FAIL if unseen else PASS,
                 "no unit test has seen\n" + "\n".join(unseen) if unseen else f"all {wanted} were seen")


# A short run of each fuzzer, the same each time; a long one is started by hand.

def run_fuzz(tests):
    names = sorted(file.stem for file in (ROOT / "tests/fuzz").glob("*.c"))
    names = [name for name in names if tests.wants(f"fuzz/{name}")]
    if names and tests.build("fuzz/build", "host-fuzz"):
        tests.run([(f"fuzz/{name}", lambda name=name: fuzz(name)) for name in names])


def fuzz(name, seconds=20):
    directory = ROOT / "build/host/clang"
    with tempfile.TemporaryDirectory() as new_inputs:
        corpus = [path for path in [ROOT / "tests/fuzz/corpus" / name] if path.is_dir()]
        status, text = execute([directory / f"{name}_fuzz", "-seed=1", f"-max_total_time={seconds}", "-timeout=10", "-len_control=0",
                                "-print_final_stats=1", f"-artifact_prefix={directory}/{name}-", new_inputs, *corpus],
                               timeout=seconds + 120)
    if status != 0:
        return FAIL, text
    count = re.search(r"stat::invocations:\s*(\d+)", text)
    return PASS, f"{int(count[1]):,} invocations" if count else ""


# Protocols, by model checking; each model has variants with a seeded bug, which must be found.

def run_model(tests):
    models = sorted((ROOT / "tests/model").glob("*.pml"))
    tests.run([test for model in models for test in model_tests(model)])


def model_tests(model):
    seeds = sorted(set(re.findall(r"\bSEEDED_BUG\w*", model.read_text())))
    return [(f"model/{model.stem}", lambda: check_model(model, seeds)), *(
        (f"model/{model.stem}/{seed.lower().replace('_', '-')}", lambda seed=seed: check_seeded(model, seed))
        for seed in seeds)]


def verify(model, *defines):
    """Returns how many errors the checker finds, and what it printed; None if it could not search everything."""
    with tempfile.TemporaryDirectory() as directory:
        status, text = execute(["spin", *defines, "-a", model], cwd=directory)
        if status == 0:
            status, text = execute(["gcc", "-O2", "-w", "-DVECTORSZ=4096", "-o", "pan", "pan.c"], cwd=directory)
        if status != 0:
            return None, text
        liveness = ["-a"] if re.search(r"^\s*(ltl|never|accept)", model.read_text(), re.MULTILINE) else []
        _, text = execute(["./pan", *liveness, "-m2000000"], timeout=600, cwd=directory)
    errors = re.search(r"errors: (\d+)", text)
    incomplete = "max search depth too small" in text or "out of memory" in text
    return (int(errors[1]) if errors and not incomplete else None), text


def check_model(model, seeds):
    if not seeds:
        return FAIL, "has no variant with SEEDED_BUG or SEEDED_BUG_... defined"
    errors, text = verify(model)
    states = re.search(r"([\d.e+]+) states, stored", text)
    return (PASS, f"{float(states[1]):,.0f} states" if states else "") if errors == 0 else (FAIL, text)


def check_seeded(model, seed):
    errors, text = verify(model, f"-D{seed}")
    return (PASS, "") if errors else (FAIL, "the seeded bug was not found\n" + text)


# Whole machines: each line of cases.txt, at each number of harts and in each build that it names.

def run_system(tests):
    cases = [case for case in read_cases(ROOT / "tests/system/cases.txt") if tests.wants(case[0])]
    for build in sorted({machine.build for _, machine, *_ in cases}):
        if not tests.build(f"system/build/{build}", f"BUILD={build}", "image"):
            cases = [case for case in cases if case[1].build != build]
    # A machine with several harts keeps that many processors busy, but mostly waits.
    tests.run([(case[0], lambda case=case: check_case(*case[1:])) for case in cases])
    for name in ("boot", "terminal"):
        if tests.wants(f"system/{name}"):
            for build in ("debug", "release"):
                run_scripted_cases(tests, name, build)


def run_scripted_cases(tests, script, build, group="system"):
    """Boot archives, manifests and programs that are malformed; machines at which somebody types."""
    status, text = execute([sys.executable, ROOT / f"tests/{group}/{script}_cases.py", build], timeout=600)
    lines = re.findall(r"^(pass|FAIL) (\S+)(.*)$", text, re.MULTILINE)
    for word, name, rest in lines:
        tests.record(f"{group}/{script}/{name}/{build}", PASS if word == "pass" else FAIL, rest.strip())
    if status != 0 and not any(word == "FAIL" for word, *_ in lines) or not lines:
        tests.record(f"{group}/{script}/{build}", FAIL, text)


def read_cases(file, group="system"):
    """Lines `NAME | harts | builds | memory | program and arguments | status | expected output`; # starts a comment."""
    cases = []
    for number, line in enumerate(file.read_text().splitlines() if file.exists() else [], 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        fields = [field.strip() for field in line.split("|", 6)]
        if len(fields) != 7:
            raise emulator.Failure(f"{file.relative_to(ROOT)}:{number}: a case has seven fields, not {len(fields)}")
        name, harts, builds, memory, program, status, expected = fields
        memory, *words = memory.split()
        wrong = [word for word in words if not re.fullmatch("|".join([*emulator.MACHINES, "icount", "(kernel-)?tim=.*"]), word)]
        if wrong:
            raise emulator.Failure(f"{file.relative_to(ROOT)}:{number}: '{wrong[0]}' behind the memory; there may be "
                                   "icount, tim=SIZE, kernel-tim=CHOICE, or a machine")
        machine = {"memory": memory, "icount": "icount" in words, "linux": group == "linux",
                   "machine": next((word for word in words if word in emulator.MACHINES), "virt"),
                   **{name.replace("-", "_"): next((word[len(name) + 1:] for word in words if word.startswith(f"{name}=")),
                                                   None) for name in ("tim", "kernel-tim")}}
        cases += [(f"{group}/{name}/{build.strip()}/{count.strip()}-harts",
                   emulator.Machine(build.strip(), harts=int(count), **machine), shlex.split(program), int(status),
                   expected) for build in builds.split(",") for count in harts.split(",")]
    return cases


def check_case(machine, program, wanted_status, expected):
    """`expected` is a regular expression found in the output, `@FILE` with one, or `-` for any output.

    With the build `measure`, no operation took longer than the bound in its interface file.
    """
    reason = machine.why_not()
    if reason:
        return SKIP, reason
    output = []
    view = console.CommandConsole(output.append)
    status, message = machine.run_command(program, timeout=120, view=view)
    text = b"".join(output).decode(errors="replace") + (message or "")
    if status != wanted_status:
        return FAIL, f"status {status}, expected {wanted_status}\n{text}"
    if expected.startswith("@"):
        expected = (ROOT / "tests/system" / expected[1:]).read_text().strip()
    if expected != "-" and not re.search(expected, text, re.MULTILINE):
        return FAIL, f"the output does not match: {expected}\n{text}"
    if machine.build != "measure":
        return PASS, ""
    over, about = bounds.judge(view.longest, bounds.operations())
    return (FAIL, "\n".join(over)) if over else (PASS, about)


# Programs of Linux: those in tests/linux, and some of Debian's; on Winkle, and those that any Linux can run on one.

def run_linux(tests):
    emulator.install("linux")
    file = ROOT / "tests/linux/cases.txt"
    cases = [case for case in read_cases(file, "linux") if tests.wants(case[0])]
    # The long ones first: nothing is to wait for them at the end.
    whole = [(name, check) for name, check in (("linux/compiler/release/1-harts", check_compiler),
                                               ("linux/applets/release/1-harts", check_applets)) if tests.wants(name)]
    builds = {machine.build for _, machine, *_ in cases} | ({"release"} if whole else set())
    for build in sorted(builds):
        if not tests.build(f"linux/build/{build}", f"BUILD={build}", "LINUX_MORE=yes", "linux-image"):
            cases = [case for case in cases if case[1].build != build]
            whole = whole if build != "release" else []
    checks = [(case[0], lambda case=case: check_attempts(tests, *case) if case[0].startswith("linux/isolation/") else
               check_case(*case[1:])) for case in cases]
    tests.run(whole + checks)
    with concurrent.futures.ThreadPoolExecutor(1) as beside:
        compared = beside.submit(run_on_linux, tests, read_cases(file, "linux"))
        if tests.wants("linux/session") and \
                tests.build("linux/build/release", "BUILD=release", "LINUX_MORE=yes", "linux-image"):
            run_scripted_cases(tests, "session", "release", group="linux")
        compared.result()


def check_applets():
    """busybox's applets answer as they do on Linux."""
    output = []
    status, message = emulator.Machine("release", memory="256M", linux=True).run_command(
        linux_tests.APPLETS, timeout=300, write=output.append)
    text = b"".join(output).decode(errors="replace")
    complaints, count = linux_tests.compare_applets(text)
    if status != 0:
        return FAIL, f"status {status}, {message}\n{text[-2000:]}"
    return (FAIL, "\n".join(complaints)) if complaints else (PASS, f"{count} command lines")


def check_compiler():
    """GCC compiles on Winkle what then runs there, in a tree of its own, for it is large."""
    output = []
    machine = emulator.Machine("release", memory="512M", linux=True)
    machine.other_archive = with_root(machine, str(compiler_tree.make()))
    try:
        status, message = machine.run_command(["dash", "/tests/compile.sh"], timeout=900, write=output.append)
    finally:
        os.unlink(machine.other_archive)
    text = b"".join(output).decode(errors="replace")
    if status == 0 and "compile: good" in text:
        return PASS, ""
    return FAIL, f"status {status}, {message}\n{text[-2000:]}"


def run_on_linux(tests, cases):
    """What the cases promise is what Linux does; all of them in one machine."""
    wanted = {f"linux/{name.split('/')[1]}/on-linux": rest for name, _, *rest in cases
              if name.split("/")[1] not in linux_tests.ONLY_WINKLE}
    wanted = {name: rest for name, rest in wanted.items() if tests.wants(name)}
    if not wanted or not tests.build("linux/build/release", "BUILD=release", "LINUX_MORE=yes", "linux-image"):
        return
    try:
        answers = linux_tests.run_on_linux([words for words, _, _ in wanted.values()])
    except linux_tests.HasNotEnded as failure:
        tests.record("linux/on-linux", FAIL, str(failure))
        return
    except emulator.Failure as failure:
        tests.record("linux/on-linux", SKIP, f"no Linux to compare with: {failure}")
        return
    for (name, (_, wanted_status, expected)), (status, text) in zip(wanted.items(), answers):
        is_right = status == wanted_status and (expected == "-" or re.search(expected, text, re.MULTILINE))
        tests.record(name, *((PASS, "") if is_right else (FAIL, f"status {status}, expected {wanted_status}, "
                                                                f"and a match of: {expected}\n{text}")))


def check_attempts(tests, name, machine, program, wanted_status, expected):
    """Each line `pass isolation/ATTEMPT` or `FAIL isolation/ATTEMPT` is a test of its own, too."""
    output = []
    status, message = machine.run_command(program, timeout=180, write=output.append)
    text = b"".join(output).decode(errors="replace")
    lines = re.findall(r"^(pass|FAIL) isolation/(\S+)", text, re.MULTILINE)
    for word, attempt in lines:
        tests.record(f"{name}/{attempt}", PASS if word == "pass" else FAIL)
    if status != wanted_status or not re.search(expected, text, re.MULTILINE) or len(lines) < ATTEMPTS_MIN:
        return FAIL, f"status {status}, {len(lines)} attempts\n{text}{message or ''}"
    return PASS, f"{len(lines)} attempts"


# The figures that Winkle owes.

def run_bench(tests):
    entries = bench.measure([])
    for name in bench.OWED:
        if tests.wants(f"bench/{name}") and name not in [entry["name"] for entry in entries]:
            tests.record(f"bench/{name}", FAIL, "was not measured")
    for entry in entries:
        if not tests.wants(f"bench/{entry['name']}"):
            continue
        tests.record(f"bench/{entry['name']}", *judge_entry(entry))


def judge_entry(entry):
    if "error" in entry:
        return (FAIL if bench.is_over(entry) else PASS), f"cannot be done: {entry['error']}"
    text = f"{bench.figure(entry):,} {entry['unit']}"
    if entry["limit"] is not None:
        text += f", limit {entry['limit']:,}"
    reason = bench.excuse(entry)
    if reason:
        return SKIP, f"{text}: {reason}"
    return (FAIL if bench.is_over(entry) else PASS), text


GROUPS = {"tools": run_tools, "lint": run_lint, "unit": run_unit, "fuzz": run_fuzz, "model": run_model,
          "system": run_system, "linux": run_linux, "bench": run_bench}


def main():
    words = sys.argv[1:]
    groups = []
    while words and words[0] in GROUPS:
        groups.append(words.pop(0))
    if words and words[0].startswith("-"):
        print(f"winkle: test takes no options, such as '{words[0]}'; './winkle help' says what it takes",
              file=sys.stderr)
        return 2
    misspelt = [] if groups or not words else difflib.get_close_matches(words[0], GROUPS, 1, 0.7)
    if misspelt:
        print(f"winkle: there is no group of tests '{words[0]}'; the nearest is '{misspelt[0]}'", file=sys.stderr)
        return 2
    emulator.install("run", "test")
    tests = Tests(words)

    def out_of_time(*_):
        tests.record("time", FAIL, "stopped from outside before all tests had run")
        print(tests.summary(), flush=True)
        os._exit(1)
    signal.signal(signal.SIGTERM, out_of_time)
    # Names without a group are looked for in all of them but the one that would have to run everything first.
    for name in groups or [name for name in GROUPS if name != "bench" or not words]:
        try:
            GROUPS[name](tests)
        except emulator.Failure as failure:
            tests.record(name, FAIL, str(failure))
    counts = tests.count
    if not sum(counts.values()) and words:
        print(f"winkle: no test has '{words[0]}' in its name; the groups are {', '.join(GROUPS)}", file=sys.stderr)
        return 2
    print(tests.summary())
    return 1 if counts[FAIL] else 0


if __name__ == "__main__":
    sys.exit(main())
