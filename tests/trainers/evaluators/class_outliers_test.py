from pathlib import Path

import numpy as np
import tensorflow as tf
from astropy.table import Table
from scipy import stats

from tests.trainers.evaluators.stand_ins import StandInDataset, StandInModel
from trainers.evaluators import EvaluationContext
from trainers.evaluators.class_outliers import class_distances, evaluate_class_outliers


class ClassOutliersTest(tf.test.TestCase):
    def test_distances_of_normal_classes_are_chi_distributed(self):
        generator = np.random.default_rng(0)
        labels = np.repeat([0, 1, 2], [3000, 2000, 12])
        centres = np.array([[0.0, 0, 0], [9, -4, 2], [-7, 7, 7]])
        mixing = generator.normal(size=(3, 3))
        points = centres[labels] + generator.normal(size=(len(labels), 3)) @ mixing
        distance = class_distances(points, labels, points, labels)
        # Median of 5,000 values: a standard error of 0.01.
        self.assertNear(np.median(distance), stats.chi(3).median(), 0.06)
        # The rare class borrows the covariance of the others.
        self.assertLess(distance[labels == 2].max(), 6)

    def test_an_object_of_another_class_is_far(self):
        generator = np.random.default_rng(1)
        labels = np.repeat([0, 1], 300)
        points = generator.normal(size=(600, 2)) + 20.0 * labels[:, None]
        wrong = labels.copy()
        wrong[17] = 1
        distance = class_distances(points, wrong, points, labels)
        self.assertEqual(np.argmax(distance), 17)
        lone = np.where(np.arange(600) == 5, 7, labels)
        self.assertTrue(np.isnan(class_distances(points, lone, points, labels)[5]))

    def test_the_catalogue_ranks_each_class(self):
        data = StandInDataset()
        context = EvaluationContext(StandInModel(data), data, Path(self.get_temp_dir()))
        section = evaluate_class_outliers(context)
        table = Table.read(context.output_dir / "class_outliers.ecsv")
        self.assertLen(table, 100)
        for name in context.class_names:
            own = table[table["class"] == name]
            self.assertAllEqual(own["rank"], np.arange(1, len(own) + 1))
            self.assertAllEqual(own["class_distance"], np.sort(own["class_distance"])[::-1])
            self.assertIn(f"largest_distance_{name}", section.metrics)
