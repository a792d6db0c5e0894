import os
import subprocess
import sys
import time

import numpy as np
import tensorflow as tf

from benchmarks import (
    blend_classifiers,
    blendhunter_end_to_end,
    blends,
    feature_extraction,
    machine,
)
from benchmarks.blendhunter_end_to_end import Stage
from trainers.datasets.in_memory import InMemoryDataset


def _cells(line):
    return [cell.strip() for cell in line.split("|")[1:-1]]


class StampsTest(tf.test.TestCase):
    def test_are_a_dataset_of_the_trainers(self):
        examples = blends.draw("train", 4)
        self.assertAllEqual(np.bincount(examples["label"]), [2, 2])
        noisy = blends.noisy(examples)
        self.assertEqual(noisy.shape, (4, 65, 65, 1))
        # The frame of padding holds noise alone; five standard deviations of its estimate.
        frame = np.concatenate([noisy[:, : blends.PAD], noisy[:, -blends.PAD :]])
        self.assertNear(frame.std(), blends.SIGMA, 5 * blends.SIGMA / np.sqrt(2 * frame.size))
        dataset = InMemoryDataset(blends.SPEC, {"train": examples})
        self.assertEqual(dataset.num_examples, {"train": 4})


class ReportsTest(tf.test.TestCase):
    def test_features_are_compared_with_the_faster_product(self):
        measured = {
            "features": np.array([10.0, 20.0, 30.0]),
            "tf.matmul": np.array([50.0, 50.0, 50.0]),
            "numpy.matmul": np.array([100.0, 100.0, 100.0]),
        }
        row = feature_extraction.row(measured, 4_000_000_000, 2048, "quiet")
        _, rate, yardstick, peak, *ratios, remark = row.cells()
        self.assertEqual((rate, peak), ("80 GFLOP/s", "100 GFLOP/s"))
        self.assertEqual(yardstick, "numpy.matmul of 2048x2048")
        self.assertEqual(ratios, ["0.80", "0.40", "1.20"])
        self.assertEqual(remark, "20.0 stamps/s of 4.000 GFLOP; quiet")

    def test_classifiers_are_compared_on_as_many_cores(self):
        speeds = {
            "SEP, 1 core": 1000.0,
            "blend_cnn, 1 core": 500.0,
            "SEP, 2 cores": 2000.0,
            "blend_cnn, 2 cores": 500.0,
        }
        measured = {name: np.array([speed]) for name, speed in speeds.items()}
        rows = {row.what: row for row in blend_classifiers.compared(measured, "quiet")}
        self.assertEqual([row.ratio for row in rows.values()], [1.0, 0.5, 1.0, 0.25])
        self.assertEqual(rows["blend_cnn, 2 cores"].yardstick, "SEP, 2 cores")

    def test_an_extrapolated_time_is_called_so(self):
        numbers = blendhunter_end_to_end.split_numbers(80_000)
        self.assertEqual(numbers, {"train": 36_000, "validation": 36_000, "test": 8_000})
        stages = [Stage("features", 50.0, 90.0, 0.01), Stage("head", 13.0, 20.0, 0.2)]
        report = blendhunter_end_to_end.report(stages, 8_000).splitlines()
        self.assertEqual(_cells(report[4]), ["all", "63.0", "110.0", "20%"])
        self.assertStartsWith(report[5], "80000 stamps: 630 s, processor time 1100 s, extrap")
        self.assertEndsWith(report[5], " 1.00 times as long")
        whole = blendhunter_end_to_end.report(stages * 10, 80_000)
        self.assertIn(" 630 s, processor time 1100 s, measured;", whole)


class BystandersTest(tf.test.TestCase):
    def test_processes_that_were_started_are_no_others(self):
        if not os.path.exists("/proc/stat"):
            self.skipTest("there is no /proc")
        before = machine.own_seconds([os.getpid()])
        begun = time.process_time()
        work = "import time\nwhile time.process_time() < 0.5: pass"
        subprocess.run([sys.executable, "-S", "-c", work], check=True)
        passed = machine.own_seconds([os.getpid()]) - before
        self.assertBetween(passed, 0.4, 1.5 + time.process_time() - begun)
