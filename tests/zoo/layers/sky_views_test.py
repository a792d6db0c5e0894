import numpy as np
import tensorflow as tf
from scipy import ndimage, stats

from zoo.layers.sky_views import SURVEYS, SkyViews

_STILL = {"zoom": (1.0, 1.0), "shift": 0.0}


def _blob(size=33, sigma=2.0, offset=(0.0, 0.0), bands=3):
    rows, columns = np.mgrid[:size, :size] - (size - 1) / 2
    square = (rows - offset[0]) ** 2 + (columns - offset[1]) ** 2
    image = np.exp(-square / (2 * sigma**2)).astype(np.float32)
    return np.repeat(image[..., None], bands, axis=-1)


def _second_moment(image):
    offsets = np.arange(len(image)) - (len(image) - 1) / 2
    return np.sum(image * offsets[:, None] ** 2) / image.sum()


class SkyViewsTest(tf.test.TestCase):
    def test_the_seed_decides(self):
        images = tf.constant(np.stack([_blob()] * 4)) * 100
        views = SkyViews(**SURVEYS["pictures"])
        one, again = views(images, tf.constant([1, 2])), views(images, tf.constant([1, 2]))
        self.assertAllEqual(one, again)
        self.assertNotAllClose(one, views(images, tf.constant([1, 3])))
        self.assertNotAllClose(one[0], one[1])
        self.assertAllInRange(one, 0, 255)

    def test_position_is_a_similarity(self):
        # A blob off the centre stays at its distance times the scale, whatever the angle.
        images = np.stack([_blob(size=65, offset=(0.0, 8.0))] * 200)
        views = np.asarray(SkyViews(zoom=(0.8, 1.25), shift=0)(images, tf.constant([0, 1])))[..., 0]
        rows, columns = np.mgrid[:65, :65] - 32
        views = views * (np.hypot(rows, columns) < 20)  # Without its mirror images.
        places = np.array([ndimage.center_of_mass(view) for view in views]) - 32
        distance = np.hypot(*places.T)
        self.assertAllInRange(distance / 8, 0.8 - 0.02, 1.25 + 0.02)
        self.assertGreater(np.ptp(distance), 2.0)
        angle = np.arctan2(*places.T) / (2 * np.pi) + 0.5
        self.assertGreater(stats.kstest(angle, "uniform").pvalue, 1e-3)

    def test_handedness_is_mirrored_in_half_of_the_views(self):
        image = _blob(offset=(0, 8)) + 0.5 * _blob(offset=(8, 0))
        views = np.asarray(
            SkyViews(**{**_STILL, "shift": 0})(np.stack([image] * 200), tf.constant([0, 1]))
        )
        turns = 0
        for view in views[..., 0]:
            first = np.array(np.unravel_index(view.argmax(), view.shape)) - 16.0
            rotated = np.round([first[1] + 16, -first[0] + 16]).astype(int)
            other = np.round([-first[1] + 16, first[0] + 16]).astype(int)
            turns += view[tuple(rotated)] > view[tuple(other)]
        self.assertGreater(stats.binomtest(int(turns), 200).pvalue, 1e-3)

    def test_interpolation_is_that_of_scipy(self):
        image = np.random.default_rng(0).normal(size=(20, 26, 2)).astype(np.float32)
        layer = SkyViews(zoom=(1.3, 1.3), shift=3.0)
        view = np.asarray(layer(image[None], tf.constant([3, 4])))[0]
        # The same draws, as scipy's coordinates.
        seed = tf.random.experimental.stateless_split((3, 4), 5)[1]
        angle, _, mirror, down, right = np.asarray(
            tf.random.stateless_uniform((1, 5, 1, 1), seed)
        ).ravel()
        rows, columns = np.mgrid[:20, :26].astype(float)
        rows, columns = rows - 9.5, (columns - 12.5) * (-1 if mirror < 0.5 else 1)
        cos, sin = np.cos(2 * np.pi * angle) / 1.3, np.sin(2 * np.pi * angle) / 1.3
        places = np.stack(
            [
                cos * rows + sin * columns + 9.5 + 3 * (2 * down - 1),
                cos * columns - sin * rows + 12.5 + 3 * (2 * right - 1),
            ]
        )
        for band in range(2):
            expected = ndimage.map_coordinates(image[..., band], places, order=1, mode="mirror")
            self.assertAllClose(view[..., band], expected, atol=1e-3)

    def test_seeing_adds_in_quadrature(self):
        images = np.stack([_blob(size=65, sigma=3.0)] * 300)
        distribution = (0.3, 1.0, 1.0)
        views = np.asarray(SkyViews(**_STILL, seeing=distribution)(images, tf.constant([5, 6])))
        self.assertAllClose(views.sum(axis=(1, 2)), images.sum(axis=(1, 2)), rtol=1e-3)
        # The same turns, whose interpolation blurs a little too.
        turned = np.asarray(SkyViews(**_STILL)(images, tf.constant([5, 6])))
        added = [
            _second_moment(view[..., 0]) - _second_moment(still[..., 0])
            for view, still in zip(views, turned, strict=True)
        ]
        added = np.array(added)
        draws = stats.lognorm(s=0.3, loc=1.0, scale=1.0).rvs((2, 20_000), random_state=1)
        expected = np.maximum(draws[1] ** 2 - draws[0] ** 2, 0)
        blurred, meant = added[added > 0.1], expected[expected > 0.1]
        self.assertGreater(stats.ks_2samp(blurred, meant).pvalue, 1e-3)
        share = stats.binomtest(len(blurred), 300, len(meant) / 20_000)
        self.assertGreater(share.pvalue, 1e-3)

    def test_noise_adds_in_quadrature(self):
        images = np.zeros((300, 24, 24, 2), np.float32)
        noise = ((0.0, 2.0), (0.0, 4.0))
        views = np.asarray(SkyViews(**_STILL, noise=noise)(images, tf.constant([7, 8])))
        first, second = np.random.default_rng(0).uniform(size=(2, 20_000))
        expected = np.sqrt(np.maximum(second**2 - first**2, 0))
        for band, largest in enumerate((2.0, 4.0)):
            stddev = views[..., band].std(axis=(1, 2)) / largest
            self.assertGreater(stats.ks_2samp(stddev, expected).pvalue, 1e-3)
        self.assertLess(
            abs(np.corrcoef(views[..., 0].std((1, 2)), views[..., 1].std((1, 2)))[0, 1]), 0.2
        )

    def test_reddening_is_along_the_extinction_curve(self):
        images = np.ones((300, 8, 8, 3), np.float32)
        legacy = SURVEYS["legacy"]
        dust = {name: legacy[name] for name in ("extinction", "reddening")}
        views = np.asarray(SkyViews(**_STILL, **dust)(images, tf.constant([9, 1])))
        loss = -np.log10(views[:, 4, 4])
        for band in (1, 2):
            ratio = legacy["extinction"][band] / legacy["extinction"][0]
            self.assertAllClose(loss[:, band], ratio * loss[:, 0], atol=1e-5)
        shape, loc, scale = legacy["reddening"]
        draws = stats.lognorm(s=shape, loc=loc, scale=scale).rvs((2, 20_000), random_state=1)
        excess = loss[:, 0] / legacy["extinction"][0]
        self.assertGreater(stats.ks_2samp(excess, draws[1] - draws[0]).pvalue, 1e-3)

    def test_a_window_is_the_part_of_the_whole_view(self):
        images = np.random.default_rng(0).normal(size=(2, 20, 16, 3)).astype(np.float32)
        layer, window = SkyViews(), (slice(4, 14), slice(2, 12))
        whole, part = (
            layer(images, tf.constant([1, 1])),
            layer(images, tf.constant([1, 1]), window=window),
        )
        self.assertAllClose(part[:, *window], whole[:, *window], atol=1e-5)
        self.assertAllEqual(part[:, :4], np.zeros((2, 4, 16, 3)))
        self.assertEqual(part.shape, whole.shape)

    def test_configuration(self):
        for arguments in SURVEYS.values():
            layer = SkyViews(**arguments)
            again = SkyViews.from_config(layer.get_config())
            images = np.stack([_blob()] * 2)
            self.assertAllEqual(
                layer(images, tf.constant([1, 2])), again(images, tf.constant([1, 2]))
            )

    def test_mistakes_are_reported(self):
        for arguments, message in (
            ({"zoom": (0.0, 1.0)}, "zoom must be a range of positive numbers"),
            ({"shift": -1.0}, "shift and gain must be at least 0; got -1.0 and 0.0"),
            ({"limits": (1.0, 0.0)}, "limits must be a range"),
            ({"noise": (1.0,)}, "noise must be .low, high. or"),
        ):
            with self.assertRaisesRegex(ValueError, message):
                SkyViews(**arguments)
        images = np.ones((1, 8, 8, 2), np.float32)
        for name in ("seeing", "extinction"):
            arguments = {**SURVEYS["legacy"], "noise": ()}
            arguments["seeing"] = arguments["seeing"] if name == "seeing" else ()
            arguments["reddening"] = () if name == "seeing" else arguments["reddening"]
            with self.assertRaisesRegex(ValueError, f"{name} must .* 2 bands"):
                SkyViews(**arguments)(images, tf.constant([1, 2]))


if __name__ == "__main__":
    tf.test.main()
