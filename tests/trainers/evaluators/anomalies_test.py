import json
import tempfile
from pathlib import Path
from unittest import mock

import numpy as np
import tensorflow as tf
from astropy.table import Table
from sklearn import metrics

from tests.trainers.evaluators.stand_ins import StandInDataset, StandInModel, StandInSpec
from trainers.evaluators import EvaluationContext, anomalies, registry


class AnomaliesTest(tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.dataset = StandInDataset({"train": 300, "validation": 0, "test": 240})
        # A few objects that are not like the others.
        cls.strange = np.arange(0, 240, 24)
        images = cls.dataset.arrays("test")["image"]
        images[cls.strange] = np.roll(images[cls.strange], 7, axis=1)
        cls.model = StandInModel(cls.dataset)
        cls.folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.section = cls._run(cls.dataset, "one")
        cls.table = Table.read(Path(cls.folder) / "one" / "anomalies.ecsv")

    @classmethod
    def _run(cls, dataset, name):
        context = EvaluationContext(cls.model, dataset, Path(cls.folder) / name)
        return registry.describe("anomalies").run(context)

    def test_scores_of_what_is_strange(self):
        is_strange = np.isin(np.arange(240), self.strange)
        for name in ("isolation_forest", "nearest_neighbours", "mahalanobis", "gaussian_mixture"):
            area = metrics.roc_auc_score(is_strange, self.table[name])
            self.assertGreater(area, 0.9, name)

    def test_section(self):
        numbers = self.section.metrics
        self.assertEqual(numbers["objects"], 240)
        for name in ("nearest_neighbours", "gaussian_mixture", "reconstruction"):
            for kind in ("arc", "tidal_tail", "double_core", "artefact"):
                low, area, high = (
                    numbers[f"{name}_auc_{kind}{end}"] for end in ("_low", "", "_high")
                )
                self.assertBetween(area, low, high)
                self.assertGreater(low, 0.5)
        json.dumps(numbers)
        for figure in self.section.figures:
            self.assertTrue((Path(self.folder) / "one" / figure.path).exists())
        injected, classes = self.section.tables
        self.assertEqual(injected.header[1:], ["arc", "tidal tail", "double core", "artefact"])
        self.assertEqual(classes.header[1:-1], ["galaxy"])

    def test_class_areas_are_those_of_scikit_learn(self):
        galaxy = np.asarray(self.table["class"]) == "galaxy"
        for name in ("isolation_forest", "total_flux"):
            area = metrics.roc_auc_score(galaxy, self.table[name])
            self.assertAllClose(self.section.metrics[f"{name}_auc_class_galaxy"], area)
            first = np.argsort(-np.asarray(self.table[name]))[:20]
            precision = self.section.metrics[f"{name}_precision_20"]
            self.assertAllClose(precision, galaxy[first].mean())

    def test_labels_have_no_part_in_the_scores(self):
        relabelled = StandInDataset({"train": 300, "validation": 0, "test": 240})
        for split in ("train", "test"):
            arrays = relabelled.arrays(split)
            arrays["image"][:] = self.dataset.arrays(split)["image"]
            arrays["label"][:] = np.random.default_rng(1).permutation(arrays["label"])
        again = self._run(relabelled, "two")
        table = Table.read(Path(self.folder) / "two" / "anomalies.ecsv")
        for name in table.colnames:
            if name not in ("id", "class"):
                self.assertAllEqual(table[name], self.table[name])
        name = "isolation_forest_auc_tidal_tail"
        self.assertEqual(again.metrics[name], self.section.metrics[name])

    def test_scores_of_the_model_and_of_a_reference_network(self):
        model = StandInModel(self.dataset)
        drawn = model.reconstruct

        def score(images):
            reconstruction = drawn(images)["reconstruction"]
            residual = tf.reduce_sum(tf.abs(images - reconstruction), axis=(1, 2, 3))
            return {"anomaly_score": residual, "reconstruction": reconstruction}

        model.score = score
        del model.reconstruct
        names = []

        def reference_features(name):
            names.append(name)
            return lambda images: images.mean(axis=(1, 2))

        self.enterContext(mock.patch.object(anomalies, "are_pictures", lambda spec: True))
        self.enterContext(mock.patch.object(anomalies, "reference_features", reference_features))
        context = EvaluationContext(model, self.dataset, Path(self.folder) / "three")
        section = registry.describe("anomalies").run(context)
        self.assertEqual(names, ["invariant_vae/decals_simulated"])
        rows = [row[0] for row in section.tables[0].rows]
        self.assertEqual(rows[0], "anomaly score")
        self.assertIn("isolation forest, invariant_vae/decals_simulated", rows)
        # The reconstruction of `score` stands in for that of `reconstruct`.
        for key in ("reconstruction_auc_arc", "isolation_forest_auc_arc"):
            self.assertAllClose(section.metrics[key], self.section.metrics[key])
        table = Table.read(Path(self.folder) / "three" / "anomalies.ecsv")
        expected = score(self.dataset.arrays("test")["image"])["anomaly_score"]
        self.assertAllClose(table["anomaly_score"], expected, rtol=1e-5)
        self.assertIn("isolation_forest_invariant_vae_decals_simulated", table.colnames)
        galaxy = np.asarray(table["class"]) == "galaxy"
        area = metrics.roc_auc_score(galaxy, expected)
        self.assertAllClose(section.metrics["anomaly_score_auc_class_galaxy"], area)

    def test_few_objects_are_left_out(self):
        few = StandInDataset(spec=StandInSpec(class_names=(), class_fractions=None))
        context = EvaluationContext(StandInModel(few), few, Path(self.get_temp_dir()))
        _, left_out = registry.select(context)
        self.assertRegex(left_out["anomalies"], "the split has 100 objects, fewer than 200")


if __name__ == "__main__":
    tf.test.main()
