import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from astropy.io import fits
from astropy.table import Table

from tests.trainers.cutouts.reading_case import ReadingTestCase
from trainers.cutouts.unit_conversion import UnitsError, factor

CUBE = np.random.default_rng(0).standard_normal((4, 6, 5)).astype(np.float32)
MODEL = ("g", "r", "z")


class BandsTest(ReadingTestCase):
    def one(self, name, **settings):
        (entry,) = self.read(name, shape=(6, 5, 3), bands=MODEL, **settings)
        return entry

    def write(self, name, cube, **header):
        fits.writeto(self.folder / name, cube, fits.Header(header), overwrite=True)
        return name

    def assert_planes(self, entry, *places):
        self.assertAllEqual(entry.image, np.moveaxis(CUBE[list(places)], 0, -1))

    def test_planes_are_chosen_and_ordered_by_the_header(self):
        for header in ({"BANDS": "zrgi"}, {"BANDS": "z, r, g, i"}, {"BANDS": "Z R G I"}):
            self.assert_planes(self.one(self.write("a.fits", CUBE, **header)), 2, 1, 0)
        numbered = {f"BAND{place}": name for place, name in enumerate("grzi")}
        self.assert_planes(self.one(self.write("b.fits", CUBE, **numbered)), 0, 1, 2)

    def test_planes_are_chosen_by_the_names_of_a_user(self):
        np.save(self.folder / "c.npy", np.moveaxis(CUBE, 0, -1))
        self.assert_planes(self.one("c.npy", own_bands=("u", "z", "r", "g")), 3, 2, 1)
        # Against the header, which is wrong.
        name = self.write("d.fits", CUBE, BANDS="grzi")
        self.assert_planes(self.one(name, own_bands=("z", "r", "g", "i")), 2, 1, 0)

    def test_missing_bands_are_refused_with_those_that_must_be_there(self):
        entry = self.one(self.write("e.fits", CUBE, BANDS="ugri"))
        self.assertEqual(entry.reason, "has the bands u g r i; z of g r z must be there")
        np.save(self.folder / "f.npy", np.moveaxis(CUBE[:2], 0, -1))
        entry = self.one("f.npy", own_bands=("g", "r"))
        self.assertEqual(entry.reason, "has the bands g r; z of g r z must be there")

    def test_names_in_another_language_tell_nothing(self):
        name = self.write("g.fits", CUBE[:3], BANDS="123")
        self.assert_planes(self.one(name), 0, 1, 2)

    def test_extensions_are_bands_by_their_filters(self):
        hdus = [
            fits.ImageHDU(plane, fits.Header({"FILTER": band}))
            for plane, band in zip(CUBE, "rgzi", strict=True)
        ]
        fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(self.folder / "h.fits")
        self.assert_planes(self.one("h.fits", extensions="bands"), 1, 0, 2)
        entry = self.one("h.fits", extensions="bands", hdu=(1, 2))
        self.assertIn("z of g r z must be there", entry.reason)


class UnitsTest(ReadingTestCase, parameterized.TestCase):
    @parameterized.parameters(
        ("nanomaggies", "nmgy", None, 1.0),
        ("uJy", "nanomaggy", None, 1 / 3.631),
        ("Jy", "nJy", None, 1e9),
        ("mgy", "Jy", None, 3631.0),
        ("adu", "counts", None, 1.0),
        # A source of magnitude 22.5 is one nanomaggy.
        ("electron/s", "nmgy", 22.5, 1.0),
        ("ADU", "nanomaggies", 27.5, 0.01),
        ("DN/s", "uJy", 23.9, 1.0),
    )
    def test_factors(self, own, wanted, zeropoint, expected):
        self.assertAllClose(factor(own, wanted, zeropoint), expected, rtol=2e-4)

    @parameterized.parameters(
        (None, "nmgy"), ("bananas", "nmgy"), ("adu", "counts (0-255)"), ("Jy", "unknown")
    )
    def test_unknown_units_have_no_factor(self, own, wanted):
        self.assertIsNone(factor(own, wanted))

    def test_what_cannot_be_converted_is_refused(self):
        with self.assertRaisesRegex(UnitsError, "in adu.* nmgy; `zeropoint` states"):
            factor("adu", "nmgy")
        for own, wanted in (("Jy", "electron/s"), ("K", "nmgy"), ("electron", "adu")):
            with self.assertRaisesRegex(UnitsError, f"is in {own}, which cannot be converted"):
                factor(own, wanted, 25.0)

    def test_pixels_of_images_and_tables_are_converted(self):
        header = fits.Header({"BUNIT": "uJy"})
        fits.writeto(self.folder / "a.fits", CUBE[0], header)
        fits.writeto(self.folder / "b.fits", CUBE[0], fits.Header({"BUNIT": "adu", "MAGZP": 25.0}))
        fits.writeto(self.folder / "c.fits", CUBE[0])
        fits.writeto(self.folder / "d.fits", CUBE[0], fits.Header({"BUNIT": "K"}))
        table = Table({"image": CUBE[:1, :, :, None]})
        table["image"].unit = "nJy"
        table.write(self.folder / "t.fits")
        names = [f"{name}.fits" for name in "abcdt"]
        entries = self.read(*names, shape=(6, 5, 1), units="nmgy")
        for place, expected in ((0, 1 / 3.631), (1, 0.1), (2, 1.0), (4, 1 / 3631)):
            self.assertAllClose(entries[place].image[..., 0], expected * CUBE[0], rtol=2e-4)
        self.assertEqual(entries[3].reason, "is in K, which cannot be converted to nmgy")
        (entry,) = self.read("d.fits", shape=(6, 5, 1), units="nmgy", own_units="uJy")
        self.assertAllClose(entry.image[..., 0], CUBE[0] / 3.631, rtol=2e-4)
        (entry,) = self.read("b.fits", shape=(6, 5, 1), units="nmgy", zeropoint=22.5)
        self.assertAllClose(entry.image[..., 0], CUBE[0])

    def test_zeropoint_of_nought_is_one(self):
        # Counts of AB magnitude 0 are maggies, whatever the primary header says.
        image = fits.ImageHDU(CUBE[0], fits.Header({"BUNIT": "adu", "MAGZP": 0.0}))
        primary = fits.PrimaryHDU(header=fits.Header({"MAGZP": 25.0}))
        fits.HDUList([primary, image]).writeto(self.folder / "e.fits")
        (entry,) = self.read("e.fits", shape=(6, 5, 1), units="nmgy")
        self.assertAllClose(entry.image[..., 0], 1e9 * CUBE[0])


if __name__ == "__main__":
    tf.test.main()
