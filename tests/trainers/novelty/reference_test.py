from pathlib import Path

import numpy as np
import tensorflow as tf
from scipy.stats import binom

from trainers.errors import UserError
from trainers.novelty.reference import DESCRIPTIONS, SHARE, Reference, limit, load
from trainers.novelty.sample import Sample


def sky(number, seed, sigma=1.0, level=0.0, size=16):
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    light = np.exp(-0.5 * (x**2 + y**2) / 2.5**2)[..., None]
    flux = random.lognormal(3.0, 0.3, (number, 1, 1, 1))
    images = level + flux * light + sigma * random.standard_normal((number, size, size, 2))
    return images.astype(np.float32)


def features(images):
    return images.mean(axis=(1, 2))


def sample(*arguments, **options):
    images = sky(*arguments, **options)
    return Sample.of(images, features(images), 0)


class ReferenceTest(tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.reference = Reference.fit(sample(600, 0), sample(400, 1))

    def test_a_limit_is_exceeded_by_no_more_than_the_share_in_95_of_100_samples(self):
        random = np.random.default_rng(0)
        for number in (80, 400):
            # Of uniform distances the share beyond a limit is known.
            beyond = [1 - limit(random.uniform(size=number), 0.05) for _ in range(400)]
            failures = int(np.sum(np.array(beyond) > 0.05))
            # More of them by chance: once in 10,000.
            self.assertLessEqual(failures, binom(400, 0.05).isf(1e-4))
            self.assertGreater(np.mean(beyond), 0.01)

    def test_a_limit_of_few_is_the_largest(self):
        self.assertEqual(limit(np.array([3.0, 9.0, 1.0]), 0.05), 9.0)

    def test_objects_of_the_training_are_inside(self):
        judged = self.reference.judged(sample(1000, 2))
        self.assertEqual(set(judged), set(DESCRIPTIONS))
        self.assertLessEqual(np.mean(judged["outside"]), SHARE)
        self.assertAllEqual(judged["outside"], judged["validity_distance"] > 1)
        self.assertAllEqual(judged["outside"], judged["outside_reason"] != "")

    def test_other_objects_are_outside_and_say_in_what(self):
        empty = np.zeros((4, 16, 16, 2), np.float32)
        for images, reason in (
            (sky(50, 3, sigma=2.0), "noise"),
            (sky(50, 3, level=9.0), "sky"),
            (empty, "noise"),
        ):
            judged = self.reference.columns(images, features(images))
            self.assertAllEqual(judged["outside"], np.ones(len(images), bool))
            self.assertIn(reason, "; ".join(judged["outside_reason"]))
        judged = self.reference.columns(np.zeros((2, 4, 4, 2)), None)
        self.assertEqual(list(judged["outside_reason"]), ["image size"] * 2)
        images = sky(50, 4)
        judged = self.reference.columns(images, features(images) + 30)
        self.assertEqual(set(judged["outside_reason"]), {"features"})

    def test_without_features_pixels_alone_are_compared(self):
        images = sky(50, 5, sigma=2.0)
        self.assertTrue(self.reference.columns(images, None)["outside"].all())
        self.assertLess(np.mean(self.reference.columns(sky(500, 6), None)["outside"]), SHARE)
        alone = Reference.fit(Sample.of(sky(200, 0), None, 0), Sample.of(sky(200, 1), None, 0))
        self.assertEqual(alone.facts["comparisons"], ["noise", "light"])
        # A model that has features all the same, as after an export of a later version.
        self.assertAllEqual(alone.columns(images, features(images))["outside"], np.ones(50, bool))

    def test_a_file_has_the_same_answers(self):
        path = Path(self.get_temp_dir()) / "validity.npz"
        self.reference.save(path)
        loaded, images = load(path), sky(30, 7, sigma=1.2)
        self.assertEqual(loaded.facts, self.reference.facts)
        for name, values in self.reference.columns(images, features(images)).items():
            self.assertAllEqual(loaded.columns(images, features(images))[name], values)

    def test_a_damaged_file_is_named(self):
        path = Path(self.get_temp_dir()) / "validity.npz"
        self.reference.save(path)
        path.write_bytes(path.read_bytes()[:500])
        with self.assertRaisesRegex(UserError, "validity.npz cannot be read"):
            load(path)
        np.savez(path, about=np.array('{"format": 7}'))
        with self.assertRaisesRegex(UserError, "must have format 2; got 7"):
            load(path)


if __name__ == "__main__":
    tf.test.main()
