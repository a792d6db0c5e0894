"""Defects of scenes and their mask."""

import dataclasses
import zlib

import numpy as np
import tensorflow as tf

from tfds_builders.galaxy_scenes.configs import StampsConfig
from tfds_builders.galaxy_scenes.defects import FOREIGN, NO_DATA, add_defects
from tfds_builders.galaxy_scenes.scenes import Scenes


class DefectsTest(tf.test.TestCase):
    def test_the_mask_has_what_changed(self):
        sigma = np.array([1.0, 5.0, 0.2])
        changed = np.zeros(3, int)
        for seed in range(60):
            clean = np.random.default_rng(seed).normal(size=(3, 48, 48)) * sigma[:, None, None]
            image = clean.astype(np.float32)
            mask = add_defects(image, sigma, 0.4, np.random.default_rng((seed, 1)))
            self.assertAllEqual(image[mask == NO_DATA], np.zeros(np.sum(mask == NO_DATA)))
            excess = (image - clean) / sigma[:, None, None]
            self.assertAllInRange(np.abs(excess[mask == 0]), 0, 0.35)
            self.assertAllInRange(excess[mask == FOREIGN], -1e-3, np.inf)
            changed += [np.any(mask == NO_DATA), np.any(mask == FOREIGN), not mask.any()]
            # Each kind is in one band.
            self.assertLessEqual(np.sum(np.any(mask == NO_DATA, axis=(1, 2))), 1)
        # Binomial with 0.4, with 1 - 0.6^2, and with 0.6^3 (a column may hide the others): five
        # standard errors of 60.
        self.assertAllClose(changed / 60, [0.4, 0.64, 0.216], atol=5 * 0.5 / np.sqrt(60))

    def test_the_truth_ignores_them(self):
        config = StampsConfig(name="x", size=48, survey="decals", defect_fraction=1.0)
        spoilt = Scenes(config).draw("train", 0)
        clean = Scenes(dataclasses.replace(config, defect_fraction=0.0)).draw("train", 0)
        self.assertNotIn("mask", clean)
        for name in ("noiseless", "isolated", "segmentation"):
            self.assertEqual(spoilt[name], clean[name])
        self.assertNotEqual(spoilt["image"], clean["image"])
        mask, image, before = (
            np.frombuffer(zlib.decompress(example[name]), kind).reshape(48, 48, 3)
            for example, name, kind in (
                (spoilt, "mask", np.uint8),
                (spoilt, "image", np.float32),
                (clean, "image", np.float32),
            )
        )
        self.assertContainsSubset({NO_DATA, FOREIGN}, np.unique(mask))
        sigma = clean["noise_sigma"]
        self.assertAllInRange((np.abs(image - before) / sigma)[mask == 0], 0, 0.35)


if __name__ == "__main__":
    tf.test.main()
