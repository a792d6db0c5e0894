"""Contract of preprocessing layers, and the arithmetic of each against NumPy."""

import json

import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from astropy import stats

from zoo import preprocessing

SHAPE = (24, 20, 3)

SPECS = {
    "asinh": "asinh",
    "asinh_given": {"name": "asinh", "scale": [1.0, 2.0, 3.0], "norm": 4.0},
    "background_noise": "background_noise",
    "band_asinh": "band_asinh",
    "band_asinh_bounded": {"name": "band_asinh", "unit": "peak", "bounded": True},
    "centre_crop": {"name": "centre_crop", "size": 9},
    "chain": ["background_noise", "asinh", {"name": "centre_crop", "size": 16}],
    "empty_chain": [],
    "fit_stamp": {"name": "fit_stamp", "size": 22},
    "flux": "flux",
    "luptitudes": {"name": "luptitudes", "zeropoint": [22.5, 22.4, 22.6], "softening": 1e-9},
    "min_max_8bit": "min_max_8bit",
    "rescale": {"name": "rescale", "unit": 16.0},
    "resize": {"name": "resize", "height": 12, "width": 31},
    "sky_clip": "sky_clip",
    "standardize": "standardize",
}

# Layers that lose something: pixels, sign and depth.
LOSSY = ("centre_crop", "chain", "fit_stamp", "min_max_8bit", "resize", "sky_clip")


def galaxies(number=6, seed=0):
    """Returns bright blobs on skies that differ in level and noise from image to image."""
    draws = np.random.default_rng(seed)
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    radius2 = (y - (SHAPE[0] - 1) / 2) ** 2 + (x - (SHAPE[1] - 1) / 2) ** 2
    flux = draws.uniform(20, 300, (number, 1, 1, 1)) * np.array([0.5, 1.0, 1.5])
    sigma = draws.uniform(0.5, 2, (number, 1, 1, SHAPE[2]))
    sky = draws.uniform(-3, 3, (number, 1, 1, SHAPE[2]))
    noise = sigma * draws.normal(size=(number, *SHAPE))
    return (flux * np.exp(-radius2 / 8)[..., None] + sky + noise).astype(np.float32)


class EveryLayerTest(tf.test.TestCase, parameterized.TestCase):
    def adapted(self, name):
        layer = preprocessing.make(SPECS[name])
        layer.adapt(galaxies())
        return layer

    @parameterized.parameters(*SPECS)
    def test_shape_dtype_and_finite_gradient(self, name):
        layer = self.adapted(name)
        images = tf.constant(galaxies())
        with tf.GradientTape() as tape:
            tape.watch(images)
            x = layer(images)
        self.assertEqual(x.dtype, tf.float32)
        self.assertEqual(tuple(x.shape[1:]), layer.compute_output_shape((None, *SHAPE))[1:])
        if name != "min_max_8bit":  # Its steps are flat.
            self.assertTrue(np.isfinite(tape.gradient(x, images)).all())

    @parameterized.parameters(*SPECS)
    def test_inverse_gives_the_images_back(self, name):
        layer, images = self.adapted(name), galaxies()
        again = layer.inverse(layer(images), like=images)
        self.assertEqual(again.shape, images.shape)
        if name not in LOSSY:
            self.assertAllClose(again, images, rtol=1e-3, atol=1e-3)
        typical = layer.inverse(layer(images))
        self.assertEqual(typical.shape, images.shape)
        self.assertTrue(np.isfinite(typical).all())

    @parameterized.parameters(*SPECS)
    def test_compiled_and_at_any_batch_size_it_is_the_same(self, name):
        layer = self.adapted(name)
        spec = [tf.TensorSpec((None, *SHAPE))]
        for jit in (False, True):
            function = tf.function(layer, input_signature=spec, jit_compile=jit)
            for number in (1, 4):
                images = galaxies(number)
                self.assertAllClose(function(images), layer(images), rtol=1e-5, atol=1e-5)

    @parameterized.parameters(*SPECS)
    def test_configuration_and_weights_make_the_same_layer(self, name):
        layer, images = self.adapted(name), galaxies()
        config = json.loads(json.dumps(keras.saving.serialize_keras_object(layer)))
        again = preprocessing.make(config)
        if not again.built:
            again.build((None, *SHAPE))
        self.assertLen(again.weights, len(layer.weights))
        again.set_weights(layer.get_weights())
        self.assertAllEqual(again(images), layer(images))
        self.assertEmpty(layer.trainable_weights)

    @parameterized.parameters(*SPECS)
    def test_statistics_live_in_a_saved_keras_model(self, name):
        layer, images = self.adapted(name), galaxies()
        inputs = keras.Input(SHAPE)
        path = self.get_temp_dir() + "/model.keras"
        keras.Model(inputs, layer(inputs)).save(path)
        again = keras.models.load_model(path)
        self.assertAllClose(again(images), layer(images), rtol=1e-6, atol=1e-6)

    @parameterized.parameters(*SPECS)
    def test_mixed_precision_stays_in_float32(self, name):
        expected = self.adapted(name)(galaxies())
        self.addCleanup(keras.config.set_dtype_policy, keras.config.dtype_policy())
        keras.config.set_dtype_policy("mixed_float16")
        x = self.adapted(name)(galaxies())
        self.assertEqual(x.dtype, tf.float32)
        self.assertAllClose(x, expected)

    @parameterized.parameters(*SPECS)
    def test_a_blank_image_stays_finite(self, name):
        x = self.adapted(name)(np.zeros((1, *SHAPE), np.float32))
        self.assertTrue(np.isfinite(x).all())

    @parameterized.parameters("asinh", "background_noise", "flux")
    def test_images_without_noise_do_not_blow_up(self, name):
        images = np.zeros((4, *SHAPE), np.float32)
        images[:, 8:14, 8:14] = np.arange(1, 5).reshape(-1, 1, 1, 1) * 50.0
        layer = preprocessing.make(name)
        layer.adapt(images)
        self.assertLess(np.abs(layer(images)).max(), 1e3)
        self.assertAllClose(layer.inverse(layer(images), like=images), images, rtol=1e-4)

    def test_adapt_refuses_what_has_no_statistics(self):
        layer = preprocessing.make("asinh")
        images = galaxies()
        images[2, 3, 4, 1] = np.nan
        with self.assertRaisesRegex(ValueError, "must be finite; image 2 is not"):
            layer.adapt(images)
        with self.assertRaisesRegex(ValueError, r"at least one image; got \(0, 24, 20, 3\)"):
            layer.adapt(galaxies(0))


class AsinhStretchTest(tf.test.TestCase):
    def test_given_scale(self):
        images = galaxies()
        x = preprocessing.AsinhStretch(scale=[1.0, 2.0, 4.0], norm=3.0)(images)
        self.assertAllClose(x, np.arcsinh(images / np.array([1.0, 2.0, 4.0])) / 3.0)

    def test_adapts_to_the_robust_scatter_of_each_band(self):
        images, layer = galaxies(), preprocessing.AsinhStretch()
        layer.adapt(images)
        pixels = images.reshape(-1, 3)
        self.assertAllClose(layer.softening, stats.mad_std(pixels, axis=0), rtol=1e-4)
        self.assertAllClose(layer.offset, np.median(pixels, axis=0), atol=1e-6)

    def test_bad_arguments(self):
        with self.assertRaisesRegex(ValueError, "scale .* must be positive; got -1"):
            preprocessing.AsinhStretch(scale=-1)
        with self.assertRaisesRegex(ValueError, "norm .* must be positive; got 0"):
            preprocessing.AsinhStretch(norm=0)
        with self.assertRaisesRegex(ValueError, r"each of the 3 bands; got \[1.0, 2.0\]"):
            preprocessing.AsinhStretch(scale=[1.0, 2.0]).build((None, *SHAPE))


class BackgroundNoiseNormalizationTest(tf.test.TestCase):
    def test_median_and_scatter_of_the_border(self):
        images = galaxies()
        frame = np.ones(SHAPE[:2], bool)
        frame[3:-3, 3:-3] = False
        pixels = images[:, frame]
        sky, sigma = np.median(pixels, axis=1), stats.mad_std(pixels, axis=1)
        x = preprocessing.BackgroundNoiseNormalization(border=3)(images)
        expected = (images - sky[:, None, None]) / sigma[:, None, None]
        self.assertAllClose(x, expected, rtol=1e-4, atol=1e-4)

    def test_an_even_and_an_odd_number_of_border_pixels(self):
        for height in (6, 7):
            images = np.random.default_rng(1).normal(size=(2, height, 3, 1)).astype(np.float32)
            layer = preprocessing.BackgroundNoiseNormalization(border=2)  # The entire image.
            self.assertAllClose(np.median(layer(images), axis=(1, 2, 3)), [0, 0], atol=1e-6)

    def test_a_neighbour_in_the_border_hardly_matters(self):
        # The border has 224 pixels. The median of n normal numbers scatters by 1.25 / sqrt(n),
        # and the tenth of pixels that a neighbour takes shifts it by 0.14: 0.14 + 4.2 * 0.084
        # fails once in 40,000 seeds.
        sky = np.random.default_rng(2).normal(100, 2, (1, 32, 32, 1)).astype(np.float32)
        sky[:, :6, :4] += 1000
        layer = preprocessing.BackgroundNoiseNormalization(border=2)
        layer.build(sky.shape)
        background, noise = layer._background_and_noise(sky)
        self.assertAllClose(background, [[[[100]]]], atol=2 * 0.49)
        self.assertAllClose(noise, [[[[2]]]], rtol=0.4)

    def test_the_floor_is_a_tenth_of_the_typical_noise(self):
        images, layer = galaxies(), preprocessing.BackgroundNoiseNormalization()
        layer.adapt(images)
        blank = np.zeros((1, *SHAPE), np.float32)
        blank[:, 12, 10] = 1.0
        typical = layer.typical_noise.numpy()
        self.assertAllClose(layer(blank)[0, 12, 10], 10 / typical, rtol=1e-5)

    def test_bad_arguments(self):
        with self.assertRaisesRegex(ValueError, "border .* at least 1 px; got 0"):
            preprocessing.BackgroundNoiseNormalization(border=0)
        with self.assertRaisesRegex(ValueError, "floor .* must be positive; got 0"):
            preprocessing.BackgroundNoiseNormalization(floor=0)


class FluxNormalizationTest(tf.test.TestCase):
    def test_brightness_and_sky_do_not_matter_to_a_bright_object(self):
        images = galaxies(1)
        layer = preprocessing.FluxNormalization(aperture=5)
        self.assertAllClose(layer(images * 7), layer(images), rtol=1e-5)
        rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
        disc = np.hypot(rows - 11.5, columns - 9.5) <= 5
        frame = np.ones(SHAPE[:2], bool)
        frame[2:-2, 2:-2] = False
        sky = np.median(images[:, frame], axis=1)
        flux = (images[:, disc].mean(axis=1) - sky).mean()
        self.assertAllClose(layer(images), images / flux, rtol=1e-4, atol=1e-5)

    def test_no_object_is_divided_by_the_noise_of_its_flux(self):
        draws = np.random.default_rng(3)
        sky = draws.normal(0, 2, (1, *SHAPE)).astype(np.float32)
        sky[:, 6:-6, 6:-6] -= 5
        layer = preprocessing.FluxNormalization(aperture=5, significance=4, border=5)
        disc = 80  # Pixels within 5 px of the centre of an even grid.
        frame = np.ones(SHAPE[:2], bool)
        frame[5:-5, 5:-5] = False
        sigma = stats.mad_std(sky[0, frame], axis=0)
        floor = 4 * np.sqrt((sigma**2).sum() / disc) / 3
        self.assertAllClose(layer(sky), sky / floor, rtol=1e-3)

    def test_bad_arguments(self):
        with self.assertRaisesRegex(ValueError, "aperture .* must be positive; got 0"):
            preprocessing.FluxNormalization(aperture=0)


class LuptitudesTest(tf.test.TestCase):
    def test_the_sdss_definition(self):
        # sdss.org/dr16/algorithms/magnitudes: b for u, g, r and the magnitude of zero flux.
        softening, zero = [1.4e-10, 0.9e-10, 1.2e-10], [24.63, 25.11, 24.80]
        layer = preprocessing.Luptitudes(zeropoint=22.5, softening=softening)
        x = layer(np.zeros((1, 2, 2, 3), np.float32))
        self.assertAllClose(x[0, 0, 0], zero, atol=0.01)

    def test_bright_pixels_have_their_magnitude(self):
        flux = np.full((1, 2, 2, 1), 1e4, np.float32)
        x = preprocessing.Luptitudes(zeropoint=25.0, softening=1e-10)(flux)
        self.assertAllClose(x, 25.0 - 2.5 * np.log10(flux), atol=1e-4)

    def test_bad_arguments(self):
        with self.assertRaisesRegex(ValueError, "softening .* must be positive; got 0"):
            preprocessing.Luptitudes(softening=0)


class MinMax8BitTest(tf.test.TestCase):
    def test_equals_the_cast_to_8_bit(self):
        images = galaxies()
        magnitude = np.abs(images)
        scaled = magnitude * np.float32(255) / magnitude.max(axis=(1, 2, 3), keepdims=True)
        x = preprocessing.MinMax8Bit()(images)
        self.assertAllClose(x * 255, scaled.astype(np.uint8), atol=1e-4)

    def test_inverse_is_within_one_level(self):
        images = galaxies()
        layer = preprocessing.MinMax8Bit()
        error = np.abs(layer.inverse(layer(images), like=images) - np.abs(images))
        level = np.abs(images).max(axis=(1, 2, 3)) / 255
        self.assertAllLess(error.max(axis=(1, 2, 3)) / level, 1.001)


class CentreCropTest(tf.test.TestCase):
    def test_cuts_the_centre_and_puts_it_back(self):
        images = galaxies()
        layer = preprocessing.CentreCrop(10)
        x = layer(images)
        self.assertAllEqual(x, images[:, 7:17, 5:15])
        self.assertEqual(layer.window(*SHAPE[:2]), (slice(7, 17), slice(5, 15)))
        alone = layer.inverse(x).numpy()
        self.assertAllEqual(alone[:, 7:17, 5:15], x)
        self.assertAllClose(alone.sum(), tf.reduce_sum(x).numpy(), rtol=1e-5)

    def test_the_frame_is_the_sky_of_each_image(self):
        images = galaxies()
        border = np.ones(SHAPE[:2], bool)
        border[2:-2, 2:-2] = False
        sky = np.median(images[:, border], axis=1)[:, None, None]
        expected = np.broadcast_to(sky, images.shape).copy()
        crop = {"name": "centre_crop", "size": 10}
        for layers in ([crop], ["background_noise", crop], ["luptitudes", crop]):
            chain = preprocessing.make(layers)
            chain.adapt(images)
            again = chain.inverse(chain(images), like=images).numpy()
            expected[:, 7:17, 5:15] = images[:, 7:17, 5:15]
            self.assertAllClose(again, expected, rtol=1e-3, atol=1e-3)

    def test_an_image_smaller_than_the_square(self):
        images = galaxies()
        layer = preprocessing.CentreCrop(32)
        self.assertAllEqual(layer(images), images[:, 2:22])
        self.assertEqual(layer.compute_output_shape((None, *SHAPE)), (None, 20, 20, 3))
        self.assertEqual(layer.inverse(layer(images), like=images).shape, images.shape)

    def test_bad_arguments(self):
        with self.assertRaisesRegex(ValueError, "size .* at least 1 px; got 0"):
            preprocessing.CentreCrop(0)


class FitStampTest(tf.test.TestCase):
    def test_mirrors_as_numpy_does(self):
        images = galaxies()
        for size in (24, 25, 30, 90):
            layer = preprocessing.FitStamp(size)
            gaps = [size - length for length in SHAPE[:2]]
            sides = [(0, 0), *((gap // 2, gap - gap // 2) for gap in gaps), (0, 0)]
            x = layer(images)
            self.assertAllEqual(x, np.pad(images, sides, mode="symmetric"))
            self.assertAllEqual(layer.inverse(x), images)
            zeros = preprocessing.FitStamp(size, padding="zeros")(images)
            self.assertAllEqual(zeros, np.pad(images, sides))

    def test_cuts_what_is_larger(self):
        images = galaxies()
        x = preprocessing.FitStamp(11)(images)
        self.assertAllEqual(x, images[:, 6:17, 4:15])
        both = preprocessing.FitStamp(22)(images)
        self.assertAllEqual(both[:, :, 1:21], images[:, 1:23])

    def test_the_image_may_have_another_size_than_before(self):
        layer = preprocessing.FitStamp(16)
        spec = [tf.TensorSpec((None, None, None, 3), tf.float32)]
        function = tf.function(layer, input_signature=spec)
        images = galaxies()
        for side in (12, 16, 19):
            x = function(images[:, :side, :side])
            self.assertEqual(x.shape, (6, 16, 16, 3))
            self.assertAllEqual(x, preprocessing.FitStamp(16)(images[:, :side, :side]))

    def test_goes_before_what_does_not_begin_with_one(self):
        chain = preprocessing.fitted("min_max_8bit", 16)
        self.assertEqual(
            [type(layer).__name__ for layer in chain.layers], ["FitStamp", "MinMax8Bit"]
        )
        self.assertIs(preprocessing.fitted(chain, 12), chain)
        alone = preprocessing.FitStamp(9)
        self.assertIs(preprocessing.fitted(alone, 12), alone)

    def test_bad_arguments(self):
        with self.assertRaisesRegex(ValueError, "size .* at least 1 px; got 0"):
            preprocessing.FitStamp(0)
        with self.assertRaisesRegex(ValueError, "one of mirror, zeros; got 'edge'"):
            preprocessing.FitStamp(9, padding="edge")


class MakeTest(tf.test.TestCase):
    def test_specifications(self):
        layer = preprocessing.AsinhStretch()
        self.assertIs(preprocessing.make(layer), layer)
        self.assertEqual(preprocessing.make({"name": "centre_crop", "size": 8}).size, 8)
        chain = preprocessing.make(["background_noise", layer])
        self.assertIs(chain.layers[1], layer)

    def test_windows_of_a_chain_lie_in_each_other(self):
        crops = [{"name": "centre_crop", "size": size} for size in (12, 6)]
        chain = preprocessing.make(["asinh", *crops])
        rows, columns = chain.window(*SHAPE[:2])
        images = galaxies()
        chain.build(images.shape)
        self.assertAllClose(chain(images), np.arcsinh(images[:, rows, columns]))

    def test_chain_applies_and_adapts_in_order(self):
        images = galaxies()
        chain = preprocessing.make(["background_noise", "asinh"])
        chain.adapt(images)
        first = preprocessing.make("background_noise")
        first.adapt(images)
        second = preprocessing.make("asinh")
        second.adapt(first(images).numpy())
        self.assertAllClose(chain(images), second(first(images)), rtol=1e-5, atol=1e-5)

    def test_errors_say_what_there_is(self):
        with self.assertRaisesRegex(
            ValueError, r"'asin' \(did you mean 'asinh'\?\); there are: .*flux"
        ):
            preprocessing.make("asin")
        with self.assertRaisesRegex(ValueError, "preprocessing 'asinh': .*'skale'"):
            preprocessing.make({"name": "asinh", "skale": 1})
        with self.assertRaisesRegex(ValueError, "'Dense' is not a preprocessing layer"):
            preprocessing.make(keras.saving.serialize_keras_object(keras.layers.Dense(1)))
        with self.assertRaisesRegex(ValueError, "'asinh' is already registered"):
            preprocessing.register("asinh")(preprocessing.AsinhStretch)


if __name__ == "__main__":
    tf.test.main()
