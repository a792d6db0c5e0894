from pathlib import Path

import numpy as np
import tensorflow as tf
from astropy.table import Table
from sklearn.metrics import adjusted_rand_score

from tests.trainers.evaluators.stand_ins import StandInDataset, StandInModel
from trainers.evaluators import EvaluationContext, registry


class ClustersTest(tf.test.TestCase):
    def test_section(self):
        dataset = StandInDataset({"train": 60, "validation": 0, "test": 210})
        folder = Path(self.get_temp_dir())
        context = EvaluationContext(StandInModel(dataset), dataset, folder)
        section = registry.describe("clusters").run(context)
        (table,) = section.tables
        self.assertEqual(table.header, ["method", "clusters", "purity", "ARI", "NMI", "stability"])
        self.assertLen(table.rows, 2 * 4 + 1)
        groups = Table.read(folder / "clusters.ecsv")
        self.assertEqual(list(groups["id"]), list(context.ids))
        truth = dataset.arrays("test")["label"]
        for name in ("gaussian_mixture_2", "ward_10", "hdbscan"):
            expected = adjusted_rand_score(truth, groups[name])
            self.assertAllClose(section.metrics[f"{name}_ari"], expected)
        self.assertLen(np.unique(groups["kmeans_10"]), 10)
        # More clusters are purer, whatever they are.
        for name in ("gaussian_mixture", "ward", "kmeans"):
            few, many = (section.metrics[f"{name}_{number}_purity"] for number in (2, 10))
            self.assertGreaterEqual(many, few - 0.02)
        self.assertTrue((folder / section.figures[0].path).exists())


if __name__ == "__main__":
    tf.test.main()
