# SPDX-License-Identifier: MIT
"""What tools/bench.py makes of what the program prints."""
import unittest
import unittest.mock

import bench
import run_tests

OUTPUT = """quiet
bench null-invocation instructions 88 89 95 90
bench wakeup-load instructions 300 1600 4500 4000\r
bench-tail wakeup-load 4200\r
bench-histogram wakeup-load 300 1\r
bench-histogram wakeup-load 1600 900\r
bench-histogram wakeup-load 4500 100\r
bench process-create-destroy instructions 1 2 3 -
bench throughput-message ns 190 200 210 -
bench throughput-bulk-linux-pipe ns 1 2000000 3000000 -
wakeup-load: meanwhile 7 processes
"""


class Bench(unittest.TestCase):
    def setUp(self):
        self.entries = {entry["name"]: entry for entry in bench.parse(OUTPUT)}

    def test_entries(self):
        self.assertEqual(list(self.entries), ["null-invocation", "wakeup-load", "process-create-destroy",
                                              "throughput-message", "throughput-bulk-linux-pipe"])
        self.assertEqual(self.entries["null-invocation"],
                         {"name": "null-invocation", "unit": "instructions", "min": 88, "median": 89, "max": 95,
                          "limit": 90})

    def test_distributions(self):
        self.assertEqual(self.entries["wakeup-load"]["p99.9"], 4200)
        self.assertEqual(self.entries["wakeup-load"]["histogram"], [[300, 1], [1600, 900], [4500, 100]])

    def test_throughputs(self):
        entry, other = self.entries["throughput-message"], self.entries["throughput-bulk-linux-pipe"]
        self.assertEqual((entry["unit"], entry["each-second"], entry["bytes-each-second"]), ("ns", 5000000, 320000000))
        self.assertEqual((other["bytes"], other["each-second"], other["bytes-each-second"]), (65536, 500, 32768000))
        rows = bench.rates([entry, other]).splitlines()
        self.assertEqual(rows[1].split(), ["throughput-message", "64", "5,000,000", "320.0"])
        self.assertEqual(rows[2].split(), ["throughput-bulk-linux-pipe", "65,536", "500", "32.8"])

    def test_what_is_judged(self):
        self.assertEqual([bench.is_over(entry) for entry in self.entries.values()], [False, True, False, False, False])

    def test_limits_are_those_of_one_compiler(self):
        slow = self.entries["null-invocation"]
        for version, median, is_over, is_excused in (("12", 90, False, False), ("12", 91, True, False), ("14", 90, False, False),
                                                     ("14", 91, False, True), ("14", 135, False, True), ("14", 136, True, False)):
            with unittest.mock.patch("bench.gcc_version", lambda version=version: version):
                entry = slow | {"median": median}
                self.assertEqual((bench.is_over(entry), bool(bench.excuse(entry))), (is_over, is_excused), (version, median))
                self.assertEqual(run_tests.judge_entry(entry)[0], "FAIL" if is_over else "skip" if is_excused else "pass")
        with unittest.mock.patch("bench.gcc_version", lambda: "14"):
            self.assertIn("for GCC 12, this is GCC 14", run_tests.judge_entry(slow | {"median": 91})[1])
            self.assertTrue(bench.is_over(slow | {"unit": "bytes", "median": 91}))
            self.assertTrue(bench.is_over(slow | {"error": "NOTHING"}))

    def test_wakeups_on_several_harts(self):
        entry = bench.wakeup_entry("wakeup-load-4", [(300, 0, 0, 9000), (550, 800, 2, 600), (1150, 90, 1, 70000)])
        self.assertEqual((entry["min"], entry["median"], entry["max"]), (300, 1240, 1350))
        self.assertEqual((entry["own"], entry["waited-for"], entry["waits"]), (1150, 800, 2))
        self.assertEqual(entry["histogram"], [[300, 1], [1200, 1], [1300, 1]])
        with self.assertRaises(bench.emulator.Failure):
            bench.wakeup_entry("wakeup-load-4", [])

    def test_every_entry_with_a_limit_has_peers(self):
        self.assertEqual(set(bench.OWED) - set(bench.peers()) - set(bench.bench_linux.NAMES), {"interrupts-off", "lock-hold"})

    def test_rows_are_few_and_hold_all(self):
        rows = bench.distribution(self.entries["wakeup-load"]).splitlines()
        self.assertEqual(rows[0], "wakeup-load: 99.9 % within 4,200")
        self.assertLessEqual(len(rows) - 1, bench.HISTOGRAM_ROWS)
        self.assertEqual(sum(int(row.split()[2].replace(",", "")) for row in rows[1:]), 1001)


if __name__ == "__main__":
    unittest.main()
