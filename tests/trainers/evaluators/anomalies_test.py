import json
from pathlib import Path

import numpy as np
import tensorflow as tf
from astropy.table import Table
from sklearn import metrics

from tests.trainers.evaluators.stand_ins import StandInDataset, StandInModel, StandInSpec
from trainers.evaluators import EvaluationContext, registry


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

    def _run(self, dataset=None, name="report"):
        folder = Path(self.get_temp_dir()) / name
        context = EvaluationContext(self.model, dataset or self.dataset, folder)
        return registry.describe("anomalies").run(context), folder

    def test_section(self):
        section, folder = self._run()
        self.assertEqual(section.metrics["objects"], 240)
        table = Table.read(folder / "anomalies.ecsv")
        is_strange = np.isin(np.arange(240), self.strange)
        for name in ("isolation_forest", "nearest_neighbours", "mahalanobis", "gaussian_mixture"):
            self.assertGreater(metrics.roc_auc_score(is_strange, table[name]), 0.9, name)
            low, area, high = (
                section.metrics[f"{name}_auc_artefact{end}"] for end in ("_low", "", "_high")
            )
            self.assertBetween(area, low, high)
            self.assertGreater(low, 0.5)
        json.dumps(section.metrics)
        for figure in section.figures:
            self.assertTrue((folder / figure.path).exists())
        injected, classes = section.tables
        self.assertEqual(injected.header[1:], ["arc", "tidal tail", "double core", "artefact"])
        self.assertIn("reconstruction", [row[0] for row in injected.rows])
        self.assertEqual(classes.header[1:-1], ["galaxy"])

    def test_labels_have_no_part_in_the_scores(self):
        section, folder = self._run(name="one")
        relabelled = StandInDataset({"train": 300, "validation": 0, "test": 240})
        for split in ("train", "test"):
            arrays = relabelled._arrays[split]
            arrays["image"] = self.dataset.arrays(split)["image"]
            arrays["label"] = np.random.default_rng(1).permutation(arrays["label"])
        again, other = self._run(relabelled, name="two")
        one, two = (Table.read(each / "anomalies.ecsv") for each in (folder, other))
        for name in one.colnames:
            if name not in ("id", "class"):
                self.assertAllEqual(one[name], two[name])
        name = "isolation_forest_auc_tidal_tail"
        self.assertEqual(section.metrics[name], again.metrics[name])

    def test_few_objects_are_left_out(self):
        few = StandInDataset(spec=StandInSpec(class_names=(), class_fractions=None))
        context = EvaluationContext(StandInModel(few), few, Path(self.get_temp_dir()))
        _, left_out = registry.select(context)
        self.assertRegex(left_out["anomalies"], "the split has 100 objects, fewer than 200")


if __name__ == "__main__":
    tf.test.main()
