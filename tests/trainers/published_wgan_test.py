import tensorflow as tf

from tests.trainers.published_designs_test import built, layers_of
from trainers import recipes


class WGANTest(tf.test.TestCase):
    """Storey-Fisher et al. 2021 (arXiv 2105.02434) and its public code."""

    def test_settings(self):
        recipe = recipes.get("wgan", "paper")
        self.assertEqual((recipe.learning_rate, recipe.batch_size), (1e-4, 5 * 32))
        model = built("wgan", shape=(96, 96, 3), classes=())
        self.assertEqual((model.critic_steps, model.penalty, model.noise), (5, 10.0, 0.1))
        self.assertEqual((model.feature_weight, model.search_steps), (0.3, 10))
        self.assertEqual((model.latent_dim, model.adam_betas), (128, (0.5, 0.9)))

    def test_networks(self):
        model = built("wgan", shape=(96, 96, 3), classes=())
        maps = [("Conv2D", 2**stage * 64, 2) for stage in range(4)]
        kinds = ("Conv2D", "Conv2DTranspose", "Dense")

        def weighty(network):
            return [fact for fact in layers_of(network) if fact[0] in kinds]

        self.assertEqual(weighty(model.critic), [*maps, ("Dense", 1, None)])
        self.assertEqual(weighty(model.encoder), [*maps, ("Dense", 128, None)])
        drawn = [("Conv2DTranspose", width, 2) for width in (256, 128, 64, 3)]
        self.assertEqual(weighty(model.generator), [("Dense", 18432, None), *drawn])
        self.assertEqual(model.critic.output_shape[0], (None, 6, 6, 512))
        self.assertEqual(model.generator.input_shape, [(None, 128), (None, 24, 24, 128)])
        self.assertEqual(model.critic.layers[1].kernel_size, (5, 5))


if __name__ == "__main__":
    tf.test.main()
