import numpy as np
import tensorflow as tf
from scipy import ndimage
from skimage.segmentation import watershed

from zoo.preprocessing.neighbour_regions import neighbour_regions, without_regions


def spot(y, x, peak, width=2.0, size=40):
    rows, columns = np.mgrid[:size, :size]
    return peak * np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * width**2))


class NeighbourRegionsTest(tf.test.TestCase):
    def test_sources_that_do_not_touch_are_connected_components(self):
        draws = np.random.default_rng(0)
        images = []
        for _ in range(6):
            places = draws.uniform(2, 38, (4, 2))
            images.append(sum((spot(y, x, 10) for y, x in places), spot(19.5, 19.5, 10)))
        levels = (np.array(images) > 2).astype(np.int32)
        regions = neighbour_regions(tf.constant(levels), 1).numpy()
        for level, region in zip(levels, regions, strict=True):
            components, _ = ndimage.label(level, np.ones((3, 3)))
            expected = (level > 0) & (components != components[20, 20])
            self.assertAllEqual(
                region,
                ndimage.binary_propagation(
                    ndimage.binary_opening(expected, np.ones((3, 3))), np.ones((3, 3)), expected
                ),
            )
        self.assertGreater(regions.sum(), 100)

    def test_sources_that_touch_part_as_in_a_watershed(self):
        flux = spot(19.5, 19.5, 30, 3) + spot(21, 30, 60, 3) + spot(6, 19, 5, 1.5)
        levels = np.digitize(flux, [1, 3, 8, 18, 40]).astype(np.int32)
        _, number = ndimage.label(levels > 0)
        self.assertEqual(number, 1 + 1)  # The two in the middle touch.
        region = neighbour_regions(tf.constant(levels[None]), 5)[0].numpy()
        markers = np.zeros(flux.shape, int)
        markers[19:21, 19:21], markers[21, 30], markers[6, 19] = 1, 2, 3
        expected = watershed(-levels, markers, mask=levels > 0, connectivity=2) > 1
        different = region != expected
        # Where they meet, plateaus are divided from the edges, not from the markers.
        self.assertLess(different.sum(), 0.1 * expected.sum())
        self.assertFalse(region[18:22, 18:22].any())

    def test_noise_peaks_of_the_object_are_no_neighbours(self):
        levels = np.zeros((1, 41, 41), np.int32)
        levels[0, 12:30, 12:30] = 1
        levels[0, 14:16, 25:27] = 3
        levels[0, 2, 2] = 2
        self.assertFalse(neighbour_regions(tf.constant(levels), 3).numpy().any())

    def test_regions_become_sky_with_its_noise(self):
        draws = np.random.default_rng(1)
        image = draws.normal((100, 50), (1, 3), (1, 64, 64, 2)).astype(np.float32)
        regions = np.zeros((1, 64, 64), bool)
        regions[0, 5:30, :16] = regions[0, 40:60, 10:14] = regions[0, 2:12, 50:] = True
        bright = np.where(regions[..., None], image + 1000, image)
        replaced = without_regions(tf.constant(bright), tf.constant(regions), 0).numpy()
        self.assertAllEqual(replaced[~regions], image[~regions])
        number = regions.sum()
        for band, (sky, noise) in enumerate(((100, 1), (50, 3))):
            values = replaced[..., band][regions]
            self.assertNear(values.mean(), sky, 5 * noise / number**0.5)
            self.assertNear(values.std(), noise, 0.2 * noise)
        wider = without_regions(tf.constant(bright), tf.constant(regions), 2).numpy()
        changed = (wider != bright).any(axis=-1)[0]
        self.assertAllEqual(changed, ndimage.binary_dilation(regions[0], np.ones((3, 3)), 2))


if __name__ == "__main__":
    tf.test.main()
