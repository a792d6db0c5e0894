from pathlib import Path
from unittest import mock

import numpy as np
import tensorflow as tf
from astropy.table import Table
from sklearn.metrics import adjusted_rand_score

from tests.trainers.evaluators.stand_ins import StandInDataset, StandInModel, StandInSpec
from trainers.evaluators import EvaluationContext, registry
from trainers.evaluators.statistics import structure
from trainers.structure import parameters


class ModelWithClusters(StandInModel):
    """Its clusters are four ranges of the first latent, its groups the two halves of these."""

    def __call__(self, images, training=False):
        answer = super().__call__(images)
        first = tf.cast(tf.floor(answer["latent_mean"][:, 0]), tf.int32)
        cluster = tf.clip_by_value(first, -2, 1) + 2
        return {**answer, "cluster": cluster, "group": cluster // 2}


def border_light(images, noise, processes=None, on_object=None):
    """Stands for the measurement: the light at the border; every tenth object has none."""
    border = images[:, :5].mean(axis=(1, 2))
    flags = np.where(np.arange(len(images)) % 10, 0, 3).astype(np.int16)
    measured = dict.fromkeys(parameters.PARAMETERS, np.where(flags, np.nan, border))
    return {**measured, parameters.FLAG: flags}


class ClustersTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        # Measuring takes seconds, see `StructuralParametersTest`.
        self.enterContext(mock.patch.object(structure, "structural_parameters", border_light))
        self.installed = self.enterContext(
            mock.patch.object(parameters, "is_installed", return_value=False)
        )

    def test_section(self):
        self.installed.return_value = True
        dataset = StandInDataset({"train": 60, "validation": 0, "test": 210})
        folder = Path(self.get_temp_dir())
        context = EvaluationContext(StandInModel(dataset), dataset, folder)
        section = registry.describe("clusters").run(context)
        table, _ = section.tables
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
        self.check_structure(section, folder)

    def check_structure(self, section, folder):
        table, saved = section.tables[-1], Table.read(folder / "structure.ecsv")
        groups = Table.read(folder / "clusters.ecsv")
        cluster_of = dict(zip(groups["id"], groups["gaussian_mixture_10"], strict=True))
        self.assertEqual([cluster_of[name] for name in saved["id"]], list(saved["cluster"]))
        sizes = [int(row[1]) for row in table.rows[:-1]]
        self.assertEqual(sizes, sorted(sizes, reverse=True))
        self.assertEqual(sum(sizes), 210)
        failures = np.sum(saved[parameters.FLAG] == 3)
        self.assertEqual(section.metrics["structure_failures"], failures)
        for row in table.rows[:-1]:
            own = saved[saved["cluster"] == int(row[0])]
            self.assertLen(own, min(20, int(row[1])))
            bad = np.sum(own[parameters.FLAG] == 3)
            self.assertEqual(row[2], f"{len(own) - bad} / 0 / 0 / {bad}")
            self.assertStartsWith(row[3], f"{np.nanmedian(own['concentration']):.2f} +- ")
        between = section.metrics["structure_gini_between"]
        self.assertEqual(table.rows[-1][-2], f"{between:.3f}")

    def test_own_clusters_of_a_model_and_early_types(self):
        spec = StandInSpec(class_names=("elliptical", "spiral"))
        dataset = StandInDataset({"train": 60, "validation": 0, "test": 210}, spec=spec)
        folder = Path(self.get_temp_dir())
        context = EvaluationContext(ModelWithClusters(dataset), dataset, folder)
        section = registry.describe("clusters").run(context)
        (table,) = section.tables
        self.assertIn("need the extra `morphology`", section.text[-1])
        self.assertEqual(table.header[-2:], ["early / late", "stability"])
        self.assertEqual({len(row) for row in table.rows}, {len(table.header)})
        self.assertEqual((table.rows[-1][0], table.rows[-1][-1]), ("model", "-"))
        own = context.outputs("call")
        early = dataset.arrays("test")["label"] == 0
        same = np.mean(early == own["group"])
        self.assertAllClose(section.metrics["model_early_late"], max(same, 1 - same))
        self.assertAllEqual(Table.read(folder / "clusters.ecsv")["model"], own["cluster"])
        largest = max(early.mean(), 1 - early.mean())
        self.assertIn(f"early being elliptical; one group has {largest:.3f}", table.caption)


if __name__ == "__main__":
    tf.test.main()
