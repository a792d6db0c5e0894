"""Experiments that are resumed, and those that are refused in another's folder."""

import contextlib
import dataclasses
import io
import tempfile
from pathlib import Path
from types import SimpleNamespace

import tensorflow as tf

from tests.trainers import tiny
from trainers.errors import UserError
from trainers.options.experiment import ExperimentOptions
from trainers.options.fields import Affects, option
from trainers.runs.experiment import Experiment
from trainers.storage.json_files import read_json


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Options(ExperimentOptions):
    output_dir: Path
    examples: int = 96
    depth: int = option(3, affects=Affects.TRAINING)
    names: tuple[str, ...] = ("a", "b")

    def cells(self):
        return [SimpleNamespace(folder=name) for name in self.names]

    def configurations(self):
        return []


class _Files(Experiment):
    """Each training writes a file."""

    def __init__(self, options):
        super().__init__(options)
        self.datasets["dataset"] = tiny.TinyDataset(options.examples)
        self.trained = []

    def train(self, cell):
        file = self.options.output_dir / cell.folder
        is_new = not file.exists()
        if is_new:
            file.touch()
            self.trained.append(cell.folder)
        return is_new

    def report(self):
        path = self.options.output_dir / "report.md"
        path.write_text(" ".join(self.trained))
        return path


class ExperimentTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = Path(self.enter_context(tempfile.TemporaryDirectory())) / "experiment"
        self.printed = self.enter_context(contextlib.redirect_stdout(io.StringIO()))

    def run_experiment(self, **options):
        return _Files.run(_Options(output_dir=self.folder, **options))

    def test_trains_only_what_is_left(self):
        self.assertEqual(self.run_experiment().read_text(), "a b")
        report = self.run_experiment(names=("a", "b", "c"))
        self.assertEqual(report.read_text(), "c")
        self.assertIn("[3/3] c\n  0 to go, about 0 min\n", self.printed.getvalue())
        # With nothing left, the report is written all the same.
        self.assertEqual(self.run_experiment().read_text(), "")

    def test_other_options_and_other_data_are_refused(self):
        self.run_experiment()
        description = read_json(self.folder / "experiment.json")
        with self.assertRaisesRegex(UserError, r"other `depth` \(saved 3, now 4\)"):
            self.run_experiment(depth=4)
        with self.assertRaisesRegex(UserError, "other data: 96 examples before, 95 now"):
            self.run_experiment(examples=95)
        self.assertEqual(read_json(self.folder / "experiment.json"), description)

    def test_other_files_are_refused(self):
        self.folder.mkdir()
        (self.folder / "notes.txt").touch()
        with self.assertRaisesRegex(UserError, "holds files but no experiment"):
            self.run_experiment()

    def test_killed_while_its_description_is_first_written(self):
        self.folder.mkdir()
        (self.folder / ".experiment.json.part").write_text("{")
        self.assertEqual(self.run_experiment().read_text(), "a b")


if __name__ == "__main__":
    tf.test.main()
