import contextlib
import io
import os
from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image
from skimage import io as skimage_io

from tests.trainers.cutouts import png_files
from tests.trainers.cutouts.png_files import png, png_kinds
from tests.trainers.datasets.folder_case import SIZE, FolderTestCase, draw
from trainers.cli.exit_status import exit_status
from trainers.cutouts import reading
from trainers.cutouts.cutout import Cutout, LeftOut
from trainers.datasets.in_memory import InMemoryDataset
from trainers.datasets.mapped import MappedDataset
from trainers.options import data_options


class ImageFilesTest(FolderTestCase):
    def test_grey(self):
        for index in range(12):
            path = self.folder / f"{index}.png"
            draw(path, mode="L")
            if index % 2:
                Image.open(path).convert("RGB").save(path)
        dataset = self.load()
        self.assertEqual(dataset.spec.image_shape, (12, 10, 1))
        self.assertEqual(dataset.spec.bands, ("grey",))
        self.assertIn("all images are grey, one band 'grey' is read", self.errors)
        arrays = dataset.arrays("train")
        for name, image in zip(arrays["id"], arrays["image"], strict=True):
            pixels = skimage_io.imread(self.folder / f"{name}.png")
            self.assertAllEqual(image[..., 0], pixels if pixels.ndim == 2 else pixels[..., 0])
        three = self.load(image_shape=(12, 10, 3))
        self.assertEqual(three.spec.bands, ("red", "green", "blue"))
        self.assertAllEqual(three.arrays("train")["image"], np.repeat(arrays["image"], 3, -1))
        # One in colour, and all are read in colour.
        draw(self.folder / "colour.png")
        self.assertEqual(self.load().spec.image_shape, (12, 10, 3))
        self.assertEqual(self.errors, "")

    def test_transparency_is_left_out(self):
        self.draw_classes(8, mode="RGBA")
        self.assertEqual(self.load().spec.image_shape, (12, 10, 3))

    def test_image_shape_cuts_the_centre_and_scales(self):
        # A wide ramp, 4 per pixel: the middle 16 px of 32, by two, is 8 per pixel.
        wide = np.tile(np.arange(0, 128, 4, dtype=np.uint8), (16, 1))
        (self.folder / "ramp").mkdir()
        for index in range(6):
            Image.fromarray(wide).save(self.folder / "ramp" / f"{index}.png")
            draw(self.folder / "noise" / f"x{index}.png", size=(5 + index, 9))
        dataset = self.load(image_shape=(8, 8, 1))
        self.assertEqual(dataset.spec.image_shape, (8, 8, 1))
        arrays = dataset.arrays("train")
        ramps = arrays["image"][arrays["label"] == dataset.spec.class_names.index("ramp")]
        self.assertNotEmpty(ramps)
        # The centre of new pixel j lies between the old pixels 8 + 2 j and 9 + 2 j.
        expected = np.broadcast_to(4 * (8.5 + 2 * np.arange(8)), (len(ramps), 8, 8))
        self.assertAllClose(ramps[..., 0], expected, atol=1.0, rtol=0)

    def test_sixteen_bits_are_read_as_they_are(self):
        # Colours of which Pillow keeps the upper half alone: 0 to 9 of 2550.
        random = np.random.default_rng(0)
        pixels = {f"{index}": random.integers(0, 2551, (*SIZE, 3)) for index in range(20)}
        for name, values in pixels.items():
            (self.folder / f"{name}.png").write_bytes(png(values, 16, png_files.RGB))
        for options in ({}, {"cache_bytes": 1000}):
            dataset = self.load(**options)
            self.assertEqual(dataset.spec.units, "counts (0-65535)")
            arrays = dataset.arrays("train")
            self.assertGreater(arrays["image"].max(), 2500)
            (batch,) = dataset.batches("train", len(arrays["id"]), features=("id",))
            for images, ids in (
                (arrays["image"], arrays["id"]),
                (batch["image"].numpy(), [name.decode() for name in batch["id"].numpy()]),
            ):
                for name, image in zip(ids, images, strict=True):
                    self.assertAllEqual(image, pixels[name])

    def test_what_prediction_reads_is_what_training_read(self):
        """Every kind of picture: the same pixels, or a refusal of both."""
        shape = (24, 30, 3)
        colour = Image.fromarray(np.random.default_rng(0).integers(0, 256, shape, np.uint8))
        buffers = {"cmyk.jpg": (colour.convert("CMYK"), "JPEG"), "gif.png": (colour, "GIF")}
        for name, (image, kind) in buffers.items():
            image.save(self.folder / name, kind)
        for number, (_, content, _, bits) in enumerate(png_kinds(24, 30)):
            if bits == 8:
                (self.folder / f"{number}.png").write_bytes(content)
        dataset = self.load(on_error="skip")
        self.assertEqual(dataset.spec.image_shape, shape)
        self.assertLen(dataset.skipped, 2)
        predicted = list(reading.read([self.folder], shape, picture_bits=8))
        left_out = sorted(entry.source for entry in predicted if isinstance(entry, LeftOut))
        self.assertEqual(left_out, sorted(line.split(":")[0] for line in dataset.skipped))
        by_name = {Path(c.id).stem: c.image for c in predicted if isinstance(c, Cutout)}
        for split in data_options.SPLITS:
            arrays = dataset.arrays(split)
            for name, image in zip(arrays["id"], arrays["image"], strict=True):
                self.assertAllEqual(by_name.pop(name), image)
        self.assertEmpty(by_name)

    def test_image_shape(self):
        self.draw_classes(4)
        self.assert_refused("`image_shape`", "1 or 3 bands", "got (8, 8, 5)", image_shape=(8, 8, 5))
        self.assert_refused("at least 1; got (0, 8, 3)", image_shape=(0, 8, 3))
        self.assert_refused("height, width and bands", image_shape=[8, 8])

    def test_streamed_is_the_same(self):
        self.draw_classes()
        held, streamed = self.load(), self.load(cache_bytes=1000)
        self.assertIsInstance(held, InMemoryDataset)
        self.assertIsInstance(streamed, MappedDataset)
        self.assertEqual(held.spec, streamed.spec)
        self.assertEqual(held.num_examples, streamed.num_examples)
        for limit in (None, 5):
            expected = held.arrays("train", limit)
            for name, values in streamed.arrays("train", limit).items():
                self.assertAllEqual(values, expected[name])
        for options in (
            {},
            {"shuffle_seed": 3, "epoch": 2, "start_batch": 1, "drop_remainder": True},
            {"shuffle_seed": 3, "shard": (1, 2), "labels": False},
        ):
            pairs = zip(
                held.batches("train", 8, **options),
                streamed.batches("train", 8, **options),
                strict=True,
            )
            for expected, batch in pairs:
                self.assertEqual(set(batch), set(expected))
                self.assertEqual(batch["image"].dtype, tf.float32)
                for name in batch:
                    self.assertAllEqual(batch[name], expected[name])

    def test_streamed_files_that_disappear_are_reported_in_one_line(self):
        self.draw_classes()
        dataset = self.load(cache_bytes=1000)
        name = dataset.arrays("train", limit=3)["id"][2]
        (lost,) = self.folder.glob(f"*/{name}.png")
        lost.unlink()
        for read in (
            lambda: list(dataset.batches("train", 2)),
            lambda: dataset.arrays("train"),
        ):
            with contextlib.redirect_stderr(io.StringIO()) as errors:
                self.assertEqual(exit_status("run", lambda _, read=read: read(), []), 1)
            line = errors.getvalue()
            self.assertStartsWith(
                line, f"trainers.run: error: {lost}: cannot be read: [Errno 2] No"
            )
            self.assertEndsWith(line, ", though it could be used before\n")
            self.assertEqual(line.count("\n"), 1)

    def test_unreadable_and_truncated(self):
        self.draw_classes()
        for content, name in ((b"", "empty.png"), (b"GIF89a and so on", "other.jpg")):
            path = self.folder / "star" / name
            path.write_bytes(content)
            self.assert_refused(str(path), "cannot be read", "--on_error skip")
            path.unlink()
        whole = self.folder / "star" / "star1.jpg"
        draw(whole, size=(64, 64))
        whole.write_bytes(whole.read_bytes()[:-1500])
        self.assert_refused(str(whole), "truncated")

    def test_bits_that_differ(self):
        self.draw_classes()
        path = self.folder / "star" / "deep.png"
        Image.fromarray(np.arange(120, dtype=np.uint16).reshape(SIZE) * 500).save(path)
        self.assert_refused(str(path), "has 16 bits a band; 8 were expected, as 60 others have")
        self.assertLen(self.load(on_error="skip").skipped, 1)

    def test_sizes(self):
        self.draw_classes(4)
        odd = self.folder / "star" / "odd.png"
        draw(odd, size=(12, 11))
        self.assert_refused(str(odd), "is 11x12 px; 10x12 px was expected", "of 8 others")

    def test_skip(self):
        self.draw_classes()
        good = self.load()
        (self.folder / "star" / "empty.png").touch()
        # Whichever of them comes first, the size that most have is the right one.
        for index in range(12):
            draw(self.folder / "galaxy" / f"odd{index}.png", size=(7, 7))
        for options in ({}, {"cache_bytes": 1000}):
            dataset = self.load(on_error="skip", **options)
            self.assertEqual(self.members(dataset), self.members(good))
            self.assertLen(dataset.skipped, 13)
            named = sorted(line.split(":")[0] for line in dataset.skipped)
            expected = [os.path.join("galaxy", f"odd{index}.png") for index in range(12)]
            self.assertEqual(named, sorted([*expected, os.path.join("star", "empty.png")]))
            self.assertIn("left out 13 of 73 images", self.errors)
        self.assertEqual(good.skipped, ())

    def test_skip_that_leaves_nothing(self):
        self.draw_classes(20, classes=("star",))
        for index in range(3):
            path = self.folder / "galaxy" / f"{index}.jpg"
            path.parent.mkdir(exist_ok=True)
            path.touch()
        self.assert_refused("class 'galaxy' has no usable image", on_error="skip")
        for path in self.folder.glob("star/*"):
            path.write_text("no image")
        self.assert_refused("none of the 23 images can be used", on_error="skip")


if __name__ == "__main__":
    tf.test.main()
