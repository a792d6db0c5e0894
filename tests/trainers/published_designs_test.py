"""The `paper` recipes against the tables of facts of their sources, layer by layer."""

import contextlib
import itertools
import re

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

import zoo
from trainers import recipes
from trainers.errors import UserError
from zoo.layers.sky_views import SURVEYS, SkyViews

tfd = tfp.distributions


def built(model, recipe="paper", shape=(64, 64, 5), classes=("star", "galaxy"), **further):
    """Returns a model as the recipe makes it."""
    hyperparameters = {"image_shape": shape, **recipes.get(model, recipe).hyperparameters}
    if classes:
        hyperparameters["class_names"] = classes
    return zoo.create(model, **{**hyperparameters, **further})


def layers_of(network):
    """Returns (kind, filters or units, strides) of each layer that computes something."""
    facts = []
    for layer in network.layers:
        kind = type(layer).__name__
        if kind in ("InputLayer", "Flatten", "Reshape", "Functional"):
            continue
        size = getattr(layer, "filters", getattr(layer, "units", None))
        strides = getattr(layer, "strides", None)
        facts.append((kind, size, strides[0] if strides else None))
    return facts


class DecalsAutoencoderTest(tf.test.TestCase):
    """arXiv 2303.08627 and its public code."""

    def test_recipe(self):
        recipe = recipes.get("vae", "paper")
        self.assertEqual((recipe.epochs, recipe.batch_size, recipe.learning_rate), (50, 512, 1e-5))
        self.assertStartsWith(recipe.dataset, "galaxy_zoo_decals/gzd5")
        self.assertIn("image_size=256", recipe.dataset)
        # Without weight decay, schedule, clipping, warm-up and augmentation: plain Adam.
        for name in ("weight_decay", "schedule", "gradient_clip_norm", "warmup_steps"):
            self.assertIsNone(getattr(recipe, name))

    def test_networks(self):
        model = built("vae", shape=(256, 256, 3), classes=())
        stages = [
            each
            for filters in (32, 64, 128)
            for each in (
                ("Conv2D", filters, 2),
                ("MaxPooling2D", None, 2),
                ("LeakyReLU", None, None),
            )
        ]
        # Mean and logarithm of the standard deviation of 40 latents.
        self.assertEqual(layers_of(model.encoder), [*stages, ("Dense", 80, None)])
        self.assertEqual(model.encoder.layers[-3].output.shape, (None, 4, 4, 128))
        self.assertTrue(
            all(
                each.kernel_size == (3, 3)
                for each in model.encoder.layers
                if hasattr(each, "filters")
            )
        )
        stages = [
            each
            for filters in (64, 32, 3)
            for each in (
                ("UpSampling2D", None, None),
                ("Conv2DTranspose", filters, 2),
                ("LeakyReLU", None, None) if filters > 3 else ("ReLU", None, None),
            )
        ]
        self.assertEqual(layers_of(model.decoder), [("Dense", 4 * 4 * 128, None), *stages])
        self.assertEqual(
            {each.interpolation for each in model.decoder.layers if hasattr(each, "interpolation")},
            {"nearest"},
        )
        self.assertEqual(model.decoder.output_shape, (None, 256, 256, 3))

    def test_loss_is_the_summed_squared_error_and_the_summed_divergence(self):
        model = built("vae", shape=(32, 32, 3), classes=())
        rng = np.random.default_rng(0)
        images = rng.integers(0, 256, (4, 32, 32, 3)).astype(np.float32)
        model.adapt(images)
        seed = tf.constant([1, 2])
        terms = model.objective({"image": tf.constant(images)}, seed, training=False)
        q = model.infer(tf.constant(images))
        mean, stddev = q.mean().numpy(), q.stddev().numpy()
        divergence = 0.5 * np.sum(mean**2 + stddev**2 - 1 - 2 * np.log(stddev), axis=1)
        drawn = model.decoder(model.sample(q, seed)).numpy()
        squared = np.sum((images / 255 - drawn) ** 2, axis=(1, 2, 3))
        # Divided by the number of pixels, which Adam does not notice.
        self.assertAllClose(terms["loss"], (squared + divergence) / (32 * 32 * 3), rtol=1e-4)


class StarGalaxyReportTest(tf.test.TestCase):
    """Sun et al. 2017; what it does not state is in `trainers.recipes.star_galaxy.published`."""

    designs = (
        ("vae", "star_galaxy_paper", {}),
        ("vae_mixture", "paper", {}),
        ("vae_wasserstein", "paper", {"divergence": "aw"}),
        ("vae_wasserstein", "paper", {"divergence": "pw"}),
        ("vae_wasserstein", "paper", {"divergence": "sc"}),
        ("cvae", "paper", {}),
        ("ae_vae", "paper", {}),
    )

    def test_networks_are_convolutional_and_nothing_else_is_measured(self):
        for name, recipe, further in self.designs:
            with self.subTest(name, **further):
                model = built(name, recipe, **further)
                networks = [model.encoder, model.decoder]
                if name == "ae_vae":
                    networks = [model.feature_encoder, model.feature_decoder]
                kinds = {type(each).__name__ for each in networks[0].layers}
                self.assertEqual(kinds, {"InputLayer", "Conv2D", "LeakyReLU", "Flatten", "Dense"})
                kinds = {type(each).__name__ for each in networks[1].layers}
                self.assertEqual(
                    kinds, {"InputLayer", "Dense", "Reshape", "Conv2DTranspose", "LeakyReLU"}
                )
                self.assertEqual(networks[0].input_shape[1:], (64, 64, 5))
                self.assertEmpty(model.apertures)
                self.assertFalse(model.augment)

    def test_reconstruction_is_the_summed_squared_error(self):
        model = built("vae_mixture", shape=(16, 16, 2))
        x, drawn = (np.random.default_rng(i).normal(size=(3, 16, 16, 2)) for i in range(2))
        expected = np.sum((np.arcsinh(x) - drawn) ** 2, axis=(1, 2, 3))
        loss = model.reconstruction_loss(tf.constant(x, tf.float32), tf.constant(drawn))
        self.assertAllClose(loss, expected, rtol=1e-4)

    def test_prior_has_two_fixed_modes(self):
        grid = np.linspace(-4, 4, 801, dtype=np.float32)
        for name, recipe, further in self.designs[1:]:
            with self.subTest(name, **further):
                prior = built(name, recipe, **further).prior
                density = tf.exp(prior.log_prob_mixed(grid[:, None])).numpy()
                normals = [tfd.Normal(m, 0.5).prob(grid).numpy() for m in (-1.0, 1.0)]
                self.assertAllClose(density, 0.5 * sum(normals), atol=1e-5)
                peaks = (density[1:-1] > density[:-2]) & (density[1:-1] > density[2:])
                self.assertEqual(peaks.sum(), 2)
                self.assertEmpty(prior.trainable_variables)

    def test_cvae_constrains_one_unit(self):
        model = built("cvae", shape=(16, 16, 2))
        q = model.posterior(tf.random.stateless_normal((5, model.posterior.n_params), [0, 1]))
        latent = model.sample(q, tf.constant([0, 0]))
        self.assertAllEqual(latent[:, 1:], q.mean()[:, 1:])
        (divergence,) = model.divergences(q, latent, tf.constant([0, 0])).values()
        unit = tfd.Normal(q.mean()[:, 0], q.stddev()[:, 0])
        prior = tfd.MixtureSameFamily(
            tfd.Categorical(probs=[0.5, 0.5]), tfd.Normal([-1.0, 1.0], [0.5, 0.5])
        )
        expected = unit.log_prob(latent[:, 0]) - prior.log_prob(latent[:, 0])
        self.assertAllClose(divergence, expected, rtol=1e-4)

    def test_hierarchy_has_about_thirty_units_below_and_few_above(self):
        model = built("ae_vae")
        self.assertEqual(model.feature_encoder.output_shape, (None, 30))
        self.assertEqual(model.latent_dim, 2)
        self.assertEqual(model.mode, "hierarchical")


class HypercolumnsTest(tf.test.TestCase):
    """Sun et al. 2017, "AE + Hypercolumns": figures with and without residual connections."""

    def test_k_means_of_all_pixels_on_the_encoder_alone(self):
        model = built("hypercolumn_segmentation", shape=(16, 16, 5))
        self.assertTrue(model.residual)
        self.assertEqual((model.maps, model.hidden, model.mostly_sky), ("encoder", 0.0, False))
        # As many components as channels only turn the hypercolumns.
        self.assertEqual(model.components, sum(model.filters))
        draws = np.random.default_rng(0)
        images = draws.normal(size=(24, 16, 16, 5)).astype(np.float32)
        images[:, 4:8, 4:8] += draws.uniform(0, 30, (24, 1, 1, 1))
        model.adapt(images)
        model.finalize(images)
        columns, axes = model.hypercolumns(images), model.projection.axes.numpy()
        self.assertAllClose(axes.T @ axes, np.eye(model.components), atol=1e-3)
        spread = [np.std(part, axis=(0, 1, 2)) for part in np.split(columns, [16, 48], axis=-1)]
        # Each channel by its standard deviation, each stage as much as the others.
        self.assertAllClose(spread[0], np.full(16, 1 / 16**0.5), rtol=1e-3)
        total = [np.sum(np.square(each)) for each in spread]
        self.assertAllInRange(total, 0.5, 1.001)


class MorpheusTest(tf.test.TestCase):
    """arXiv 1906.11248 and its released code."""

    def test_schedule(self):
        recipe = recipes.get("morpheus", "paper")
        self.assertEqual((recipe.epochs, recipe.learning_rate), (500, 9.93e-4))
        # Windows, not images, are what a batch has 200 of.
        self.assertEqual(recipe.batch_size * recipe.hyperparameters["windows"], 200)
        self.assertEqual(recipe.schedule, None)

    def test_network_and_windows(self):
        model = built("morpheus", shape=(64, 64, 4), classes=())
        expected = ("spheroid", "disk", "irregular", "point_source", "background")
        self.assertEqual(model.class_names, expected)
        self.assertEqual((model.window_size, model.margin, model.stride), (40, 5, 1))
        self.assertEqual((model.balance, model.dice, model.dropout), (1.0, 1.0, 0.5))
        self.assertEqual(model.filters, (8, 16, 32))
        convolutions = (model.down_convolutions, model.up_convolutions, model.middle_filters)
        self.assertEqual(convolutions, (4, 2, 16))
        # Each band of a window, and 1 / sqrt(N) for one that is all but constant.
        self.assertFalse(model.across_bands)
        self.assertLen(model.network.blocks, 3 * 4 + 1 + 3 * 2)
        # 0.9 MB with the moments of Adam.
        megabytes = 3 * 4 * model.network.count_params() / 1e6
        self.assertBetween(megabytes, 0.85, 0.95)


class DeblendingTest(tf.test.TestCase):
    """Arcelin et al. 2021 (arXiv 2005.12039) and its public code."""

    def test_recipe(self):
        recipe = recipes.get("deblending_vae", "paper")
        self.assertEqual((recipe.batch_size, recipe.learning_rate), (100, 1e-4))
        for name in ("weight_decay", "schedule", "gradient_clip_norm", "warmup_steps"):
            self.assertIsNone(getattr(recipe, name))
        model = built("deblending_vae", shape=(64, 64, 6), classes=())
        self.assertEqual((model.beta, model.flux_error, model.latent_dim), (0.01, 0.0, 32))
        self.assertEqual((model.posterior_name, model.likelihood), ("diagonal", "bernoulli"))
        self.assertFalse(model.augment)

    def test_networks(self):
        model = built("deblending_vae", shape=(64, 64, 6), classes=())
        relu = ("PReLU", None, None)
        stages = [
            each
            for filters in (32, 64, 128, 256)
            for strides in (1, 2)
            for each in (("Conv2D", filters, strides), relu)
        ]
        first = ("GlobalBatchNormalization", None, None)
        last = [("Dense", 256, None), relu, ("Dense", 64, None)]
        self.assertEqual(layers_of(model.encoder), [first, *stages, *last])
        stages = [
            each
            for filters in (256, 128, 64, 32)
            for strides in (2, 1)
            for each in (("Conv2DTranspose", filters, strides), relu)
        ]
        dense = [("Dense", 256, None), relu, ("Dense", 4 * 4 * 256, None), relu]
        self.assertEqual(layers_of(model.decoder), [*dense, *stages, ("Conv2D", 6, 1)])

    def test_normalisation(self):
        layer = built("deblending_vae", shape=(16, 16, 2), classes=()).preprocessing
        images = np.random.default_rng(0).normal(0, 50, (5, 16, 16, 2)).astype(np.float32)
        layer.adapt(images)
        scale = images.max(axis=(1, 2)).mean(axis=0) / 2.5
        y = np.tanh(np.arcsinh(images / scale))
        self.assertAllClose(layer(images), y, atol=1e-5)
        y = np.linspace(-0.999, 0.999, 32).reshape(1, 4, 4, 2)
        self.assertAllClose(
            layer.inverse(tf.constant(y, tf.float32)), np.sinh(np.arctanh(y)) * scale, rtol=1e-3
        )


class MorphologyTest(tf.test.TestCase):
    def test_dominguez_sanchez_2018(self):
        recipe = recipes.get("gz_cnn", "paper")
        self.assertEqual((recipe.epochs, recipe.batch_size, recipe.rotation), (50, 30, 45.0))
        model = built("gz_cnn", shape=(69, 69, 3), classes=("edge-on", "something-else"))
        convolutions = [
            (each.filters, each.kernel_size[0], each.activation.__name__)
            for stage in model.stages
            for each in stage.layers
            if isinstance(each, keras.layers.Conv2D)
        ]
        filters, sides = (32, 64, 128, 128), (6, 5, 2, 3)
        self.assertEqual(
            convolutions, [(*each, "relu") for each in zip(filters, sides, strict=True)]
        )
        self.assertEqual(model.units, 64)
        self.assertTrue(model.balanced)

    def test_walmsley_2019(self):
        model = built("gz_bayesian_cnn", shape=(128, 128, 3), classes=())
        stages = [
            each
            for widths in ((32, 32), (64, 64), (128,), (128,))
            for each in (*(("Conv2D", width, 1) for width in widths), ("MaxPooling2D", None, 2))
        ]
        self.assertEqual(layers_of(model.encoder), stages)
        self.assertEqual((model.units, model.dropout), ((128,), 0.5))
        self.assertEqual(model.likelihood, "binomial")

    def test_walmsley_2022(self):
        recipe = recipes.get("gz_backbone", "paper")
        self.assertEqual((recipe.batch_size, recipe.learning_rate, recipe.patience), (128, 1e-3, 8))
        expected = {"architecture": "efficientnet_b0", "grey": True, "lowest_concentration": 1.0}
        self.assertLessEqual(expected.items(), dict(recipe.hyperparameters).items())
        self.assertEqual(zoo.create("gz_backbone").dropout, 0.2)


class BlendHunterTest(tf.test.TestCase):
    """arXiv 2110.08180 and its published weights."""

    def test_schedule(self):
        recipe = recipes.get("blendhunter", "paper")
        self.assertEqual((recipe.epochs, recipe.batch_size, recipe.learning_rate), (500, 250, 1e-3))
        self.assertEqual((recipe.patience, recipe.min_delta), (10, 1e-3))
        plateau = (recipe.plateau_factor, recipe.plateau_patience, recipe.plateau_cooldown)
        self.assertEqual(plateau, (0.5, 5, 2))
        self.assertEqual(recipe.pad, 7)

    def test_networks(self):
        model = built(
            "blendhunter", shape=(65, 65, 1), classes=("isolated", "blended"), weights="none"
        )
        self.assertEqual(model.head.units, (256, 512))
        self.assertEqual(
            [each.activation.__name__ for each in model.head.hidden], ["linear", "relu"]
        )
        self.assertEqual((model.head.dropout, model.head.outputs), (0.1, 1))
        self.assertEqual(model.head.inputs, 2 * 2 * 512)


class ContrastiveTest(tf.test.TestCase):
    """Stein et al. 2021 (arXiv 2110.13151) and its public code."""

    def test_settings(self):
        recipe = recipes.get("contrastive", "paper")
        self.assertEqual((recipe.batch_size, recipe.weight_decay), (256, 1e-4))
        self.assertEqual(recipe.schedule, "cosine")
        model = built("contrastive", shape=(152, 152, 3), classes=(), queue=8)
        self.assertEqual(recipe.hyperparameters["queue"], 65536)
        self.assertEqual((model.method, model.temperature, model.momentum), ("moco", 0.2, 0.996))
        self.assertEqual(model.preprocessed_shape, (96, 96, 3))
        self.assertEqual((model.latent_dim, model.projection), (512, 128))

    def test_views(self):
        legacy = SURVEYS["legacy"]
        self.assertEqual(legacy["extinction"], (1.2856, 0.866, 0.4844))
        self.assertEqual(legacy["reddening"], (0.67306, 0.001146, 0.03338))
        layer = SkyViews(**legacy)
        self.assertEqual((layer.zoom, layer.shift), ((0.9, 1.1), 7.0))
        # Of the median image: seeing in arcseconds, and noise in nanomaggies.
        seeing = [0.262 * 2.355 * (loc + scale) for _, loc, scale in layer.seeing]
        self.assertAllClose(seeing, [1.48, 1.33, 1.24], atol=0.01)
        noise = [loc + scale for _, loc, scale in layer.noise]
        self.assertAllClose(noise, [0.00309, 0.00438, 0.01174], atol=1e-5)


class SpectrumVAETest(tf.test.TestCase):
    """Portillo et al. 2020 and its code, the network with ten latents."""

    def test_paper(self):
        recipe = recipes.get("spectrum_vae", "paper")
        model = zoo.create("spectrum_vae", **recipe.hyperparameters)
        self.assertEqual((model.bins, model.hidden, model.latent_dim), (1000, (549, 110), 10))
        # Without a linear part: layers and biases of encoder and decoder.
        sizes = ((1000, 549, 110, 20), (10, 110, 549, 1000))
        expected = sum(a * b + b for net in sizes for a, b in itertools.pairwise(net))
        self.assertEqual(sum(np.prod(v.shape) for v in model.trainable_variables), expected)
        # 1 / 2e6 of spectra of norm 1, whose 1000 bins have an rms of 1 / sqrt(1000).
        self.assertAllClose(model.model_error, np.sqrt(1000 / 2e6), atol=5e-4)
        self.assertEqual((recipe.batch_size, recipe.learning_rate), (64, 1e-3))
        self.assertEqual((recipe.epochs, recipe.plateau_patience, recipe.patience), (200, 5, 10))
        options = dict(re.findall(r"(\w+)=(\d+)", recipe.dataset))
        self.assertEqual(sum(map(int, options.values())), 64_000)
        self.assertEqual(int(options["num_train"]), 48_000)


class EveryRecipeTest(tf.test.TestCase):
    def test_every_paper_recipe_is_read_here(self):
        """A new `paper` recipe comes with its table of facts."""
        with_paper = set()
        for model in zoo.list_models():
            with contextlib.suppress(UserError):
                recipes.get(model, "paper")
                with_paper.add(model)
        here = {name for name, recipe, _ in StarGalaxyReportTest.designs if recipe == "paper"}
        here |= {"vae", "gz_cnn", "gz_bayesian_cnn", "gz_backbone", "blendhunter"}
        here |= {"contrastive", "deblending_vae", "hypercolumn_segmentation", "morpheus"}
        here |= {"image_to_spectrum", "photo_z", "spectrum_vae", "vq_vae", "wgan"}
        # Not the paper's network, but its data.
        self.assertEqual(with_paper, here | {"blend_cnn"})


if __name__ == "__main__":
    tf.test.main()
