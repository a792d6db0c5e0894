from pathlib import Path
from unittest import mock

import numpy as np
import tensorflow as tf

import zoo
from tests.trainers.evaluators.stand_ins import StandInDataset, StandInModel
from trainers.evaluators import EvaluationContext, select
from trainers.evaluators import feature_maps as module
from trainers.evaluators.feature_maps import (
    evaluate_feature_maps,
    silent_channels,
    varying_channels,
)


class FeatureMapsTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.dataset = StandInDataset()
        self.folder = Path(self.get_temp_dir())

    def context(self, model):
        return EvaluationContext(model, self.dataset, self.folder)

    def test_section(self):
        model = zoo.create("star_galaxy_cnn", image_shape=(24, 24, 5), filters=(4, 6))
        section = evaluate_feature_maps(self.context(model))
        rows = section.tables[0].rows
        self.assertEqual([row[1:3] for row in rows], [["12 x 12", "4"], ["6 x 6", "6"]])
        self.assertEqual(section.metrics["silent_channels"], 0)
        first = model.encoder.layers[1]
        kernel, bias = first.get_weights()
        kernel[..., 1] = 0
        first.set_weights([kernel, bias])
        # The blocks behind begin as the identity, and so hand the channel on.
        section = evaluate_feature_maps(self.context(model))
        self.assertEqual([row[3] for row in section.tables[0].rows], ["1", "0"])
        self.assertAllClose(section.metrics["silent_channels"], 0.1)
        self.assertTrue((self.folder / section.figures[0].path).exists())

    def test_number_of_large_images(self):
        model = zoo.create("star_galaxy_cnn", image_shape=(24, 24, 5), filters=(4,))
        for pixels, number in ((10 * 24**2, 10), (1, 4), (2**20, 64)):
            with mock.patch.object(module, "_PIXELS", pixels):
                section = evaluate_feature_maps(self.context(model))
            self.assertIn(f"all of {number} test images", section.text[0])

    def test_without_maps(self):
        model = zoo.create("star_galaxy_cnn", image_shape=(24, 24, 5), filters=(4,))
        with mock.patch.object(module, "feature_maps", return_value=[]):
            section = evaluate_feature_maps(self.context(model))
        self.assertEqual((len(section.text), section.metrics, section.figures), (1, {}, []))

    def test_channels(self):
        maps = np.random.default_rng(0).normal(size=(3, 4, 5, 4)) * [1, 3, 0, 2] + 7
        self.assertAllEqual(silent_channels(maps), [False, False, True, False])
        self.assertAllEqual(varying_channels(maps, 3), [1, 3, 0])
        # The edge of every image alike is a signal, and says nothing of an image.
        maps[:, 0, :, 2] += 100
        self.assertFalse(silent_channels(maps).any())
        self.assertAllEqual(varying_channels(maps, 4), [1, 3, 0, 2])

    def test_needs_convolutions(self):
        _, left_out = select(self.context(StandInModel(self.dataset)))
        self.assertEqual(left_out["feature_maps"], "the model has no convolutional layers")
        model = zoo.create("star_galaxy_cnn", image_shape=(24, 24, 5), filters=(4,))
        chosen, _ = select(self.context(model))
        self.assertIn("feature_maps", [entry.name for entry in chosen])
        with mock.patch.object(type(model), "input_names", ("image", "spectrum")):
            reason = self.context(model).lacks("convolutions")
        self.assertEqual(reason, "the model does not read images alone")


if __name__ == "__main__":
    tf.test.main()
