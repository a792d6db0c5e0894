"""A model with two optimisers that take turns: a generator and its critic."""

import keras
import tensorflow as tf

from tests.zoo import model_test_case, tiny_model
from zoo import randomness
from zoo.image_model import ImageModel


@keras.saving.register_keras_serializable(package="tests")
class TinyAdversary(ImageModel):
    """Linear generator and critic of a generative adversarial network.

    critic:     softplus(-c(x)) + softplus(c(g(z)))        generator:     softplus(-c(g(z)))
    """

    def __init__(self, *, latent_dim=2, **kwargs):
        super().__init__(**kwargs)
        self.latent_dim = latent_dim
        pixels = int(tf.TensorShape(self.image_shape).num_elements())
        images, latent = keras.Input(self.image_shape), keras.Input((latent_dim,))
        flat = keras.layers.Flatten()(images)
        self.critic = keras.Model(images, _dense(1, self.seed)(flat))
        drawn = _dense(pixels, self.seed + 1)(latent)
        self.generator = keras.Model(latent, keras.layers.Reshape(self.image_shape)(drawn))

    def parameter_groups(self):
        return {
            "critic": self.critic.trainable_variables,
            "generator": self.generator.trainable_variables,
        }

    def call(self, images, training=False):
        """Returns the critic's score of each image."""
        return {"score": tf.cast(self.critic(self.preprocessing(images)), tf.float32)[:, 0]}

    def decode(self, latent):
        """Returns images from latent variables."""
        drawn = tf.cast(self.generator(latent), tf.float32)
        return {"image": self.preprocessing.inverse(drawn)}

    def critic_loss(self, images, seed):
        """Returns the critic's loss, and the generator's, (batch,) each."""
        noise = randomness.normal(tf.shape(images)[0], (self.latent_dim,), seed)
        real = tf.cast(self.critic(self.preprocessing(images)), tf.float32)[:, 0]
        drawn = tf.cast(self.critic(self.generator(noise)), tf.float32)[:, 0]
        return tf.nn.softplus(-real) + tf.nn.softplus(drawn), tf.nn.softplus(-drawn)

    def objective(self, batch, seed, training):
        critic, generator = self.critic_loss(batch["image"], seed)
        return {"loss": critic + generator, "critic": critic, "generator": generator}

    def train_step(self, batch):
        step = self.step_count
        batch = self.augmented(batch, randomness.step_seed(self.seed, step, purpose=1))
        terms = {}
        for turn, group in enumerate(self.parameter_groups()):
            seed = randomness.step_seed(self.seed, step, purpose=10 + turn)
            with tf.GradientTape() as tape:
                terms[group] = tf.reduce_mean(self.critic_loss(batch["image"], seed)[turn])
                loss = self.scaled_loss(terms[group], group)
            terms |= self.apply_gradients(tape, loss, group)
        return {"loss": terms["critic"] + terms["generator"], **terms}

    def get_config(self):
        return {**super().get_config(), "latent_dim": self.latent_dim}


def _dense(units, seed):
    initializer = keras.initializers.GlorotUniform(seed=seed)
    return keras.layers.Dense(units, kernel_initializer=initializer)


class TwoOptimizersTest(model_test_case.ZooModelTestCase):
    model_name = "tiny_adversary"
    hyperparameters = {"image_shape": (5, 5, 2), "seed": 2}
    output_shapes = {"score": ()}

    def setUp(self):
        super().setUp()
        self.enterContext(tiny_model.registered(self.model_name, TinyAdversary, "generation"))

    def test_each_group_has_its_optimiser(self):
        model = self.make(compiled=False)
        rates = {"critic": 1e-2, "generator": 1e-3}
        model.compile({name: keras.optimizers.SGD(rate) for name, rate in rates.items()})
        before = {n: [v.numpy() for v in g] for n, g in model.parameter_groups().items()}
        model.train_step(self.batch())
        self.assertEqual([o.iterations.numpy() for o in model.optimizers.values()], [1, 1])
        for name, group in model.parameter_groups().items():
            self.assertFalse(all(map(tf.reduce_all, map(tf.equal, before[name], group))), name)
        number = sum(len(optimizer.variables) for optimizer in model.optimizers.values())
        self.assertLen(model.optimizer_variables, number)
        # One optimiser stands for all: each group has one like it.
        model.compile(keras.optimizers.Adam(1e-3))
        self.assertEqual([type(o) for o in model.optimizers.values()], [keras.optimizers.Adam] * 2)
        self.assertIsNot(*model.optimizers.values())
        with self.assertRaisesRegex(ValueError, "one for each of critic, generator; got critic"):
            model.compile({"critic": keras.optimizers.SGD()})


if __name__ == "__main__":
    tf.test.main()
