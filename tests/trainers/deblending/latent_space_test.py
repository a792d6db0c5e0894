import numpy as np
import tensorflow as tf

from trainers.deblending.latent_space import LatentSpace, groups


class LatentSpaceTest(tf.test.TestCase):
    def test_groups_are_near_to_each_other(self):
        draws = np.random.default_rng(0)
        position = np.concatenate([draws.uniform(0, 10, (40, 2)), draws.uniform(90, 99, (25, 2))])
        parts = groups(position, most=40)
        self.assertAllEqual(np.sort(np.concatenate(parts)), np.arange(65))
        self.assertLessEqual(max(map(len, parts)), 40)
        self.assertLess(np.mean([np.ptp(position[rows], axis=0).max() for rows in parts]), 60.0)
        self.assertLen(groups(position[:3]), 1)
        self.assertAllEqual(groups(position[:0])[0], np.zeros(0, int))

    def test_signatures_that_are_missing(self):
        offered = {
            "encode": lambda image: {"latent_mean": 2 * image[:, 0, 0]},
            "decode": lambda latent: {"image": latent[:, None, None]},
            "log_prior": lambda latent: {"log_prior": latent[:, 0]},
        }
        space = LatentSpace.of_signatures(offered.get, (3, 3, 2))
        latents = tf.constant([[1.0, 2.0]])
        self.assertAllClose(space.encode(tf.ones((1, 3, 3, 2))), [[2.0, 2.0]])
        self.assertAllClose(space.decode(latents), [[[[1.0, 2.0]]]])
        self.assertAllClose(space.log_prior(latents), [1.0])
        del offered["log_prior"]
        self.assertAllClose(
            LatentSpace.of_signatures(offered.get, (3, 3, 2)).log_prior(latents), [-2.5]
        )
        del offered["decode"]
        self.assertIsNone(LatentSpace.of_signatures(offered.get, (3, 3, 2)))
        self.assertIsNone(LatentSpace.of_model(object()))


if __name__ == "__main__":
    tf.test.main()
