import numpy as np
import tensorflow as tf
from scipy import ndimage

from zoo.layers.polar_harmonics import _PITCHES, PolarHarmonics, light_ellipse
from zoo.preprocessing.border import border_pixels

SIDE, RINGS, ORDERS, ARMS = 65, 16, 8, 4


def parts(layer, images):
    """Rings (number, rings, bands), orders (number, rings, orders), spirals (.., arms, pitches)."""
    amplitudes = layer.amplitudes(images).numpy()
    bands = images.shape[-1]
    rings, orders, spirals = np.split(
        amplitudes, [RINGS * bands, RINGS * (bands + ORDERS)], axis=-1
    )
    return (
        rings.reshape(-1, RINGS, bands),
        orders.reshape(-1, RINGS, ORDERS),
        spirals.reshape(-1, ARMS, len(_PITCHES)),
    )


def polar_grid(ratio=1.0, angle=0.0):
    """Radius and angle in the plane of a disk, of the area that it has as it is seen."""
    y, x = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    u, v = np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x
    u, v = u * np.sqrt(ratio), v / np.sqrt(ratio)
    return np.maximum(np.hypot(u, v), 0.5), np.arctan2(v, u)


def spiral(arms, pitch, ratio=1.0, angle=0.0):
    """A faint spiral on a bright disk, (1, side, side, 2)."""
    radius, azimuth = polar_grid(ratio, angle)
    # arms (azimuth - ln r / tan(pitch)) is constant along an arm of that pitch.
    phase = arms * (azimuth + np.log(radius) / np.tan(np.deg2rad(pitch)))
    image = 200 * np.exp(-0.5 * (radius / 8) ** 2) + np.cos(phase)
    return np.repeat(image[None, ..., None], 2, axis=-1).astype(np.float32)


class PolarHarmonicsTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.layer = PolarHarmonics(RINGS, ORDERS, ARMS)
        self.layer.build((None, SIDE, SIDE, 2))

    def test_multipole_of_one_order(self):
        # I = 5 + 2 cos(3 t): F_0 = 5, |F_3| = 2 / 2, all others 0.
        _, angle = polar_grid()
        image = np.stack([5 + 2 * np.cos(3 * angle + 0.4), 7 + 2 * np.cos(3 * angle + 0.4)], -1)
        rings, orders, _ = parts(self.layer, image[None].astype(np.float32))
        outer = slice(8, None)  # Where pixels are small beside the radius.
        self.assertAllClose(rings[0, outer], np.tile([5.0, 7.0], (RINGS - 8, 1)), atol=0.01)
        expected = np.zeros((RINGS - 8, ORDERS))
        expected[:, 2] = 1.0
        self.assertAllClose(orders[0, outer], expected, atol=0.03)

    def test_spiral_is_one_point(self):
        for arms, pitch in ((2, 19.0), (3, 29.0), (1, 12.5)):
            image = spiral(arms, pitch)
            for seen in (image, image[:, ::-1]):
                spirals = parts(self.layer, seen)[2][0]
                measured = np.unravel_index(spirals.argmax(), spirals.shape)
                self.assertEqual((measured[0] + 1, _PITCHES[measured[1]]), (arms, pitch))
                # Half the amplitude, times the mean of the Hann window.
                self.assertAllClose(spirals.max(), 0.25, rtol=0.2)

    def test_spiral_seen_inclined_is_the_same_point(self):
        for ratio, angle in ((0.5, 0.6), (0.7, -1.2)):
            spirals = parts(self.layer, spiral(2, 23.5, ratio, angle))[2][0]
            measured = np.unravel_index(spirals.argmax(), spirals.shape)
            self.assertEqual((measured[0] + 1, _PITCHES[measured[1]]), (2, 23.5))

    def test_ellipse_of_a_gaussian(self):
        # A weight of its own shape leaves the axis ratio of a Gaussian as it is.
        border = border_pixels(SIDE, SIDE, 8)
        y, x = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
        for ratio, angle in ((0.45, 0.7), (0.8, -0.3), (0.6, 1.5)):
            u, v = np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x
            image = 3 + 50 * np.exp(-0.5 * (u**2 + (v / ratio) ** 2) / 7**2)
            measured = light_ellipse(image[None, :, :, None].astype(np.float32), border)
            self.assertAllClose(measured[0][0, 0], ratio, atol=0.03)
            self.assertAllClose(np.cos(2 * (measured[1][0, 0] - angle)), 1.0, atol=0.01)
        blank = light_ellipse(np.full((1, SIDE, SIDE, 1), 5, np.float32), border)
        self.assertAllClose(blank[0], [[1.0]])

    def test_symmetries_change_nothing(self):
        images = np.random.default_rng(0).normal(size=(3, SIDE, SIDE, 2)).astype(np.float32)
        self.layer.adapt(images)
        expected = self.layer(images)
        for turned in (
            images[:, ::-1],
            images[:, :, ::-1],
            images.transpose(0, 2, 1, 3),
            np.rot90(images, axes=(1, 2)).copy(),
        ):
            self.assertAllClose(self.layer(turned), expected, atol=2e-3)

    def test_turns_by_any_angle_change_little(self):
        noise = np.random.default_rng(1).normal(size=(8, SIDE, SIDE, 1))
        smooth = ndimage.gaussian_filter(noise, (0, 3, 3, 0))
        smooth = np.repeat(smooth / smooth.std(), 2, axis=-1).astype(np.float32)
        turned = ndimage.rotate(smooth, 31.0, axes=(2, 1), reshape=False, order=3)
        first, second = (self.layer.amplitudes(x).numpy() for x in (smooth, turned))
        others = self.layer.amplitudes(smooth[::-1].copy()).numpy()
        change = np.abs(first - second).mean() / np.abs(first - others).mean()
        self.assertLess(change, 0.06)

    def test_adapt_standardises(self):
        images = np.random.default_rng(2).gamma(2.0, size=(200, 20, 20, 3)).astype(np.float32)
        layer = PolarHarmonics(4, 3, 2)
        layer.build((None, 20, 20, 3))
        layer.adapt(images)
        values = layer(images).numpy()
        self.assertEqual(values.shape, (200, layer.compute_output_shape((None, 20, 20, 3))[1]))
        self.assertAllClose(values.mean(axis=0), np.zeros(values.shape[1]), atol=1e-3)
        self.assertAllClose(values.std(axis=0), np.ones(values.shape[1]), atol=1e-3)

    def test_mistakes_are_reported(self):
        with self.assertRaisesRegex(ValueError, "orders at least spiral_orders; got 4, 6 and 3"):
            PolarHarmonics(4, 3, 6)
        with self.assertRaisesRegex(ValueError, "must have 5 px a side at least; got 3 x 9"):
            PolarHarmonics().build((None, 3, 9, 1))
