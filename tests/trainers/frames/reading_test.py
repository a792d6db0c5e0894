import bz2
import gzip
from pathlib import Path

import numpy as np
import tensorflow as tf
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS

from tests import galaxy_data
from tests.trainers.frames import sky
from trainers.errors import UserError
from trainers.frames import reading


def whole(frame):
    """All pixels of a frame, (height, width, bands)."""
    return frame.read(*(slice(0, length) for length in frame.shape))


class ReadingTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = Path(self.get_temp_dir())
        self.image = sky.pixels()

    def write(self, image=None, name="frame.fits", **options):
        return sky.write(self.folder / name, self.image if image is None else image, **options)

    def opened(self, path, **files):
        return self.enter_context(sky.opened(path, **files))

    def pixels(self, path, **files):
        return whole(self.opened(path, **files))

    def test_pixels_unit_and_keywords(self):
        path = self.write(BUNIT="adu", FILTER="r", EXPTIME=30.0)
        frame = self.opened(path)
        self.assertAllEqual(whole(frame), self.image[..., None])
        self.assertEqual((frame.name, frame.hdus, frame.unit), ("frame", ("1 (SCI)",), "adu"))
        self.assertEqual(frame.exposure, {"FILTER": "r", "EXPTIME": 30.0})
        self.assertIsNone(frame.wcs)
        self.assertEqual(frame.no_wcs, "its header has none")
        self.assertIsNone(frame.pixel_scale)
        self.assertAllEqual(self.pixels(path, hdus=("sci",)), self.image[..., None])

    def test_integers_and_compressed_files(self):
        counts = self.image.astype(np.int16)
        path = self.folder / "frame.fits.fz"
        hdus = [fits.PrimaryHDU(), fits.CompImageHDU(counts, compression_type="RICE_1")]
        fits.HDUList(hdus).writeto(path)
        self.assertAllEqual(self.pixels(path)[..., 0], counts)
        self.assertEqual(self.opened(path).name, "frame")

    def test_planes_of_a_cube(self):
        cube = np.stack([self.image, 2 * self.image, 3 * self.image])
        path = self.write(cube)
        self.assertAllEqual(self.pixels(path), np.moveaxis(cube, 0, -1))
        self.assertAllEqual(self.pixels(path, bands=(2, 0)), np.stack([cube[2], cube[0]], axis=-1))

    def test_what_is_masked(self):
        image = self.image.copy()
        image[10, 20] = np.nan
        bad = np.zeros(self.image.shape, np.int32)
        bad[30, 40] = 5
        weight = np.ones(self.image.shape)
        weight[50, 60], weight[70, 80] = 0, np.nan
        frame = self.opened(
            self.write(image),
            masks=(self.write(bad, "mask.fits"),),
            weights=(self.write(weight, "weight.fits"),),
        )
        expected = np.zeros(self.image.shape, bool)
        expected[[10, 30, 50, 70], [20, 40, 60, 80]] = True
        self.assertAllEqual(np.isnan(whole(frame)[..., 0]), expected)
        self.assertAllEqual(frame.unknown(slice(5, 60), slice(10, 90)), expected[5:60, 10:90])

    def test_bits_of_a_mask_in_the_file_itself(self):
        mask = np.zeros((2, *self.image.shape), np.int32)
        mask[1, 30, 40], mask[1, 50, 60], mask[0, 7, 7] = 16, 4096 + 8, 16
        mask[1, 70, 80] = 2  # A plane without a name.
        values = mask[1]
        path = sky.write_mosaic(self.folder / "flt.fits", [self.image] * 2, mask)
        with fits.open(path, "update") as hdus:
            hdus["DQ", 2].header["MP_SAT"], hdus["DQ", 2].header["MP_CR"] = 4, 12
        for bits, expected in (
            (None, (values == 16) | (values == 4104)),
            (("SAT",), values == 16),
            (("sat", "2"), values == 16),
            (("3", "4"), (values == 16) | (values == 4104)),
            (("1",), values == 2),
            (("CR",), values == 4104),
        ):
            for files in ({}, {"masks": (path,)}):
                frame = self.opened(path, hdus=("SCI,2",), mask_hdu="DQ", mask_bits=bits, **files)
                self.assertAllEqual(np.isnan(whole(frame)[..., 0]), expected)
                self.assertEqual(frame.extension, "SCI2")
        # The value of CR is no number of a bit.
        for bit in ("BAD", "4096"):
            with self.assertRaisesRegex(
                UserError, f"`mask_bits` must be SAT, CR .* or numbers from 0 to 31.*; got '{bit}'"
            ):
                self.opened(path, hdus=(4,), mask_hdu="DQ", mask_bits=(bit,))
        with self.assertRaisesRegex(UserError, "`mask_hdu` must be .* got 'MASK'"):
            self.opened(path, mask_hdu="MASK")

    def test_coordinates(self):
        x, y = np.array([0.0, 12.5, 199.0]), np.array([0.0, 160.25, 3.0])
        wcs = sky.coordinates()
        frame = self.opened(self.write(wcs=wcs))
        expected = wcs.all_pix2world(np.stack([x, y], axis=-1), 0)
        position = frame.sky(x, y)
        self.assertAllClose(np.stack([position.ra.deg, position.dec.deg], axis=-1), expected, 1e-12)
        self.assertAllClose(frame.pixel_scale, 0.2, 1e-6)
        # Counted from 1 as FITS does, the reference pixel is that of `sky.coordinates`.
        self.assertAllClose(frame.sky(89.0, 69.0).ra.deg, 150.1, 1e-12)

        galactic = sky.coordinates("GLON GLAT")
        place = galactic.all_pix2world([[30.0, 40.0]], 0)[0]
        expected = SkyCoord(*place, frame="galactic", unit="deg").icrs
        position = self.opened(self.write(wcs=galactic)).sky(30.0, 40.0)
        self.assertLess(position.separation(expected).arcsec, 1e-6)

    def test_tables_of_distortions(self):
        path = sky.write_distorted(self.folder / "flt.fits", self.image)
        frame = self.opened(path)
        x, y = np.array([3.0, 90.5, 190.0]), np.array([5.0, 80.25, 160.0])
        with fits.open(path) as hdus:
            reference = WCS(hdus["SCI"].header, hdus)
            expected = reference.pixel_to_world(x, y)
        without = sky.coordinates().pixel_to_world(x, y)
        self.assertLess(frame.sky(x, y).separation(expected).arcsec.max(), 1e-9)
        # Half a pixel and more.
        self.assertGreater(frame.sky(x, y).separation(without).arcsec.min(), 0.1)

        with fits.open(path) as hdus:
            del hdus["WCSDVARR", 2]
            hdus.writeto(self.folder / "lacks.fits")
        frame = self.opened(self.folder / "lacks.fits")
        self.assertIsNone(frame.sky(x, y))
        self.assertRegex(frame.no_wcs, "those of its header cannot be read: .*WCSDVARR.*")

    def test_real_frames(self):
        old = self.opened(galaxy_data.path("frames/sep_image.fits"))
        self.assertEqual((old.shape, old.bands), ((256, 256), 1))
        self.assertIsNone(old.wcs)  # CTYPE is blank.
        folder = galaxy_data.path("frames/legacysurvey/testcase5")
        stem = str(folder / "c4d_150411_035242_{}_z_v1-N10.fits")
        new = self.opened(
            stem.format("ooi"),
            masks=(Path(stem.format("ood")),),
            weights=(Path(stem.format("oow")),),
        )
        self.assertEqual((new.hdus, new.unit), (("1 (N10)",), "adu"))
        self.assertNear(new.pixel_scale, 0.262, 0.002)
        self.assertEqual(new.exposure["EXPTIME"], 114.0)
        self.assertBetween(np.isnan(whole(new)).mean(), 0.001, 0.1)

    def test_frames_as_the_sdss_publishes_them(self):
        folder = Path(self.get_temp_dir())
        plain = sky.write(folder / "frame.fits", sky.pixels())
        packed = folder / "frame-r-003836-4-0084.fits.bz2"
        packed.write_bytes(bz2.compress(plain.read_bytes()))
        frame = self.opened(packed)
        self.assertEqual(frame.name, "frame-r-003836-4-0084")
        self.assertAllEqual(whole(frame), self.pixels(plain))
        for name in ("a.fits.fz", "a.FIT.gz", "a.fts"):
            self.assertEqual(reading.name_of(folder / name), "a")


class MistakesTest(tf.test.TestCase):
    def test_each_is_reported_in_one_line(self):
        folder = Path(self.get_temp_dir())
        image = sky.pixels()
        good = sky.write(folder / "good.fits", image)
        sky.write(folder / "cube.fits", np.stack([image, image]))
        small = sky.write(folder / "small.fits", image[1:])
        nothing = sky.write(folder / "nothing.fits", np.full((20, 20), np.nan, np.float32))
        (folder / "text.fits").write_text("no FITS")
        (folder / "empty.fits").touch()
        (folder / "short.fits").write_bytes(good.read_bytes()[:20000])
        packed = bytearray(gzip.compress(good.read_bytes()))
        packed[len(packed) // 2] ^= 0xFF
        (folder / "flipped.fits.gz").write_bytes(packed)
        columns = [fits.Column("a", "E", array=np.ones(3))]
        table = fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU.from_columns(columns)])
        table.writeto(folder / "table.fits")
        for name, options, message in (
            ("none.fits", {}, "there is no such file"),
            (".", {}, "there is no such file"),
            ("text.fits", {}, "text.fits` cannot be read as FITS"),
            ("empty.fits", {}, "empty.fits` cannot be read as FITS"),
            ("short.fits", {}, "short.fits` cannot be read as FITS"),
            ("flipped.fits.gz", {}, "flipped.fits.gz` cannot be read as FITS"),
            ("table.fits", {}, "has no extension with an image; it has 2"),
            ("good.fits", {"hdus": (0,)}, r"`hdu` must be .* 1 \(SCI\); got '0'"),
            ("good.fits", {"hdus": (7,)}, r"`hdu` must be .* 1 \(SCI\); got '7'"),
            ("good.fits", {"hdus": ("N2",)}, r"1 \(SCI\); got 'N2'"),
            ("cube.fits", {"bands": (0, 2)}, "`bands` must be from 0 to 1 .* got 2"),
            ("good.fits", {"masks": (small,)}, r"`mask=.*small.fits` must have .* \(169, 200\)"),
            ("good.fits", {"masks": (folder / "none.fits",)}, "`mask=.* no such file"),
            ("good.fits", {"weights": (nothing,)}, "`weight=.*nothing.fits` must have the shape"),
        ):
            raises = self.assertRaisesRegex(UserError, message)
            with self.subTest(f"{name} {options}"), raises, sky.opened(folder / name, **options):
                pass


if __name__ == "__main__":
    tf.test.main()
