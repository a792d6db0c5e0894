"""Faint galaxies, images of fluxes and labels by the truth."""

import functools

import numpy as np
import tensorflow as tf
from scipy import stats

from tfds_builders.galaxy_zoo_decals.configs import SimulatedConfig
from tfds_builders.galaxy_zoo_decals.labels import GZD5, MORPHOLOGIES
from tfds_builders.galaxy_zoo_decals.simulated import SimulatedGalaxies
from tfds_builders.galaxy_zoo_decals.truth import draw_truth
from tfds_builders.simulation.legacy_surveys import CAMERAS
from tfds_builders.simulation.redshifts import COSMOLOGY
from tfds_builders.surveys import flux_from_magnitude

SCALE = 0.5


@functools.cache
def examples():
    config = SimulatedConfig(
        name="faint",
        image_size=48,
        linear=True,
        scale=SCALE,
        bright=17.77,
        faint=21.77,
        labels="truth",
    )
    galaxies = SimulatedGalaxies(config)
    return [galaxies.draw(index) for index in range(24)]


class FaintGalaxiesTest(tf.test.TestCase):
    def test_sample_between_the_limits(self):
        truths = [
            draw_truth(np.random.default_rng((0, index)), 17.77, 21.77) for index in range(200)
        ]
        magnitude, redshift, absolute, radius = (
            np.array([getattr(each, name) for each in truths])
            for name in ("magnitude", "redshift", "absolute_magnitude", "radius")
        )
        self.assertAllInRange(magnitude, 17.77, 21.77)
        self.assertAllInRange(radius, 0.5, 9.0)
        # Mean k-correction minus nothing: 1.1 z in r.
        modulus = COSMOLOGY.distmod(redshift).value
        self.assertAllClose(magnitude - absolute, modulus + 1.1 * redshift, atol=0.03)
        # Counts rise by a factor of three a magnitude.
        self.assertGreater(np.median(magnitude), 20.4)
        self.assertBetween(np.median(redshift), 0.3, 0.6)

    def test_images_are_fluxes_with_white_noise_and_photons(self):
        images = np.stack([each["image"] for each in examples()])
        self.assertEqual((images.dtype, images.shape[1:]), (np.float32, (48, 48, 3)))
        sigma = np.stack([each["noise_sigma"] for each in examples()])
        # Frames without sources, by their smallest 32 corners.
        corners = images[:, :10, :10] / sigma[:, None, None]
        quiet = corners[np.argsort(corners.std(axis=(1, 2)).max(axis=-1))[:8]]
        self.assertAllClose(quiet.std(), 1.0, atol=0.06)
        self.assertLess(abs(stats.pearsonr(quiet[:, :-1].ravel(), quiet[:, 1:].ravel())[0]), 0.08)
        electrons = np.stack([each["electrons"] for each in examples()])
        sky = flux_from_magnitude(np.array(CAMERAS["decals"].sky)) * SCALE**2
        self.assertAllClose(electrons * sigma**2, np.tile(sky, (24, 1)), rtol=1e-5)

    def test_flux_is_that_of_the_magnitude(self):
        ratios = []
        for each in examples():
            if each["label"] != MORPHOLOGIES.index("artifact"):
                seen = each["image"][14:34, 14:34, 1].sum()
                ratios.append(seen / flux_from_magnitude(each["magnitude"]))
        self.assertAllClose(np.median(ratios), 1.0, atol=0.12)

    def test_labels_are_the_true_answers(self):
        for each in examples():
            answers = {
                question.name: question.answers[index]
                for question, index in zip(GZD5.questions, each["truth"], strict=True)
                if index >= 0
            }
            edge_on = {"yes": 0, "no": 1}.get(answers.get("disk-edge-on"), -1)
            self.assertEqual(each["label_edge_on"], edge_on)
            if answers.get("merging") == "merger":
                self.assertEqual(MORPHOLOGIES[each["label"]], "merger")
            elif answers["smooth-or-featured"] == "smooth":
                self.assertEqual(MORPHOLOGIES[each["label"]], answers["how-rounded"])
            # The volunteers' votes are as ever.
            self.assertGreater(each["total_votes"][0], 5)

    def test_options(self):
        for options, message in (
            ({"linear": True}, "scale must be given with linear"),
            ({"linear": True, "scale": 0.4, "crop": 0.3}, "crop must not be given with linear"),
            ({"bright": 20.0, "faint": 18.0}, "bright and faint must be .* got 20.0 and 18.0"),
            ({"labels": "eyes"}, "labels must be one of votes, truth; got 'eyes'"),
            ({"labels": "truth", "min_votes": 5}, "min_votes must be 0 with labels='truth'"),
        ):
            with self.assertRaisesRegex(ValueError, message):
                SimulatedConfig(name="any", **options)


if __name__ == "__main__":
    tf.test.main()
