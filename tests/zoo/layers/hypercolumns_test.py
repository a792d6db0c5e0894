import numpy as np
import tensorflow as tf
from scipy.interpolate import RegularGridInterpolator
from scipy.stats import median_abs_deviation
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from zoo.layers.hypercolumns import HypercolumnComponents

SIZE = (11, 10)
CHANNELS, FACTORS = (3, 2, 4), (1, 2, 4)


def _maps(number=2):
    draws = np.random.default_rng(0)
    return [
        draws.normal(scale=scale, size=(number, -(-SIZE[0] // f), -(-SIZE[1] // f), channels))
        for channels, f, scale in zip(CHANNELS, FACTORS, (1.0, 5.0, 0.1), strict=True)
    ]


def _interpolated(values, factor):
    """A map of one channel at the centres of the pixels, by SciPy; constant beyond its edge."""
    rows, columns = (factor * (np.arange(n) + 0.5) - 0.5 for n in values.shape)
    at = RegularGridInterpolator((rows, columns), values)
    places = np.meshgrid(
        np.clip(np.arange(SIZE[0]), rows[0], rows[-1]),
        np.clip(np.arange(SIZE[1]), columns[0], columns[-1]),
        indexing="ij",
    )
    return at(np.stack(places, axis=-1))


class HypercolumnComponentsTest(tf.test.TestCase):
    def columns(self, layer, maps):
        tensors = [tf.constant(each, tf.float32) for each in maps]
        return layer.columns(tensors, SIZE).numpy(), layer(tensors, size=SIZE).numpy()

    def test_columns_are_interpolated_between_the_centres_of_the_pixels(self):
        maps = _maps()
        columns, _ = self.columns(HypercolumnComponents(CHANNELS, FACTORS, components=3), maps)
        self.assertEqual(columns.shape, (2, *SIZE, sum(CHANNELS)))
        expected = [
            _interpolated(each[1, ..., channel], factor) / each.shape[-1] ** 0.5
            for each, factor in zip(maps, FACTORS, strict=True)
            for channel in range(each.shape[-1])
        ]
        self.assertAllClose(columns[1], np.stack(expected, axis=-1), rtol=1e-4, atol=1e-4)

    def test_scale_and_components_are_those_of_scikit_learn_and_scipy(self):
        maps = _maps(3)
        for robust in (False, True):
            layer = HypercolumnComponents(CHANNELS, FACTORS, components=4, robust=robust)
            layer.adapt_scale(maps)
            flat = [each.reshape(-1, each.shape[-1]) for each in maps]
            if robust:
                scale = np.concatenate([median_abs_deviation(x, scale="normal") / 2 for x in flat])
                scaled = [
                    np.arcsinh((x - np.median(x, (0, 1, 2))) / s)
                    for x, s in zip(maps, np.split(scale, [3, 5]), strict=True)
                ]
            else:
                scaled = [
                    StandardScaler().fit_transform(x).reshape(each.shape)
                    for x, each in zip(flat, maps, strict=True)
                ]
            expected = np.stack(
                [
                    _interpolated(each[1, ..., channel], factor) / each.shape[-1] ** 0.5
                    for each, factor in zip(scaled, FACTORS, strict=True)
                    for channel in range(each.shape[-1])
                ],
                axis=-1,
            )
            columns, _ = self.columns(layer, maps)
            self.assertAllClose(columns[1], expected, rtol=1e-4, atol=1e-4)
            layer.adapt(columns.reshape(-1, 9))
            # The maps projected before the interpolation give the same as the hypercolumns.
            _, projected = self.columns(layer, maps)
            expected = PCA(4).fit_transform(columns.reshape(-1, 9)).reshape(projected.shape)
            expected *= np.sign(np.sum(expected * projected, axis=(0, 1, 2)))
            self.assertAllClose(projected, expected, rtol=1e-3, atol=1e-3)
            self.assertAllClose(layer.project(columns), expected, rtol=1e-3, atol=1e-3)

    def test_a_channel_without_signal_has_no_weight(self):
        maps = _maps(3)
        maps[1][..., 0] = 7.0 + 1e-9 * maps[1][..., 0]
        layer = HypercolumnComponents(CHANNELS, FACTORS, components=2)
        layer.adapt_scale(maps)
        layer.adapt(self.columns(layer, maps)[0].reshape(-1, 9))
        self.assertAllLess(np.abs(layer.axes.numpy()[3]), 1e-3)
        constant = HypercolumnComponents(CHANNELS, FACTORS, components=2)
        constant.adapt_scale([np.ones_like(each) for each in maps])
        self.assertAllEqual(constant.scale, np.ones(9))

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, "components must be between 1 and the 9 channels"):
            HypercolumnComponents(CHANNELS, FACTORS, components=10)
        layer = HypercolumnComponents(CHANNELS, FACTORS, components=5)
        with self.assertRaisesRegex(ValueError, "at most the number of sampled pixels, 4; got 5"):
            layer.adapt(np.ones((4, 9)))


if __name__ == "__main__":
    tf.test.main()
