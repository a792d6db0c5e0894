"""Situations from the trackers of other projects, on tiny files; docs/reliability.md lists them."""

import contextlib
import gzip
import io
import os
import tempfile
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import tensorflow as tf
from astropy.io import fits
from PIL import Image

from trainers import api
from trainers.errors import UserError

NUMBER, SHAPE = 12, (8, 6, 3)
IMAGES = np.random.default_rng(0).integers(1, 255, (NUMBER, *SHAPE)).astype(np.uint8)
CUBES = np.moveaxis(IMAGES, -1, 1).astype(np.float32)
NAMES = [f"o{row:02d}" for row in range(NUMBER)]
EACH = list(zip(NAMES, IMAGES, CUBES, strict=True))


def png(image):
    memory = io.BytesIO()
    Image.fromarray(image).save(memory, "PNG")
    return memory.getvalue()


class ReportedSituationsTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.enter_context(contextlib.chdir(self.enter_context(tempfile.TemporaryDirectory())))
        os.mkdir("c")

    def cubes(self, first=0):
        for name, _, cube in EACH[first:]:
            fits.writeto(f"c/{name}.fits", cube)

    def pictures(self, end="png", **options):
        for name, image, _ in EACH:
            Image.fromarray(image).save(f"c/{name}.{end}", **options)

    def table(self, **columns):
        frame = pd.DataFrame({"id": NAMES, "label": ["a", "b"] * 6} | columns)
        frame.to_csv("l.csv", index=False)
        return frame

    def read(self, images="c", labels=None, **options):
        with contextlib.redirect_stderr(io.StringIO()) as errors:
            dataset = api.read_cutouts(images, labels, **options)
        self.errors = errors.getvalue()
        arrays = [dataset.arrays(split) for split in dataset.num_examples]
        places = {
            name: place for place, name in enumerate(np.concatenate([a["id"] for a in arrays]))
        }
        # In the order of the files; rows have their numbers at the end.
        order = sorted(places, key=lambda name: (len(name), name))
        pixels = np.concatenate([each["image"] for each in arrays])
        self.skipped = dataset.skipped
        return dataset, pixels[[places[name] for name in order]]

    def assert_read(self, *arguments, images=IMAGES, **options):
        dataset, pixels = self.read(*arguments, **options)
        self.assertAllEqual(pixels, images)
        return dataset

    def assert_refused(self, text, *arguments, **options):
        with self.assertRaises(UserError) as raised:
            self.read(*arguments, **options)
        self.assertIn(text, str(raised.exception))
        self.assertNotIn("\n", str(raised.exception))

    def assert_left_out(self, text, *arguments, rest=IMAGES[1:], **options):
        self.assert_refused(text, *arguments, **options)
        self.assert_read(*arguments, on_error="skip", images=rest, **options)
        self.assertIn(text, self.skipped[0])

    # FITS.

    def test_null_integers_in_a_column(self):
        pixels = CUBES.astype(np.int16).reshape(NUMBER, -1)
        pixels[0, 5] = -99
        column = fits.Column("image", "144I", array=pixels, dim="(6,8,3)", null=-99)
        fits.BinTableHDU.from_columns([column]).writeto("c/t.fits")
        self.assert_left_out("t.fits[0]: 1 of 144 pixels are masked, NaN")

    def test_blank_in_a_compressed_image(self):
        self.cubes(first=1)
        image = fits.CompImageHDU(np.full((3, 8, 6), -32768, np.int16), compression_type="RICE_1")
        image.header["BLANK"] = -32768
        image.writeto("c/o00.fits")
        self.assert_left_out("o00.fits: 144 of 144 pixels are masked, NaN")

    def test_float_images_compressed_without_loss(self):
        for name, _, cube in EACH:
            image = fits.CompImageHDU(cube / 7, compression_type="GZIP_2", quantize_level=0.0)
            image.writeto(f"c/{name}.fits.fz")
        self.assert_read(images=np.moveaxis(CUBES / 7, 1, -1))

    def test_unsigned_integers(self):
        for name, _, cube in EACH:
            fits.writeto(f"c/{name}.fits", cube.astype(np.uint16) + 40_000)
        self.assert_read(images=IMAGES.astype(np.float32) + 40_000)

    def test_axes_of_length_one(self):
        for name, _, cube in EACH:
            fits.writeto(f"c/{name}.fits", cube[None])
        self.assert_read()

    def test_gzip_under_another_name(self):
        self.cubes()
        path = Path("c/o00.fits")
        path.write_bytes(gzip.compress(path.read_bytes()))
        self.assert_read()

    def test_page_of_a_server_in_place_of_a_file(self):
        self.cubes(first=1)
        Path("c/o00.fits").write_text("<html>503 Service Unavailable</html>")
        self.assert_left_out("o00.fits: cannot be read: No SIMPLE card")
        self.assertNotIn("ignore_missing_simple", self.skipped[0])

    def test_downloads_that_end_early(self):
        self.cubes(first=1)
        fits.writeto("whole.fits", CUBES[0])
        packed = gzip.compress(Path("whole.fits").read_bytes())
        Path("c/o00.fits.gz").write_bytes(packed[:-20])
        self.assert_left_out("o00.fits.gz: cannot be read: the file ends early")

    def test_header_without_image(self):
        self.cubes(first=1)
        fits.PrimaryHDU().writeto("c/o00.fits")
        self.assert_left_out("o00.fits: has no image and no binary table")

    def test_no_pixel_has_a_value(self):
        self.cubes(first=1)
        fits.writeto("c/o00.fits", np.full_like(CUBES[0], np.nan))
        self.assert_left_out("100 % of the pixels of band 0 are masked, NaN", invalid="sky")

    # Arrays and tables of images.

    def test_byte_orders_and_the_order_of_axes(self):
        for dtype, order in ((">f4", "C"), ("<f8", "F"), (">i2", "C")):
            np.save("c/a.npy", np.asarray(IMAGES, dtype, order))
            self.assert_read()

    def test_complex_numbers(self):
        np.save("c/a.npy", IMAGES.astype(complex))
        self.assert_refused("a.npy[0]: has values of type complex128")

    def test_masks_and_names_of_bands_beside_images(self):
        with h5py.File("c/s.h5", "w") as file:
            file["image_array"], file["image_mask"] = CUBES, CUBES > 0
            file["image_band"] = np.array([[b"g", b"r", b"z"]] * NUMBER)
        self.assert_read()

    def parquet(self, name="t", **columns):
        pq.write_table(pa.table(columns), f"c/{name}.parquet")

    def test_pictures_in_a_column_keep_their_colours(self):
        self.parquet(image=[{"bytes": png(image), "path": None} for image in IMAGES])
        self.assertEqual(self.assert_read().spec.image_shape, SHAPE)

    def test_rows_without_a_picture(self):
        pictures = [{"bytes": png(image), "path": "x.png"} for image in IMAGES]
        self.parquet(image=[None, *pictures[1:]])
        self.assert_left_out("t.parquet[0]: is empty")
        self.parquet(image=[{"bytes": None, "path": "/data/x.png"}, *pictures[1:]])
        self.assert_left_out("t.parquet[0]: has no contents, but the path /data/x.png")

    def test_several_columns_of_pictures(self):
        pictures = [{"bytes": png(image)} for image in IMAGES]
        self.parquet(image_1=pictures, mask=pictures)
        self.assert_refused("several columns with cutouts: 'image_1', 'mask'; `column` chooses one")
        self.assert_read(column="image_1")

    def test_shards_of_which_one_has_identifiers(self):
        pictures = [{"bytes": png(image)} for image in IMAGES]
        self.parquet("a", image=pictures[:6], id=NAMES[:6])
        self.parquet("b", image=pictures[6:])
        self.assert_read()

    # Pictures.

    def test_ends_of_names_in_any_capitals(self):
        for row, (name, image, _) in enumerate(EACH):
            Path(f"c/{name}.{('pNg', 'PNG', 'png')[row % 3]}").write_bytes(png(image))
        self.table()
        self.assert_read("c", "l.csv")

    def test_files_that_systems_leave(self):
        self.pictures()
        os.mkdir("c/.ipynb_checkpoints")
        for name in (".ipynb_checkpoints/o00-checkpoint.png", ".DS_Store", "._o01.png"):
            Path("c", name).write_bytes(b"x")
        self.assert_read()

    def test_truncated_picture(self):
        self.pictures()
        path = Path("c/o00.png")
        path.write_bytes(path.read_bytes()[:100])
        self.assert_left_out("o00.png: cannot be read")

    def test_bits_and_colours_of_other_kinds(self):
        self.pictures()
        Image.fromarray(IMAGES[0, ..., 0].astype(np.uint16) * 200).save("c/o05.png")
        rest = np.delete(IMAGES, 5, axis=0)
        self.assert_left_out("o05.png: has 16 bits a band; 8 were expected", rest=rest)
        os.remove("c/o05.png")
        Image.fromarray(IMAGES[0]).convert("CMYK").save("c/o05.jpg")
        self.assert_left_out("o05.jpg: has mode CMYK", rest=rest)

    def test_first_picture_of_an_animation(self):
        for row, (name, image, _) in enumerate(EACH):
            others = [Image.fromarray(IMAGES[row - 1])]
            Image.fromarray(image).save(
                f"c/{name}.webp", lossless=True, save_all=True, append_images=others
            )
        self.assert_read()

    # Tables of labels.

    def test_identifiers_that_are_paths(self):
        os.makedirs("c/a")
        os.makedirs("c/b")
        for row, (name, image, _) in enumerate(EACH):
            Image.fromarray(image).save(f"c/{'ab'[row % 2]}/{name}.png")
        for start in ("", "c/", "/data/cutouts/", "C:\\data\\"):
            self.table(id=[f"{start}{'ab'[row % 2]}/{name}.png" for row, name in enumerate(NAMES)])
            dataset = self.assert_read("c", "l.csv")
            self.assertEmpty(dataset.skipped)
        for row, name in enumerate(NAMES):
            folder = f"c/{'ab'[row % 2]}"
            os.rename(f"{folder}/{name}.png", f"{folder}/{row // 2}.png")
        frame = self.table(id=[f"/data/{'ab'[row % 2]}/{row // 2}.png" for row in range(NUMBER)])
        dataset, _ = self.read("c", "l.csv")
        for split in dataset.num_examples:
            arrays = dataset.arrays(split)
            names = np.array(dataset.spec.class_names)[arrays["label"]]
            self.assertAllEqual([name[0] for name in arrays["id"]], names)
        self.assertEqual(sum(dataset.num_examples.values()), len(frame))

    def test_rounded_repeated_and_shortened_identifiers(self):
        self.cubes()
        self.table(id=[1.23764872069e18 + row for row in range(NUMBER)])
        self.assert_refused("column 'id' has floating-point numbers", "c", "l.csv")
        self.table(id=[*NAMES[:-1], NAMES[0]])
        self.assert_refused("rows 1 and 12 are both 'o00'", "c", "l.csv")
        for name in NAMES:
            os.rename(f"c/{name}.fits", f"c/0{name[1:]}.fits")
        self.table(id=range(NUMBER))
        self.assert_refused("no row for '000.fits'; its first is '0'", "c", "l.csv")

    def test_names_with_dots_spaces_and_other_signs(self):
        names = [f"J1{row:02d}+1.5 #[é]" for row in range(NUMBER)]
        for name, cube in zip(names, CUBES, strict=True):
            fits.writeto(f"c/{name}.fits", cube)
        self.table(id=names)
        self.assert_read("c", "l.csv")

    def test_classes_in_other_capitals_and_without_a_name(self):
        self.cubes()
        self.table(label=[" Star ", "star", "galaxy", "NaN"] * 3)
        dataset, _ = self.read("c", "l.csv")
        self.assertEqual(dataset.spec.class_names, ("Star", "galaxy", "star"))
        self.assertIn("classes that differ in capitals alone: Star, star", self.errors)
        self.assertIn("3 images have no class in l.csv", self.errors)

    def test_tables_of_spreadsheets_and_archives(self):
        self.cubes()
        frame = self.table()
        frame.to_csv("semicolons.csv", sep=";", index=False)
        frame.to_csv("packed.csv.gz", index=False)
        Path("casjobs.csv").write_text("#Table1\n" + frame.to_csv(index=False))
        frame.set_index("id").to_parquet("index.parquet")
        for name in ("semicolons.csv", "packed.csv.gz", "casjobs.csv", "index.parquet"):
            dataset = self.assert_read("c", name)
            self.assertEqual(dataset.spec.class_names, ("a", "b"))

    def test_columns_of_one_name(self):
        self.cubes()
        rows = "".join(f"{name},a,b\n" for name in NAMES)
        Path("l.csv").write_text("id,label,label\n" + rows)
        self.assert_refused("l.csv cannot be read: column 'label' comes twice", "c", "l.csv")

    def test_votes_that_are_fractions(self):
        self.cubes()
        self.table(bar_yes=[0.25] * NUMBER, bar_no=[0.75] * NUMBER)
        text = "column 'bar_yes' must have numbers of votes; got 0.25 for 'o00'"
        self.assert_refused(text, "c", "l.csv", vote_columns=["bar"])

    def test_positions_in_sexagesimal(self):
        self.cubes()
        self.table(ra=["10:00:00"] * NUMBER)
        self.assert_refused("column 'ra' must have numbers; got '10:00:00'", "c", "l.csv")


if __name__ == "__main__":
    tf.test.main()
