#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests tools/interfaces.py on the sample interfaces in tests/tools/golden/interfaces.

All outputs are compared with golden files; after a wanted change of an output, `test_interfaces.py --update-golden`
writes them anew, and the diff shows what the change did. Each error is provoked by one edit of the sample.
"""

import contextlib
import io
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
GOLDEN = HERE / "golden"
WARNINGS = ["-std=c11", "-O2", "-Wall", "-Wextra", "-Wconversion", "-Wsign-conversion", "-Wshadow", "-Wpedantic", "-Wundef",
            "-Wmissing-prototypes", "-Wstrict-prototypes", "-Wswitch-enum", "-Wvla", "-Wpointer-arith", "-Wwrite-strings",
            "-Werror"]
COMPILERS = [["gcc"], ["clang"], ["riscv64-linux-gnu-gcc"], ["clang", "--target=riscv64"]]

sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "tools"))
import interfaces  # noqa: E402


def generate(folder, *options):
    """Runs the tool on the interfaces in a folder: (exit code, messages with bare file names)."""
    files = [str(file) for file in sorted((folder / "interfaces").glob("*.interface"))]
    messages = io.StringIO()
    old_arguments, sys.argv = sys.argv, ["interfaces.py", *options, *files]
    try:
        with contextlib.redirect_stderr(messages):
            code = interfaces.main()
    finally:
        sys.argv = old_arguments
    return code, messages.getvalue().replace(f"{folder}/interfaces/", "").splitlines()


def generate_all(folder):
    return generate(folder, "--out", str(folder / "out"), "--manual", str(folder / "manual"))


def files_below(folder):
    return {str(file.relative_to(folder)): file.read_text() for file in sorted(folder.rglob("*")) if file.is_file()}


class Case(unittest.TestCase):
    """Each test has a folder of its own with a copy of the sample."""

    maxDiff = None

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="winkle-interfaces-"))
        self.addCleanup(shutil.rmtree, self.folder)
        shutil.copytree(GOLDEN / "interfaces", self.folder / "interfaces")

    def edit(self, file, old, new):
        text = self.read(file)
        self.assertIn(old, text)
        (self.folder / "interfaces" / file).write_bytes(text.replace(old, new, 1).encode("latin-1"))

    def line(self, file, text):
        """The number of the line at which the text begins."""
        before, found, _ = ("\n" + self.read(file)).partition("\n" + text)
        self.assertTrue(found, f"no line of {file} begins with {text!r}")
        return before.count("\n") + 1

    def read(self, file):
        return (self.folder / "interfaces" / file).read_bytes().decode("latin-1")

    def expect(self, *messages):
        """The tool refuses with exactly these messages, and writes nothing."""
        self.assertEqual((1, list(messages)), generate_all(self.folder))
        self.assertFalse((self.folder / "out").exists())


class Outputs(Case):
    def test_golden_files(self):
        self.assertEqual((0, []), generate_all(self.folder))
        for part in ("out", "manual", "interfaces"):
            expected, actual = files_below(GOLDEN / part), files_below(self.folder / part)
            self.assertEqual(sorted(expected), sorted(actual))
            for name, text in expected.items():
                self.assertEqual(text, actual[name], f"{part}/{name}; run test_interfaces.py --update-golden if wanted")

    def test_lock_from_nothing_is_the_golden_lock(self):
        (self.folder / "interfaces/lock").unlink()
        self.assertEqual((0, []), generate(self.folder, "--update-lock"))
        self.assertEqual((GOLDEN / "interfaces/lock").read_text(), (self.folder / "interfaces/lock").read_text())

    def test_unchanged_files_are_not_written(self):
        generate_all(self.folder)
        times = {file: file.stat().st_mtime_ns for file in (self.folder / "out").rglob("*")}
        self.edit("crate.interface", "about Breaks it.", "about Breaks the crate.")
        self.assertEqual((0, []), generate_all(self.folder))
        changed = {file.name for file, time in times.items() if file.is_file() and file.stat().st_mtime_ns != time}
        self.assertEqual({"crate.h", "handlers.h"}, changed)

    def test_order_of_files_does_not_matter(self):
        files = [str(file) for file in (self.folder / "interfaces").glob("*.interface")]
        for order in (sorted(files), sorted(files, reverse=True)):
            model = interfaces.read_interfaces(order, interfaces.Problems())
            self.assertEqual(["clerk", "crate", "errors", "label", "trace"], [i.name for i in model.interfaces])

    def test_comments_and_blanks_do_not_matter(self):
        self.edit("crate.interface", "needs open\nin  handling", "  needs   open # the right\n\n# more\n in handling")
        generate_all(self.folder)
        self.assertEqual(files_below(GOLDEN / "out"), files_below(self.folder / "out"))


class Compiled(Case):
    def compile(self, compiler, *arguments):
        if not shutil.which(compiler[0]):
            self.skipTest(f"no {compiler[0]}")
        includes = ["-I", GOLDEN, "-I", GOLDEN / "out/include", "-I", GOLDEN / "out/kernel", "-I", GOLDEN / "out/tests",
                    "-I", ROOT / "lib", "-I", ROOT / "interfaces"]
        command = [str(word) for word in [*compiler, *WARNINGS, *includes, *arguments]]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        self.assertEqual((0, ""), (done.returncode, done.stderr), " ".join(command))
        return done.stdout

    def test_each_file_compiles_alone_without_warnings(self):
        for compiler in COMPILERS:
            for file in sorted([*(GOLDEN / "out").rglob("*.h"), *(GOLDEN / "out").rglob("*.c")]):
                with self.subTest(compiler=compiler, file=file.name):
                    source = self.folder / "alone.c"
                    source.write_text(f'#include "{file}"\n')
                    self.compile(compiler, "-ffreestanding", "-c", source, "-o", self.folder / "alone.o")

    def test_wrappers_and_stubs_do_what_they_should(self):
        program = self.folder / "check"
        for compiler in COMPILERS[:2]:
            with self.subTest(compiler=compiler):
                self.compile(compiler, "-fsanitize=address,undefined", HERE / "dispatch_check.c",
                             GOLDEN / "out/kernel/dispatch.c", GOLDEN / "out/tests/interface_table.c", "-o", program)
                done = subprocess.run([program], capture_output=True, text=True, check=False)
                self.assertEqual((0, ""), (done.returncode, done.stderr))

    def test_stub_keeps_its_words_in_registers(self):
        source = self.folder / "stub.c"
        source.write_text("#include <winkle/label.h>\nenum wk_status f(wk_handle crate, wk_handle target, uint64_t *out);\n"
                          "enum wk_status f(wk_handle crate, wk_handle target, uint64_t *out)\n"
                          "{\n    return wk_label_ship(crate, 4, target, out);\n}\n")
        for compiler in COMPILERS[2:]:
            with self.subTest(compiler=compiler):
                text = self.compile(compiler, "-ffreestanding", "-S", source, "-o", "-")
                code = [line.partition("#")[0].split() for line in text.splitlines()]
                stores = [words for words in code if words[:1] == ["sd"]]
                results = [store for store in stores if "(sp)" not in store[-1]]
                saved = [store for store in stores if "(sp)" in store[-1]]
                self.assertEqual(1, len(results), text)
                self.assertTrue(all(register.startswith("s") for _, register, *_ in saved) and len(saved) <= 2, text)


# Each error: the file, what is replaced in it, by what, the text at whose line the message points, the message. In a
# message, {text} stands for the number of the line at which the text begins.
SYNTAX_ERRORS = [
    ("crate.interface", "source -", "sauce -", "sauce", "unknown keyword `sauce`"),
    ("crate.interface", "bound 500", "bound\t500", "bound\t", "character '\\t' in column 6; expected printable ASCII and blanks"),
    ("crate.interface", "frequent", "frequent yes", "frequent yes", "`yes` after `frequent`; expected nothing"),
    ("crate.interface", "quick", "quick 1", "quick 1", "`1` after `quick`; expected nothing"),
    ("label.interface", "trap_only", "trap_only 1", "trap_only 1", "`1` after `trap_only`; expected nothing"),
    ("crate.interface", "Its size", "Its \xa7", "about Its \xa7",
     "character '\xa7' in column 11; expected printable ASCII and blanks"),
    ("crate.interface", "Makes a crate.", "Makes a crate.\r", "about Makes",
     "character '\\r' in column 21; expected printable ASCII and blanks"),
    ("crate.interface", "Its size", "Its /* size", "about Its /*",
     "text contains a sign of C comments; expected none, as texts become C comments"),
    ("crate.interface", "interface crate\n", "interface box\n", "interface box",
     "interface `box` in a file of another name; expected `box.interface`"),
    ("crate.interface", "interface crate\n", "", "version", "`version` before `interface`; expected `interface NAME` as the first line"),
    ("crate.interface", "version 1", "interface crate\nversion 1", "interface crate\nversion 1", "second `interface`; expected one"),
    ("crate.interface", "version 1", "version one", "version one",
     "`one` is not a number; expected decimal or 0x and lower-case digits, at most 64 bits"),
    ("crate.interface", "crate_bytes 4096", "crate_bytes", "constant crate_bytes",
     "no number; expected decimal or 0x and lower-case digits, at most 64 bits"),
    ("crate.interface", "0x4000000000", "0x10000000000000000", "constant shelf_end",
     "`0x10000000000000000` is not a number; expected decimal or 0x and lower-case digits, at most 64 bits"),
    ("crate.interface", "right open", "right Open", "right Open", "`Open` is not a name; expected lower-case words joined by `_`"),
    ("crate.interface", "operation look", "operation look around", "operation look",
     "`look around` is not a name; expected lower-case words joined by `_`"),
    ("crate.interface", "in  mask bits", "in  int bits", "in  int", "`int` is a word of C; expected another name"),
    ("crate.interface", "in  mask bits", "in  mask", "in  mask", "`mask` without a type; expected `in NAME TYPE`"),
    ("crate.interface", "in  mask bits", "in  mask bytes ..", "in  mask",
     "range without limits; expected LOW.., LOW..HIGH or ..HIGH"),
    ("crate.interface", "in  mask bits", "in  mask enum", "in  mask", "`enum` without the name of one"),
    ("crate.interface", "in  mask bits", "in  mask bit", "in  mask",
     "unknown word type `bit`; expected one of count, bytes, ns, number, address, bits, priority, handle, rights, status, "
     "enum, flags, capability"),
    ("crate.interface", "in  mask bits", "in  mask bits align", "in  mask", "`align` without a number"),
    ("crate.interface", "in  mask bits", "in  mask bits align 8 1..2", "in  mask",
     "`1..2` after the type; expected a range, then `align NUMBER`"),
    ("crate.interface", "in  state enum crate_state", "in  state enum crate_state 0..1", "in  state",
     "`0..1` on a word of type `enum`; expected a type only"),
    ("crate.interface", "out things count", "out things count ..5", "out things", "`..5` on a result; expected a type only"),
    ("crate.interface", "out things count", "out things capability crate", "out things",
     "`capability` as a result; expected `handle`"),
    ("crate.interface", "blocks never", "blocks sometimes", "blocks sometimes",
     "`sometimes` after `blocks`; expected `never` or `until` and what it waits for"),
    ("crate.interface", "bound 500", "bound 500\nbound 501", "bound 501", "second `bound`; expected one"),
    ("crate.interface", "about Its size.", "about Its size.\nabout Its length.", "about Its length",
     "second `about` of `bytes`; expected one, continued by `|` lines"),
    ("crate.interface", "version 1", "version 1\n| text", "| text", "`|` without a text to continue"),
    ("crate.interface", "version 1", "version 1\nneeds open", "needs open", "`needs` outside of an operation"),
    ("crate.interface", "version 1", "version 1\nvalue x X.", "value x", "`value` outside of an enum or flags"),
    ("crate.interface", "version 1", "version 1\nin x bits", "in x", "`in` outside of an operation or event"),
    ("crate.interface", "needs pay open", "needs", "needs",
     "`needs` without a right; expected one or several, or no such line"),
    ("crate.interface", "about Makes a crate.", "about", "about\n", "`about` without text"),
    ("crate.interface", "value open    Anybody can,\n|             also from behind.", "value open", "value open",
     "`value open` without text"),
    ("clerk.interface", "service", "service desk", "service desk", "`desk` after `service`; expected nothing"),
]

MEANING_ERRORS = [
    ("crate.interface", "version 1", "", "interface crate", "`crate` has no `version`"),
    ("crate.interface", "about Its size.", "", "in  bytes", "`bytes` has no `about`"),
    ("crate.interface", "about Breaks it.", "", "operation destroy", "`destroy` has no `about`"),
    ("crate.interface", "about May pay.", "", "right pay", "`pay` has no `about`"),
    ("crate.interface", "about It is being carried.", "", "error busy", "`busy` has no `about`"),
    ("crate.interface", "blocks never", "", "operation create", "`create` has no `blocks`"),
    ("crate.interface", "bound 500", "", "operation create", "`create` has no `bound`"),
    ("crate.interface", "source -", "", "operation create", "`create` has no `source`"),
    ("crate.interface", "in  mask bits", "in  mask bits\nabout Whatever.\nin  seventh bits", "in  seventh",
     "more than 6 words in"),
    ("crate.interface", "in  mask bits", "in  from bits", "in  from bits", "`from` twice"),
    ("crate.interface", "in  mask bits", "in  crate bits", "in  crate",
     "`crate` names something else in the functions of this operation"),
    ("crate.interface", "in  mask bits", "in  words bits", "in  words",
     "`words` names something else in the functions of this operation"),
    ("crate.interface", "in  lid capability", "in  status capability", "in  status",
     "`status` names something else in the functions of this operation"),
    ("crate.interface", "in  bytes bytes 1..", "in  bytes bytes 5000..", "in  bytes", "range of `bytes` is empty"),
    ("crate.interface", "crate_bytes align 8", "crate_bytes align 24", "in  bytes",
     "alignment of `bytes` is not a power of two"),
    ("crate.interface", "1..crate_bytes", "1..box_bytes", "in  bytes", "`box_bytes` is neither a number nor a constant"),
    ("crate.interface", "urgency priority", "urgency priority ..256", "in  urgency",
     "range of `urgency` goes beyond 255, the highest priority"),
    ("crate.interface", "in  state enum crate_state", "in  state enum handling", "in  state", "unknown enum `handling`"),
    ("crate.interface", "lid capability crate open", "lid capability box open", "in  lid",
     "unknown type `box`; expected `any` or one of crate"),
    ("crate.interface", "lid capability crate open", "lid capability crate shut", "in  lid",
     "unknown right `shut` of crate; expected of pay, open"),
    ("crate.interface", "needs pay open", "needs pay pay", "operation create", "right `pay` twice"),
    ("label.interface", "on any\nblocks", "on any\nneeds pay\nblocks", "operation check",
     "right `pay` with type `any`; expected none, as each type has its own"),
    ("label.interface", "on crate", "on box", "operation ship", "unknown type `box`; expected `any` or one of crate"),
    ("crate.interface", "error busy", "error lazy", "error lazy",
     "unknown error `lazy`; expected a status of errors.interface but `ok`"),
    ("crate.interface", "error busy", "error ok", "error ok",
     "unknown error `ok`; expected a status of errors.interface but `ok`"),
    ("crate.interface", "error busy", "error bad_argument", "error bad_argument\nabout It is being", "`bad_argument` twice"),
    ("clerk.interface", "operation ask", "right ask\nabout May ask.\noperation ask", "right ask",
     "right `ask` of a service; its server knows clients by their badges"),
    ("clerk.interface", "blocks until", "on any\nblocks until", "operation ask",
     "`on` or `needs` in operation `ask` of a service; expected neither"),
    ("clerk.interface", "operation ask", "operation double", "operation double",
     "`double` is a word of C, and the name of a handler; expected another name"),
    ("clerk.interface", "blocks until the clerk answers", "trap_only\nblocks until the clerk answers", "operation ask",
     "`trap_only` in operation `ask` of a service; a call can be an entry"),
    ("crate.interface", "crate open optional", "crate open give optional", "in  lid",
     "`give` in operation `create` of the kernel; expected only of a service"),
    ("clerk.interface", "seal capability crate give", "seal capability crate lend give", "in  seal",
     "unknown right `lend` of crate; expected of pay, open"),
    ("clerk.interface", "seal capability crate give", "seal capability crate optional give", "in  seal",
     "unknown right `optional` of crate; expected of pay, open"),
    ("label.interface", "operation check", "status lost\nabout Lost.\noperation check", "status lost",
     "`lost` in label.interface; expected statuses in errors.interface"),
    ("crate.interface", "right pay", "event lost\nabout Lost.\nright pay", "event lost",
     "`lost` in crate.interface; expected events in trace.interface"),
    ("trace.interface", "in crate number", "in crate number ..5", "in crate", "`number ..5` in an event; expected a type only"),
    ("errors.interface", "status ok", "status fine", "status fine",
     "statuses must begin with `ok` and include bad_handle, wrong_type, no_right, no_such_operation, bad_argument, revoked"),
    # collisions of names in C
    ("crate.interface", "operation look", "operation create", "operation create\nabout Looks",
     "`create` would be called WK_CRATE_CREATE, a name already given out at crate.interface:{operation create}"),
    ("crate.interface", "constant shelf_end", "constant crate_look 1\nabout X.\nconstant shelf_end", "operation look",
     "`look` would be called WK_CRATE_LOOK, a name already given out at crate.interface:{constant crate_look}"),
    ("crate.interface", "constant crate_bytes", "constant ok 1\nabout X.\nconstant crate_bytes", "status ok",
     "`ok` would be called WK_OK, a name already given out at crate.interface:{constant ok}"),
    ("crate.interface", "value closed", "value open  Ajar.\nvalue closed", "value open    Anybody",
     "`open` would be called WK_CRATE_STATE_OPEN, a name already given out at crate.interface:{value open  Ajar}"),
    ("crate.interface", "right open", "right pay\nabout Again.\nright open", "right pay\nabout Again",
     "`pay` would be called WK_CRATE_RIGHT_PAY, a name already given out at crate.interface:{right pay}"),
    ("crate.interface", "constant shelf_end", "constant rights_all 1\nabout X.\nconstant shelf_end", "constant rights_all",
     "`rights_all` would be called WK_RIGHTS_ALL, a name already given out by the tool"),
]


class Errors(Case):
    def check(self, errors):
        for file, old, new, where, message in errors:
            with self.subTest(file=file, old=old, new=new):
                shutil.copytree(GOLDEN / "interfaces", self.folder / "interfaces", dirs_exist_ok=True)
                self.edit(file, old, new)
                message = re.sub(r"\{(.*?)\}", lambda match: str(self.line(file, match[1])), message)
                at = file if where in self.read(file) else "errors.interface"
                self.expect(f"{at}:{self.line(at, where)}: {message}")

    def test_syntax(self):
        self.check(SYNTAX_ERRORS)

    def test_meaning(self):
        self.check(MEANING_ERRORS)

    def test_empty_file(self):
        (self.folder / "interfaces/crate.interface").write_text("# nothing\n")
        self.expect("crate.interface:1: no interface; expected `interface NAME` as the first line")

    def test_all_problems_are_shown_at_once(self):
        self.edit("crate.interface", "source -", "sauce -")
        self.edit("clerk.interface", "out answer number", "out answer figure")
        code, messages = generate_all(self.folder)
        self.assertEqual((1, 2), (code, len(messages)))

    def test_long_lists(self):
        self.edit("crate.interface", "right pay", "".join(f"right r{i}\nabout R.\n" for i in range(15)) + "right pay")
        self.edit("crate.interface", "value upright", "".join(f"value f{i} F.\n" for i in range(30)) + "value upright")
        self.edit("trace.interface", "event idle", "".join(f"event e{i}\nabout E.\n" for i in range(62)) + "event idle")
        self.expect(f"crate.interface:{self.line('crate.interface', 'right open')}: more than 16 rights",
                    f"crate.interface:{self.line('crate.interface', 'value fragile')}: more than 31 flags",
                    f"trace.interface:{self.line('trace.interface', 'event idle')}: more than 63 events")

    def test_types_fit_a_byte_with_their_inverse(self):
        head = "interface {0}\nversion 1\nabout T.\n\noperation end\nabout E.\nblocks never\nbound 1\nsource -\n"
        for number in range(15):
            (self.folder / f"interfaces/type{number:02}.interface").write_text(head.format(f"type{number:02}"))
        _, messages = generate(self.folder, "--update-lock")
        self.assertIn("more than 15 types of objects", "\n".join(messages))


class LockFile(Case):
    def update(self):
        self.assertEqual((0, []), generate(self.folder, "--update-lock"))

    def added_and_removed(self):
        old, new = (GOLDEN / "interfaces/lock").read_text().splitlines(), self.read("lock").splitlines()
        return [line for line in new if line not in old], [line for line in old if line not in new]

    def test_new_things_must_be_locked(self):
        self.edit("label.interface", "operation stick", "operation peel\nabout Peels.\non any\nblocks never\nbound 9\nsource -\n"
                                                        "operation stick")
        self.edit("crate.interface", "operation create", "value lost Lost.\noperation create")
        self.expect(f"crate.interface:{self.line('crate.interface', 'value lost')}: flag `crate.handling.lost` is not in lock; "
                    "run with --update-lock",
                    f"label.interface:{self.line('label.interface', 'operation peel')}: operation `label.peel` is not in lock; "
                    "run with --update-lock")
        self.update()
        self.assertEqual((["operation 0x1007 label.peel () -> () on any", "flag 02 crate.handling.lost"], []),
                         self.added_and_removed())
        self.assertEqual((0, []), generate_all(self.folder))

    def test_new_interface_gets_the_next_numbers(self):
        (self.folder / "interfaces/apple.interface").write_text(
            "interface apple\nversion 1\nabout Fruit.\noperation eat\nabout Eats.\nblocks never\nbound 9\nsource -\n")
        self.update()
        self.assertEqual((["interface 01 apple", "type 02 apple", "operation 0x1007 apple.eat () -> () on apple"], []),
                         self.added_and_removed())

    def test_changed_signature_needs_a_version(self):
        self.edit("label.interface", "colour number ..7", "colour number ..8")
        message = ("`operation 0x1005 label.stick (thing capability any, rights rights, colour number ..8) -> () on any` is "
                   "`operation 0x1005 label.stick (thing capability any, rights rights, colour number ..7) -> () on any` at "
                   f"lock:{self.line('lock', 'operation 0x1005')}; expected no change without a higher `version` of interface "
                   "`label`")
        at = f"label.interface:{self.line('label.interface', 'operation stick')}: "
        self.expect(at + message)
        self.assertEqual((1, [at + message]), generate(self.folder, "--update-lock"))
        self.edit("label.interface", "version 2", "version 3")
        self.expect("label.interface:1: interface `label` has changed since version 2; run with --update-lock",
                    f"{at}operation `label.stick` has changed since version 2; run with --update-lock")
        self.update()
        self.assertEqual(2, len(self.added_and_removed()[0]))
        self.assertEqual((0, []), generate_all(self.folder))

    def test_version_cannot_go_back(self):
        self.edit("label.interface", "version 2", "version 1")
        self.expect("label.interface:1: version 1 of interface `label` is older than 2 in "
                    f"lock:{self.line('lock', 'interface 02 label')}")

    def test_moved_value_needs_a_version(self):
        self.edit("crate.interface", "value closed", "value ajar A little.\nvalue closed")
        code, messages = generate(self.folder, "--update-lock")
        self.assertEqual(1, code)
        self.assertIn("expected no change without a higher `version` of interface `crate`", messages[0])
        self.edit("crate.interface", "version 1", "version 2")
        self.update()
        self.assertIn("value 00 crate.crate_state.ajar", self.read("lock"))
        self.assertIn("value 02 crate.crate_state.open", self.read("lock"))

    def test_changed_constant_needs_a_version(self):
        self.edit("crate.interface", "crate_bytes 4096", "crate_bytes 8192")
        self.expect(f"crate.interface:{self.line('crate.interface', 'constant')}: `constant 0x2000 crate.crate_bytes` is "
                    f"`constant 0x1000 crate.crate_bytes` at lock:{self.line('lock', 'constant 0x1000')}; expected no change "
                    "without a higher `version` of interface `crate`")

    def test_removed_operation_must_be_retired_and_its_number_stays_taken(self):
        text = self.read("label.interface")
        start, end = text.index("operation check"), text.index("operation stick")
        self.edit("label.interface", text[start:end], "")
        where = self.line("lock", "operation 0x1004")
        message = (f"lock:{where}: operation `label.check` is in no interface file; expected `retired` at the end of the line "
                   "if it was removed")
        self.expect(message)
        self.assertEqual((1, [message]), generate(self.folder, "--update-lock"))
        self.edit("lock", "label.check () -> () on any", "label.check () -> () on any retired")
        self.assertEqual((0, []), generate_all(self.folder))
        table = (self.folder / "out/kernel/dispatch.c").read_text()
        self.assertNotIn("WK_LABEL_CHECK", table)
        self.assertIn("[0x1004 - WK_OPERATION_FIRST] = OPERATION_FREE,", table)
        self.assertIn("#define WK_OPERATION_LAST 0x1006", (self.folder / "out/include/winkle/abi.h").read_text())
        shutil.rmtree(self.folder / "out")
        self.edit("label.interface", "operation stick", text[start:end] + "operation stick")
        self.expect(f"label.interface:{self.line('label.interface', 'operation check')}: operation `label.check` is retired at "
                    f"lock:{where}; expected a name that was never used")

    def test_deleted_line_leaves_a_gap(self):
        self.edit("lock", "operation 0x1001 crate.destroy () -> () on crate\n", "")
        self.edit("crate.interface", "version 1", "version 2")
        code, messages = generate(self.folder, "--update-lock")
        self.assertEqual(1, code)
        self.assertIn(f"lock:{self.line('lock', 'operation 0x1002')}: operation `crate.handle` leaves a gap in the numbers; "
                      "what is removed keeps its line, marked `retired`", messages)

    def test_lock_damaged_by_hand(self):
        self.edit("lock", "type 01 crate\n", "type 01 crate\ntype one box\n")
        self.expect(f"lock:{self.line('lock', 'type one')}: malformed line `type one box`; expected kind, number, name, details")

    def test_lock_with_a_number_twice(self):
        self.edit("lock", "status 07 errors.busy", "status 06 errors.busy")
        code, messages = generate_all(self.folder)
        self.assertEqual(1, code)
        self.assertIn(f"lock:{self.line('lock', 'status 06 errors.busy')}: status `errors.busy` has number 06, which "
                      "`errors.no_memory` has too", messages)

    def test_lock_out_of_order(self):
        self.edit("lock", "right 00 crate.pay\nright 01 crate.open\n", "right 01 crate.open\nright 00 crate.pay\n")
        self.expect("lock:1: is not as --update-lock writes it; expected its order and form")
        self.update()
        self.assertEqual(([], []), self.added_and_removed())


def update_golden():
    for part in ("out", "manual"):
        shutil.rmtree(GOLDEN / part, ignore_errors=True)
    code, messages = generate(GOLDEN, "--update-lock", "--out", str(GOLDEN / "out"), "--manual", str(GOLDEN / "manual"))
    print("\n".join(messages) if code else f"written: {GOLDEN}/out, {GOLDEN}/manual")
    return code


if __name__ == "__main__":
    if sys.argv[1:] == ["--update-golden"]:
        sys.exit(update_golden())
    unittest.main()
