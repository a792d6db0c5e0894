import numpy as np
import tensorflow as tf
from scipy import ndimage

from trainers.sources.pixel_regions import PUBLISHED, RegionSettings, source_regions

SIZE = 40
ROWS, COLUMNS = np.mgrid[:SIZE, :SIZE]


def disk(y, x, radius):
    return np.hypot(ROWS - y, COLUMNS - x) <= radius


def gaussian(y, x, width=2.0, flux=1.0):
    return flux * np.exp(-((ROWS - y) ** 2 + (COLUMNS - x) ** 2) / (2 * width**2))


class PixelRegionsTest(tf.test.TestCase):
    """Maps whose regions follow from their symmetry."""

    def test_certain_maps_give_their_disks(self):
        disks = disk(10, 10, 4), disk(28, 30, 6)
        background = 1.0 - np.logical_or(*disks)
        light = gaussian(10, 10) + gaussian(28, 30)
        for settings in (PUBLISHED, RegionSettings()):
            regions = source_regions(background, light, settings=settings)
            self.assertAllEqual(regions, disks[0] + 2 * disks[1])

    def test_edge_lies_where_the_background_is_steepest(self):
        # A logistic edge at 8 px around certain pixels on both sides.
        radius = np.hypot(ROWS - 20, COLUMNS - 20)
        background = np.clip(1 / (1 + np.exp(-(radius - 8) / 0.8)), 0, 1)
        background[radius < 2], background[radius > 16] = 0, 1
        regions = source_regions(background, gaussian(20, 20, 5.0), settings=PUBLISHED)
        outline = radius[(regions == 1) & ~ndimage.binary_erosion(regions == 1)]
        self.assertAllInRange(outline, 6.5, 9.0)

    def test_two_equal_sources_are_divided_in_the_middle(self):
        light = gaussian(20, 12) + gaussian(20, 20)
        inside = light > 0.1
        background = 1.0 - inside
        regions = source_regions(background, light, settings=RegionSettings(smoothing=0.0))
        left = regions[20, 12], regions[20, 20]
        self.assertAllEqual(regions > 0, inside)
        # The line between them belongs to either.
        for column in range(SIZE):
            if column != 16:
                values = np.unique(regions[:, column][inside[:, column]])
                self.assertAllEqual(values, [left[column > 16]] if len(values) else [])
        # Nearer than the least distance they are one.
        for settings in (RegionSettings(min_distance=9, smoothing=0.0), PUBLISHED):
            regions = source_regions(background, light, settings=settings)
            self.assertAllEqual(regions, inside.astype(int))

    def test_number_of_peaks_is_limited_to_the_highest(self):
        light = sum(gaussian(20, x, 1.0, flux) for x, flux in ((5, 1), (14, 3), (23, 2), (32, 4)))
        background = 1.0 - disk(20, 18.5, 18) * (np.abs(ROWS - 20) < 4)
        regions = source_regions(background, light, settings=RegionSettings(max_peaks=2))
        self.assertEqual(regions.max(), 2)
        self.assertNotEqual(regions[20, 14], regions[20, 32])

    def test_peaks_of_centres_divide_what_has_one_peak_of_light(self):
        light = gaussian(20, 20, 4.0)
        background = 1.0 - disk(20, 20, 8)
        centres = gaussian(20, 17, 1.5, 0.9) + gaussian(20, 23, 1.5, 0.8)
        regions = source_regions(background, light, centres=centres)
        self.assertEqual(regions.max(), 2)
        self.assertNotEqual(regions[20, 17], regions[20, 23])
        # Clumps without centres of their own do not.
        clumps = light + gaussian(16, 20, 1.0) + gaussian(24, 20, 1.0)
        self.assertGreater(source_regions(background, clumps).max(), 1)
        centre = gaussian(20, 20, 1.5)
        self.assertEqual(source_regions(background, clumps, centres=centre).max(), 1)
        # And a region without a centre is none.
        self.assertEqual(source_regions(background, light, centres=0.2 * centre).max(), 0)
        # Unless it is too bright for that.
        self.assertEqual(source_regions(background, 99 * light, centres=0.2 * centre).max(), 1)

    def test_unknown_pixels_are_neither_sky_nor_source(self):
        inside = disk(20, 20, 8)
        background = 1.0 - inside
        background[20:, :20] = np.nan
        background[:4] = -1.0
        light = np.where(ROWS == 30, np.nan, gaussian(20, 20, 4.0))
        known = COLUMNS < 36
        regions = source_regions(background, light, known=known)
        unknown = np.isnan(background) | (background < 0) | ~known
        self.assertAllEqual(regions == -1, unknown)
        self.assertAllEqual(regions > 0, inside & ~unknown)

    def test_maps_of_one_kind(self):
        light = gaussian(20, 20)
        sky, source = np.ones((SIZE, SIZE)), np.zeros((SIZE, SIZE))
        self.assertAllEqual(source_regions(sky, light), sky * 0)
        self.assertAllEqual(source_regions(source, light), sky)
        self.assertAllEqual(source_regions(-sky, light), -sky)
        small = 1.0 - disk(5, 5, 1)  # Five pixels.
        self.assertEqual(source_regions(small, light).max(), 1)
        self.assertEqual(source_regions(small, light, settings=RegionSettings(min_area=6)).max(), 0)

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, r"light must have the shape of background, \(3, 3"):
            source_regions(np.ones((3, 3)), np.ones((3, 4)))
        for changes, message in (
            ({"sky": 0.4}, "must satisfy 0 <= source < sky <= 1; got 0.5 and 0.4"),
            ({"min_distance": 0}, "min_distance must be at least 1; got 0"),
            ({"smoothing": -1.0}, "smoothing must be at least 0; got -1.0"),
        ):
            with self.subTest(message), self.assertRaisesRegex(ValueError, message):
                RegionSettings(**changes)


if __name__ == "__main__":
    tf.test.main()
