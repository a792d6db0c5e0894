"""The experiment itself: it must see what is half-written, lost, or left running."""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from unittest import mock

import tensorflow as tf

from tests.faults import kills, readable
from tests.faults.forked import Attempt, answer, attempt
from tests.faults.subject import Subject, digest


class Counting(Subject):
    """Adds up numbers, a file for each, and goes on where it was."""

    name, title = "counting", "counting"
    number = 8

    def write(self, path, text):
        beside = path.with_name(f".{path.name}")
        beside.write_text(text)
        beside.replace(path)

    def job(self, folder: Path) -> int:
        for number in range(self.number):
            path = folder / f"{number:02d}.json"
            if not path.exists():
                self.write(path, json.dumps(list(range(number))))
                time.sleep(0.01)
        return 0

    def result(self, folder: Path) -> dict[str, str]:
        return {path.name: digest(path) for path in sorted(folder.glob("*.json"))}


class Careless(Counting):
    """Writes in place, slowly."""

    def write(self, path, text):
        with open(path, "w") as file:
            for letter in text:
                file.write(letter)
                file.flush()
                time.sleep(0.004)


class Forgetful(Counting):
    """Counts how often it was started."""

    def job(self, folder: Path) -> int:
        with open(folder / "starts.json", "a") as file:
            file.write("1")
        return super().job(folder)


class KillsTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = Path(self.enter_context(tempfile.TemporaryDirectory()))
        self.lines = []

    def killed(self, subject, number, seed=0):
        return kills.run(subject, number, seed, self.folder, self.lines.append)

    def test_what_is_atomic_and_goes_on_has_no_problems(self):
        outcome = self.killed(Counting(), 3)
        self.assertEqual((len(outcome.kills), outcome.problems, outcome.orphans), (3, [], 0))
        self.assertGreaterEqual(outcome.ends, 1)

    def test_moments_lie_within_the_undisturbed_time(self):
        random = mock.Mock()
        random.uniform.side_effect = lambda low, high: asked.append((low, high)) or high / 2
        asked, outcome = [], kills.Outcome("counting", undisturbed_seconds=0.04)
        (self.folder / "prepared").mkdir()
        reference = Counting().result(self.folder)
        with mock.patch.object(kills, "attempt", return_value=Attempt(None, 0.02)) as attempted:
            kills._chain(Counting(), self.folder, outcome, random, 3, reference)
        self.assertEqual(asked, [(0, 0.04)] * 3)
        self.assertEqual(outcome.kills, [0.02] * 3)
        moments = [call.kwargs.get("kill_after") for call in attempted.call_args_list]
        # Then it is left to end.
        self.assertEqual(moments, [0.02] * 3 + [None])

    def test_what_is_half_written_is_seen(self):
        outcome = self.killed(Careless(), 3)
        self.assertTrue(any("json: JSONDecodeError" in line for line in outcome.problems))
        self.assertTrue(any("other than undisturbed" in line for line in outcome.problems))

    def test_another_result_is_seen(self):
        outcome = self.killed(Forgetful(), 1)
        self.assertTrue(all("undisturbed: starts.json" in line for line in outcome.problems))
        self.assertNotEmpty(outcome.problems)

    def test_goes_on_where_it_was_stopped(self):
        first = self.killed(Counting(), 1)
        number = len(self.lines)
        second = self.killed(Counting(), 2)
        self.assertEqual(second.kills[: len(first.kills)], first.kills)
        self.assertNotIn("undisturbed", "".join(self.lines[number:]))

    def test_another_program_or_seed_starts_over(self):
        (self.folder / "zoo").mkdir()
        source = self.folder / "zoo" / "model.py"
        source.write_text("good = True")
        record = self.folder / "record.json"
        self.enter_context(mock.patch.object(kills, "_ROOT", self.folder))
        self.killed(Counting(), 1)
        source.write_text("good = False")
        for change, seed in (("program", 0), ("seed", 1)):
            self.lines.clear()
            again = self.killed(Counting(), 1, seed)
            self.assertEqual(
                self.lines[0], f"counting: starts over, {record} is of another {change}"
            )
            self.assertStartsWith(self.lines[1], "counting: undisturbed")
            self.lines.clear()
            self.assertEqual(self.killed(Counting(), 1, seed), again)
            self.assertEmpty(self.lines)

    def test_processes_that_outlive_a_killed_one_are_counted(self):
        def job():
            subprocess.run([sys.executable, "-c", "import time; time.sleep(60)"], check=False)
            return 0

        log = self.folder / "log"
        self.enter_context(mock.patch("tests.faults.forked._ORPHAN_SECONDS", 0.3))
        done = attempt(job, log, kill_after=0.5)
        self.assertEqual((done.status, done.orphans), (None, 1))
        self.assertEqual(attempt(lambda: 3, log).status, 3)
        self.assertEqual(attempt(lambda: os.abort(), log).status, -6)
        self.assertEqual(answer(lambda: ["a", 1], log), ["a", 1])
        with self.assertRaises(RuntimeError):
            answer(lambda: 1 / 0, log)

    def test_files_cut_short_are_not_readable(self):
        tables = self.folder / "a.csv"
        tables.write_text("a,b\n1,2\n3")
        (self.folder / "b.json").write_text('{"a": 1')
        (self.folder / "c.npy").write_bytes(b"\x93NUMPY")
        (self.folder / "d.md").write_text("half")
        (self.folder / ".e.json").write_text("being written")
        (self.folder / "good.json").write_text("{}")
        problems = readable.problems(self.folder)
        self.assertEqual(
            [line.split(":")[0] for line in problems], ["a.csv", "b.json", "c.npy", "d.md"]
        )


if __name__ == "__main__":
    tf.test.main()
