from pathlib import Path

import numpy as np
import tensorflow as tf
from sklearn import metrics

from tests.trainers.evaluators.detection_test import NAMES, Fields, FieldsSpec, Oracle
from trainers.evaluators import EvaluationContext
from trainers.evaluators.pixel_classes import evaluate_pixel_classes


class PixelClassesTest(tf.test.TestCase):
    def context(self, **changes):
        dataset = Fields({"train": 2, "validation": 0, "test": 5}, FieldsSpec())
        dataset._arrays["test"] |= changes
        return EvaluationContext(Oracle(), dataset, Path(self.get_temp_dir()))

    def test_numbers_are_those_of_scikit_learn(self):
        mask = np.zeros((5, 48, 48, 2), np.uint8)
        mask[:, 20:30, 8:14, 1] = 2
        context = self.context(mask=mask)
        section = evaluate_pixel_classes(context)
        known = (mask == 0).all(axis=-1)
        truth = context.arrays()["class_map"][known]
        assigned = context.outputs("call")["segment"][known]
        for kind, score in (
            ("iou", metrics.jaccard_score),
            ("dice", metrics.f1_score),
            ("recall", metrics.recall_score),
        ):
            expected = score(truth, assigned, average=None)
            actual = [section.metrics[f"{kind}_{name}"] for name in NAMES]
            self.assertAllClose(actual, expected, msg=kind)
        self.assertAllClose(section.metrics["accuracy"], metrics.accuracy_score(truth, assigned))
        self.assertBetween(section.metrics["boundary_f1"], 0.5, 1.0)
        self.assertBetween(section.metrics["sep_boundary_f1"], 0.5, 1.0)
        self.assertTrue((context.output_dir / section.figures[0].path).exists())

    def test_classes_beyond_those_of_the_model(self):
        with self.assertRaisesRegex(ValueError, r"class_map must be in 0\.\.2.*got 7"):
            evaluate_pixel_classes(self.context(class_map=np.full((5, 48, 48), 7)))


if __name__ == "__main__":
    tf.test.main()
