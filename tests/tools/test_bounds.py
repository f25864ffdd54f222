# SPDX-License-Identifier: MIT
"""Seen instructions against the bounds of the interface files."""
import unittest

import bounds


class Bounds(unittest.TestCase):
    def setUp(self):
        self.known = bounds.operations()
        self.number, self.operation = next(iter(self.known.items()))

    def test_at_the_bound(self):
        over, about = bounds.judge({self.number: self.operation.bound}, self.known)
        self.assertEqual(over, [])
        self.assertIn(self.operation.full_name, about)

    def test_above_it(self):
        over, _ = bounds.judge({self.number: self.operation.bound + 1}, self.known)
        self.assertEqual(over, [f"{self.operation.full_name}: bound {self.operation.bound}, seen {self.operation.bound + 1}"])

    def test_nothing_was_seen(self):
        self.assertEqual(bounds.judge({}, self.known)[0], ["no operation was metered"])
