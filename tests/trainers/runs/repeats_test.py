"""The summary over seeds."""

import numpy as np
import tensorflow as tf

from trainers.runs import repeats


class SummaryTest(tf.test.TestCase):
    def test_numbers(self):
        aucs = [0.9, 0.92, 0.97]
        runs = [{"roc": {"auc": auc, "title": "x"}, "note": "y"} for auc in aucs]
        runs[0]["roc"]["only_here"] = 1.0
        summary = repeats.summarise(runs)
        self.assertEqual(set(summary), {"roc/auc"})
        auc = summary["roc/auc"]
        self.assertAllClose(auc["mean"], np.mean(aucs))
        self.assertAllClose(auc["standard_deviation"], np.std(aucs, ddof=1))
        self.assertEqual((auc["min"], auc["max"], auc["values"]), (0.9, 0.97, aucs))

    def test_table(self):
        runs = [{"roc": {"auc": 0.5}}, {"roc": {"auc": 0.75}}]
        text = repeats.table(repeats.summarise(runs), [4, 5])
        rows = [[cell.strip() for cell in row.split("|")[1:-1]] for row in text.splitlines()]
        self.assertEqual(
            rows[0], ["metric", "mean", "standard deviation", "min", "max", "seed 4", "seed 5"]
        )
        self.assertEqual(rows[2], ["roc/auc", "0.625", "0.1768", "0.5", "0.75", "0.5", "0.75"])
        self.assertLen({len(row) for row in text.splitlines()}, 1)


if __name__ == "__main__":
    tf.test.main()
