import contextlib
import io
import itertools
import json
import os
import re
import sys
import types
from pathlib import Path
from unittest import mock

import numpy as np
import tensorflow as tf

from benchmarks import __main__ as benchmarks
from benchmarks import command, startup, table


def _group(*rows, error=None):
    """Returns a module whose rows come, and then an error."""

    def yielded(quick):
        yield from rows
        if error is not None:
            raise error

    module = types.ModuleType("group")
    module.rows = yielded
    return module


class TableTest(tf.test.TestCase):
    rates = itertools.cycle((200.0,))

    def run_with(self, *arguments, **groups):
        modules = {f"benchmarks.{name}": module for name, module in groups.items()}
        printed = io.StringIO()
        with (
            mock.patch.dict(sys.modules, modules),
            mock.patch.object(benchmarks.conditions, "product_rate", side_effect=self.rates),
            contextlib.redirect_stdout(printed),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            status = benchmarks.main([*groups, *arguments])
        return status, printed.getvalue()

    def test_a_row_has_the_median_of_the_ratios_of_the_rounds(self):
        measured = {"ours": np.array([1.0, 6.0, 3.0]), "peer": np.array([1.0, 2.0, 2.0])}
        row = table.compared("a", "GB/s", measured, ("ours", "peer"), "b", factors=(2.0, 1.0))
        self.assertEqual(row.cells(), ["a", "6 GB/s", "b", "2 GB/s", "3.00", "2.00", "6.00", ""])

    def test_the_table_comes_though_a_row_fails(self):
        good = table.Row("good", "s", 1.0, "peer", 2.0, (0.5,))
        status, printed = self.run_with(
            startup=_group(good, error=RuntimeError("no such file")),
            memory=_group(table.Row("other", "MB", 4.0, "peer", 2.0, (2.0,))),
        )
        self.assertEqual(status, 1)
        lines = [line for line in printed.splitlines() if line.startswith("| ")]
        self.assertLen(lines, 5)
        self.assertIn("FAILED: no such file", lines[3])
        self.assertIn("other", lines[4])

    def test_the_conditions_stand_above_the_table(self):
        self.rates = iter((209.4, 80.6))
        row = table.Row("one", "s", 1.0, "peer", 2.0, (0.5,))
        _, printed = self.run_with(startup=_group(row), memory=_group(row))
        head = printed.splitlines()[0]
        self.assertRegex(head, r" cores?, .* with(out)? oneDNN.*; Python 3")
        self.assertEndsWith(head, "; matrix product 81 to 209 GFLOP/s")

    def test_going_on_measures_what_failed_alone(self):
        stem = str(Path(self.get_temp_dir()) / "speed")
        one, other = (table.Row(name, "s", 1.0, "peer", 2.0, (0.5,)) for name in ("one", "other"))
        self.run_with("--output", stem, startup=_group(one), memory=_group(error=OSError("full")))
        self.assertIn("FAILED: full", Path(f"{stem}.md").read_text())
        status, printed = self.run_with(
            "--output",
            stem,
            "--go_on",
            startup=_group(error=AssertionError("measured again")),
            memory=_group(other),
        )
        self.assertEqual(status, 0, printed)
        held = json.loads(Path(f"{stem}.json").read_text())["groups"]
        self.assertEqual(
            {name: group["rows"][0]["what"] for name, group in held.items()},
            {"startup": "one", "memory": "other"},
        )

    def test_going_on_measures_again_what_is_of_another_machine_or_quick(self):
        stem = str(Path(self.get_temp_dir()) / "machines")
        machine = self.enter_context(mock.patch.object(benchmarks.machine, "describe"))

        def measured(where, what, *arguments):
            machine.return_value = where
            row = table.Row(what, "s", 1.0, "peer", 2.0, (0.5,))
            arguments = ("--output", stem, "--go_on", *arguments)
            status, printed = self.run_with(*arguments, startup=_group(row))
            self.assertEqual(status, 0, printed)
            self.assertEqual(printed, Path(f"{stem}.md").read_text())
            return printed

        row = table.Row("of a Cray", "s", 1.0, "peer", 2.0, (0.5,))
        machine.return_value = "Cray"
        self.run_with("--output", stem, startup=_group(row), memory=_group(row))
        self.assertEqual(measured("Cray", "again").count("of a Cray"), 2)
        # Of the two groups one is measured on the other machine; the other says where it was.
        printed = measured("Vax", "of a Vax")
        shown = re.findall(r"^(?:Cray|Vax);.*|of a \w+", printed, re.MULTILINE)
        names = [line.split(";")[0] for line in shown]
        self.assertEqual(names, ["Vax", "of a Vax", "Cray", "of a Cray"])
        self.assertNotIn("--quick", printed)
        printed = measured("Vax", "quickly", "--quick")
        self.assertNotIn("of a Vax", printed)
        self.assertRegex(printed, r"Vax; 20\d\d-.*; --quick; matrix product ")
        self.assertIn("quickly", measured("Vax", "again", "--quick"))
        self.assertIn("slowly", measured("Vax", "slowly"))

    def test_the_file_of_before_stays_if_writing_stops(self):
        stem = str(Path(self.get_temp_dir()) / "stopped")
        row = table.Row("one", "s", 1.0, "peer", 2.0, (0.5,))
        self.run_with("--output", stem, startup=_group(row))
        before = Path(f"{stem}.json").read_text()
        with (
            mock.patch.object(os, "fsync", side_effect=OSError("full")),
            self.assertRaises(OSError),
        ):
            self.run_with("--output", stem, startup=_group(row), memory=_group(row))
        self.assertEqual(Path(f"{stem}.json").read_text(), before)


class CommandTest(tf.test.TestCase):
    def test_prints_the_conditions_and_the_rows_of_the_options(self):
        parser = command.make_parser("one", "Text.", longest=9.0, models=("vae", "cvae"))

        def measured(options):
            for name in options.models:
                value = options.rounds * options.longest
                yield table.Row(name, "s", value, "peer", 2.0, (value / 2,))

        printed = io.StringIO()
        with (
            mock.patch.object(command.conditions, "product_rate", return_value=100.0),
            contextlib.redirect_stdout(printed),
            contextlib.redirect_stderr(io.StringIO()) as progress,
        ):
            status = command.run(parser, measured, ("numpy",), ["--models", "cvae"])
        self.assertEqual(status, 0)
        head, *lines = printed.getvalue().splitlines()
        self.assertRegex(head, r"numpy .*; matrix product 100 GFLOP/s$")
        self.assertLen(lines, 3)
        self.assertRegex(lines[-1], r"\| cvae +\| +45 s \| +peer \| +2 s \| +22.50 ")
        self.assertEqual(progress.getvalue(), "cvae: 22.50\n")


class UsedTest(tf.test.TestCase):
    def test_time_and_memory_are_those_of_the_process(self):
        held = "x = bytearray(200_000_000)"
        work = "import time\nwhile time.process_time() < 0.3: pass"
        (busy, clock, small), (_, _, large) = (startup.used(("-c", code)) for code in (work, held))
        self.assertGreater(busy, 0.29)
        self.assertGreater(clock, 0.29)
        self.assertBetween(large - small, 180.0, 215.0)
        with self.assertRaisesRegex(RuntimeError, "ended with status 3"):
            startup.used(("-c", "raise SystemExit(3)"))
