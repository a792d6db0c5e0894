import bz2
import os
from unittest import mock

import numpy as np
from astropy.io import fits
from astropy.table import Table

from tests.trainers.cutouts.reading_case import IMAGES, NAMES, SHAPE, ReadingTestCase
from trainers.cli.parser import parse
from trainers.cutouts import sources
from trainers.cutouts.cutout import Cutout, LeftOut
from trainers.cutouts.reading import CutoutFiles
from trainers.options.table import TableOptions
from trainers.prediction import predict_blocks, table


class FitsTest(ReadingTestCase):
    def cube(self, row):
        return np.moveaxis(IMAGES[row], -1, 0)

    def test_a_cube_of_bands_however_it_is_packed(self):
        fits.writeto(self.folder / "a.fits", self.cube(0))
        fits.writeto(self.folder / "b.fits.gz", self.cube(1))
        packed = fits.CompImageHDU(self.cube(2), compression_type="GZIP_2", quantize_level=0)
        fits.HDUList([fits.PrimaryHDU(), packed]).writeto(self.folder / "c.fits.fz")
        fits.writeto(self.folder / "d", self.cube(3))
        (self.folder / "d.fits.bz2").write_bytes(bz2.compress((self.folder / "d").read_bytes()))
        (self.folder / "d").unlink()
        names = ["a.fits", "b.fits.gz", "c.fits.fz", "d.fits.bz2"]
        self.assert_images(self.read(*names), IMAGES[:4], names)
        self.assert_images(self.read(self.folder), IMAGES[:4], names)

    def test_each_extension_is_an_object_or_a_band(self):
        extensions = [fits.ImageHDU(IMAGES[row, ..., 0]) for row in range(2)]
        path = self.folder / "m.fits"
        fits.HDUList([fits.PrimaryHDU(), *extensions]).writeto(path)
        entries = self.read(path, shape=(6, 5, 1))
        self.assert_images(entries, IMAGES[:2, ..., :1], ["m.fits#1", "m.fits#2"])
        (entry,) = self.read(path, extensions="bands")
        self.assertAllEqual(entry.image, np.moveaxis(IMAGES[:2, ..., 0], 0, -1))

    def test_rows_of_a_table_in_either_order_of_the_axes(self):
        for name, images in (("l.fits", IMAGES), ("f.fits.gz", np.moveaxis(IMAGES, -1, 1))):
            table = Table({"ID": NAMES, "stamp": images, "flux": np.arange(7.0)})
            table.write(self.folder / name)
            self.assert_images(self.read(name), IMAGES, NAMES)
        entries = self.read("l.fits", column="stamp", id_column="flux")
        self.assertEqual([one.id for one in entries][:2], ["0.0", "1.0"])
        self.assertEqual(entries[3].source, "l.fits[3]")

    def test_small_files_are_opened_once_and_large_ones_divided(self):
        for row in range(4):
            fits.writeto(self.folder / f"{row}.fits", self.cube(row))
        Table({"id": NAMES, "image": IMAGES}).write(self.folder / "table.fits")
        with mock.patch.object(fits, "open", side_effect=fits.open) as opened:
            files = CutoutFiles([self.folder], SHAPE)
            self.assertEqual((len(files), files.unit, opened.call_count), (5, "files", 0))
            self.assertLen(list(files.entries(0, 4)), 4)
            self.assertEqual(opened.call_count, 4)
        self.assert_images(list(files.entries(4, 5)), IMAGES, NAMES)
        with mock.patch.object(sources, "_SMALL", os.path.getsize(self.folder / "0.fits")):
            files = CutoutFiles([self.folder], SHAPE)
        self.assertEqual((len(files), files.unit), (4 + len(IMAGES), "entries"))
        self.assert_images(list(files.entries(6, 8)), IMAGES[2:4], NAMES[2:4])
        files.close()

    def test_scaled_integers_are_what_they_stand_for(self):
        image = np.arange(30, dtype=np.uint16).reshape(6, 5)
        fits.writeto(self.folder / "u.fits", image)
        table = Table({"image": np.stack([image + 7] * 3)})
        table.write(self.folder / "t.fits")
        (entry,) = self.read("u.fits", shape=(6, 5, 1))
        self.assertAllEqual(entry.image[..., 0], image)
        self.assertAllEqual(self.read("t.fits", shape=(6, 5, 1))[2].image[..., 0], image + 7)

    def test_what_is_broken_is_reported_and_the_rest_is_read(self):
        fits.writeto(self.folder / "good.fits", self.cube(0))
        whole = (self.folder / "good.fits").read_bytes()
        (self.folder / "cut.fits").write_bytes(whole[:2880])
        (self.folder / "none.fits").write_bytes(b"")
        Table({"image": IMAGES}).write(self.folder / "table.fits")
        table = (self.folder / "table.fits").read_bytes()
        (self.folder / "table_cut.fits").write_bytes(table[: len(table) - 2880])
        Table({"mag": [1.0]}).write(self.folder / "other.fits")
        image = self.cube(1).copy()
        image[0, 0, :3] = np.nan, np.inf, -np.inf
        fits.writeto(self.folder / "nan.fits", image)
        names = ["cut.fits", "none.fits", "nan.fits", "table_cut.fits", "other.fits", "good.fits"]
        entries = self.read(*names)
        self.assertIsInstance(entries[-1], Cutout)
        self.assertEqual(entries[3].number, 7)
        reasons = {one.source: one.reason for one in entries[:-1]}
        self.assertRegex(reasons["cut.fits"], "cannot be read")
        self.assertRegex(reasons["none.fits"], "cannot be read: Empty")
        self.assertEqual(reasons["nan.fits"], "3 of 60 pixels are masked, NaN or infinite")
        self.assertRegex(reasons["table_cut.fits[0:7]"], "cannot be read")
        self.assertEqual(reasons["other.fits"], "has no column with cutouts")

    def test_units_close_before_small_files_with_many_rows_are_too_many(self):
        for row in range(10):
            Table({"image": IMAGES[:5]}).write(self.folder / f"{row}.fits")
        files = CutoutFiles([self.folder], SHAPE)
        size = os.path.getsize(self.folder / "0.fits")
        with mock.patch.object(predict_blocks, "_UNIT_BYTES", 4 * size):
            units = predict_blocks.units(files, batch_size=3)
        self.assertEqual([(unit.start, unit.stop) for unit in units], [(0, 6), (6, 10)])
        with mock.patch.object(predict_blocks, "_UNIT", 3):
            units = predict_blocks.units(files, batch_size=3)
        self.assertEqual([unit.stop for unit in units], [3, 6, 9, 10])
        self.assertLen(predict_blocks.units(files, batch_size=3), 1)


class ExtensionsTest(ReadingTestCase):
    def write(self, name="a.fits", axes=()):
        """Writes images with their rows as pixels, and returns their number."""
        planes = [np.full((*axes, 6, 5), row + 1, np.float32) for row in range(4)]
        named = zip(("SCI", "RED", "SCI", "BLUE"), planes, strict=True)
        extensions = [fits.ImageHDU(plane, name=name) for name, plane in named]
        fits.HDUList([fits.PrimaryHDU(), *extensions]).writeto(self.folder / name)
        return len(planes)

    def values(self, *hdus, shape=(6, 5, 1), **options):
        entries = self.read("a.fits", shape=shape, hdu=hdus, **options)
        return {one.source: one.image[0, 0].tolist() for one in entries}

    def test_names_and_numbers_choose_images_in_their_order(self):
        self.write()
        self.assertEqual(self.values("red"), {"a.fits": [2]})
        sources = {"a.fits#4": [4], "a.fits#1": [1], "a.fits#3": [3]}
        self.assertEqual(list(self.values(4, "SCI").items()), list(sources.items()))
        bands = {"extensions": "bands", "shape": (6, 5, 3)}
        self.assertEqual(self.values("BLUE", 2, 1, **bands), {"a.fits": [4, 2, 1]})

    def test_they_are_options_of_the_commands(self):
        self.write()
        output = self.folder / "table.fits"
        arguments = ["--output", str(output), "--hdu", "4", "sci", "--images", str(self.folder)]
        options = parse(TableOptions, arguments, prog="", description="")
        output.touch()  # It is not read.
        files = table.files(options, (6, 5, 1))
        entries = [one.source for one in files.entries(0, len(files))]
        self.assertEqual(entries, ["a.fits#4", "a.fits#1", "a.fits#3"])

    def test_what_is_not_there_is_reported_with_what_is(self):
        self.write()
        entries = self.read("a.fits", shape=(6, 5, 1), hdu=("RED", "N2", 0))
        self.assertIsInstance(entries[0], Cutout)
        reason = "is none of the images, which are 1 (SCI), 2 (RED), 3 (SCI), 4 (BLUE)"
        left_out = [LeftOut("a.fits#N2", reason), LeftOut("a.fits#0", reason)]
        self.assertEqual(entries[1:], left_out)
        (entry,) = self.read("a.fits", hdu=("RED", "N2"), extensions="bands")
        self.assertEqual(entry, LeftOut("a.fits", f"extension N2 {reason}"))
        (entry,) = self.read("a.fits", shape=(6, 5, 1), column="SCI")
        self.assertRegex(entry.reason, "no table for `column`; `hdu` chooses images, 1 .SCI., 2")

    def test_bands_may_have_axes_of_length_one(self):
        number = self.write(axes=(1, 1))
        (entry,) = self.read("a.fits", shape=(6, 5, number), extensions="bands")
        self.assertAllEqual(entry.image[2, 3], 1 + np.arange(number))


class TablesTest(ReadingTestCase):
    def write(self, *tables, image=None):
        hdus = [fits.BinTableHDU(Table(columns)) for columns in tables]
        fits.HDUList([fits.PrimaryHDU(image), *hdus]).writeto(self.folder / "a.fits")

    def test_the_column_may_stand_in_any_table_and_in_capitals(self):
        self.write({"psf": IMAGES[:2]}, {"IMAGE": IMAGES, "noise": IMAGES + 1, "Id": NAMES})
        self.assert_images(self.read("a.fits"), IMAGES, NAMES)
        self.assert_images(self.read("a.fits", column="Noise"), IMAGES + 1, NAMES)
        entries = self.read("a.fits", column="PSF")
        self.assert_images(entries, IMAGES[:2], ["a.fits#1[0]", "a.fits#1[1]"])
        (entry,) = self.read("a.fits", column="none")
        reason = "has no column 'none' with cutouts; there are 'psf' of table 1, 'IMAGE' of table 2"
        self.assertStartsWith(entry.reason, reason)

    def test_columns_that_cannot_be_told_apart_are_listed(self):
        self.write({"image": IMAGES}, {"image": IMAGES + 1})
        (entry,) = self.read("a.fits")
        self.assertEqual(
            entry.reason,
            "has several columns with cutouts: 'image' of table 1, 'image' of table 2; `column` or "
            "`hdu` chooses one",
        )
        entries = self.read("a.fits", column="image", hdu=[2])
        self.assert_images(entries, IMAGES + 1, [f"a.fits#2[{row}]" for row in range(7)])

    def test_an_image_of_another_size_before_a_table_names_the_column(self):
        self.write({"stamp": IMAGES}, image=np.zeros((9, 9)))
        (entry,) = self.read("a.fits")
        self.assertRegex(entry.reason, "`column=stamp` reads table 1 in its place$")
        self.assertLen(self.read("a.fits", column="stamp"), 7)

    def test_what_stands_for_nothing_is_no_number(self):
        pixels = np.arange(60, dtype=np.int16).reshape(2, 6, 5)
        pixels[0, 0, 0] = -32768
        columns = [
            fits.Column("image", "30I", dim="(5,6)", null=-32768, array=pixels),
            fits.Column("id", "J", null=-99, array=np.array([7, -99])),
        ]
        path = self.folder / "t.fits"
        fits.BinTableHDU.from_columns(columns).writeto(path)
        entries = self.read("t.fits", shape=(6, 5, 1))
        reason = "1 of 30 pixels are masked, NaN or infinite"
        self.assertEqual(entries[0], LeftOut("t.fits[0]", reason))
        self.assertEqual(entries[1].id, "t.fits[1]")
