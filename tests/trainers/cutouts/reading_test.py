import os
import pickle

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import tensorflow as tf
from PIL import Image

from tests.trainers.cutouts.reading_case import IMAGES, NAMES, SHAPE, ReadingTestCase, png_bytes
from trainers.cutouts.cutout import LeftOut


class PictureTest(ReadingTestCase):
    def test_pixels_are_those_of_the_file(self):
        pixels = np.random.default_rng(1).integers(0, 256, (6, 5, 3), np.uint8)
        Image.fromarray(pixels).save(self.folder / "a.png")
        Image.fromarray(pixels).save(self.folder / "b.JPG", quality=95)
        Image.fromarray(pixels[..., 0]).save(self.folder / "grey.png")
        entries = self.read("a.png", "b.JPG", "grey.png", shape=(None, None, 3))
        jpeg = np.asarray(Image.open(self.folder / "b.JPG"))
        grey = np.repeat(pixels[..., :1], 3, axis=-1)
        self.assert_images(entries, [pixels, jpeg, grey], ["a.png", "b.JPG", "grey.png"])
        (entry,) = self.read("grey.png", shape=(6, 5, 1))
        self.assertAllEqual(entry.image, pixels[..., :1])

    def test_pictures_of_16_bits_are_read_as_they_are(self):
        deep = tf.fill((6, 5, 4), tf.constant(1000, tf.uint16))
        for number in (1, 2, 3, 4):
            memory = tf.io.encode_png(deep[..., :number]).numpy()
            (self.folder / f"{number}.png").write_bytes(memory)
        for bits in (None, 16):
            for one in self.read("", shape=(6, 5, 3), picture_bits=bits):
                self.assertAllEqual(one.image, np.full((6, 5, 3), 1000.0))
        for one in self.read("", shape=(6, 5, 3), picture_bits=8):
            self.assertEqual(one.reason, "has 16 bits a band; 8 were expected")

    def test_what_is_no_picture_for_the_model_is_reported(self):
        Image.fromarray(np.zeros((6, 5, 3), np.uint8)).save(self.folder / "a.png")
        pixels = np.random.default_rng(1).integers(0, 256, (6, 5, 3), np.uint8)
        Image.fromarray(pixels).save(self.folder / "cut.png")
        memory = (self.folder / "cut.png").read_bytes()
        (self.folder / "cut.png").write_bytes(memory[: len(memory) // 2])
        Image.new("CMYK", (5, 6)).save(self.folder / "cmyk.jpg")
        Image.new("RGB", (5, 6)).save(self.folder / "gif.png", format="GIF")
        reasons = [
            one.reason for one in self.read("cut.png", "cmyk.jpg", "gif.png", shape=(6, 5, 3))
        ]
        self.assertRegex(reasons[0], "cannot be read")
        self.assertRegex(reasons[1], "has mode CMYK; grey or RGB was expected")
        self.assertRegex(reasons[2], "cannot be read")
        self.assertEqual(
            self.read("a.png", shape=(8, 8, 3))[0].reason, "is 5x6 px; 8x8 px was expected"
        )
        self.assertRegex(self.read("a.png")[0].reason, "of 1 or 3 bands; 2 were expected")


class ArraysTest(ReadingTestCase):
    def test_npy_and_npz(self):
        np.save(self.folder / "a.npy", IMAGES)
        np.save(self.folder / "b.npy", np.asfortranarray(IMAGES.astype(">f8")))
        np.savez(self.folder / "c.npz", stamps=IMAGES, name=np.array(NAMES))
        np.savez_compressed(self.folder / "d.npz", image=IMAGES, id=np.array(NAMES), other=IMAGES)
        rows = [f"[{row}]" for row in range(7)]
        self.assert_images(self.read("a.npy"), IMAGES, [f"a.npy{row}" for row in rows])
        self.assert_images(self.read("b.npy"), IMAGES, [f"b.npy{row}" for row in rows])
        self.assert_images(self.read("c.npz", id_column="name"), IMAGES, NAMES)
        self.assert_images(self.read("d.npz"), IMAGES, NAMES)

    def test_three_axes_are_one_cutout_unless_there_is_one_band(self):
        np.save(self.folder / "a.npy", IMAGES[0])
        np.save(self.folder / "b.npy", IMAGES[..., 0])
        self.assert_images(self.read("a.npy"), IMAGES[:1], ["a.npy"])
        entries = self.read("b.npy", shape=(6, 5, 1))
        self.assertAllEqual([one.image for one in entries], IMAGES[..., :1])

    def test_a_pickle_is_never_loaded(self):
        class Harm:
            def __reduce__(self):
                return os.mkdir, (str(folder / "harm"),)

        folder = self.folder
        objects = np.empty((3, 6, 5, 2), object)
        objects[...] = Harm()
        np.save(self.folder / "a.npy", objects, allow_pickle=True)
        np.savez(self.folder / "b.npz", image=IMAGES, id=objects[:, 0, 0, 0])
        (self.folder / "c.npy").write_bytes(pickle.dumps(Harm()))
        entries = self.read("a.npy", "b.npz", "c.npy")
        self.assertRegex(entries[0].reason, "holds Python objects, which are never unpickled")
        self.assertRegex(entries[1].reason, "has Python objects in .id., which are never unpickled")
        self.assertRegex(entries[2].reason, "magic string")
        self.assertFalse((self.folder / "harm").exists())

    def test_whole_rows_of_a_file_cut_short_are_read(self):
        np.save(self.folder / "a.npy", IMAGES)
        memory = (self.folder / "a.npy").read_bytes()
        (self.folder / "a.npy").write_bytes(memory[:-250])
        entries = self.read("a.npy")
        self.assert_images(entries[:-1], IMAGES[:5], [f"a.npy[{row}]" for row in range(5)])
        reason = "the file ends before it, after 5 of 7 rows"
        self.assertEqual(entries[-1], LeftOut("a.npy[5:7]", reason, 2))

    def test_an_identifier_for_each_cutout(self):
        np.savez(self.folder / "a.npz", image=IMAGES[0], id="J1234")
        np.savez(self.folder / "b.npz", image=IMAGES[0], id=1234)
        np.savez(self.folder / "c.npz", image=IMAGES[:3], id=NAMES[:2])
        np.savez(self.folder / "d.npz", image=IMAGES[:3], id=NAMES[:4])
        entries = self.read("a.npz", "b.npz", "c.npz", "d.npz")
        self.assertEqual([one.id for one in entries[:2]], ["J1234", "1234"])
        for one, shape in zip(entries[2:], (r"\(2,\)", r"\(4,\)"), strict=True):
            self.assertRegex(one.reason, rf"has 3 cutout\(s\) and identifiers of shape {shape}")

    def test_what_else_cannot_be_used_is_reported(self):
        np.save(self.folder / "text.npy", np.full((2, 6, 5, 2), "x"))
        np.save(self.folder / "flat.npy", np.zeros(9))
        np.save(self.folder / "empty.npy", np.zeros((0, 6, 5, 2)))
        np.save(self.folder / "bands.npy", np.zeros((1, 6, 5, 4)))
        np.savez(self.folder / "two.npz", a=IMAGES, b=IMAGES)
        (self.folder / "bad.npz").write_bytes(b"PK\x03\x04 and no more")
        entries = self.read(
            *["text.npy", "flat.npy", "empty.npy", "bands.npy", "two.npz", "bad.npz"]
        )
        for one, reason in zip(
            entries,
            (
                "values of type <U1; numbers",
                "values of type <U1; numbers",
                r"has shape \(9,\); \(number, height",
                "has no cutouts",
                r"has 4 band\(s\), its shape is \(6, 5, 4\); 2 were expected",
                "has several arrays with cutouts: 'a', 'b'; `column` chooses one",
                "cannot be read: File is not a zip file",
            ),
            strict=True,
        ):
            self.assertRegex(one.reason, reason)


class Hdf5Test(ReadingTestCase):
    def test_a_dataset_of_cutouts(self):
        with h5py.File(self.folder / "a.h5", "w") as file:
            file.create_dataset("image", data=IMAGES, chunks=(4, *SHAPE), compression="gzip")
            file["id"] = NAMES
        with h5py.File(self.folder / "b.hdf5", "w") as file:
            file["survey/stamps"], file["survey/key"] = IMAGES, np.arange(10, 17)
        self.assert_images(self.read("a.h5"), IMAGES, NAMES)
        entries = self.read("b.hdf5", column="/survey/stamps", id_column="survey/key")
        self.assert_images(entries, IMAGES, [str(key) for key in range(10, 17)])

    def test_an_identifier_for_each_cutout(self):
        for name, images, ids in (
            ("a.h5", IMAGES[0], "J1"),
            ("b.h5", IMAGES[1], ["J2"]),
            ("c.h5", IMAGES[:1], "J3"),
            ("d.h5", IMAGES[:2], NAMES),
        ):
            with h5py.File(self.folder / name, "w") as file:
                file["image"], file["id"] = images, ids
        entries = self.read("a.h5", "b.h5", "c.h5", "d.h5")
        self.assertEqual([one.id for one in entries[:3]], ["J1", "J2", "J3"])
        self.assertRegex(entries[3].reason, r"has 2 cutout\(s\) and identifiers of shape \(7,\)")

    def test_broken_files_and_links_to_others_are_reported(self):
        with h5py.File(self.folder / "secret.h5", "w") as file:
            file["image"] = IMAGES
        with h5py.File(self.folder / "link.h5", "w") as file:
            file["image"] = h5py.ExternalLink("secret.h5", "image")
        (self.folder / "raw").write_bytes(IMAGES.tobytes())
        with h5py.File(self.folder / "raw.h5", "w") as file:
            file.create_dataset(
                "image",
                IMAGES.shape,
                "<f4",
                external=[(str(self.folder / "raw"), 0, IMAGES.nbytes)],
            )
        memory = (self.folder / "secret.h5").read_bytes()
        (self.folder / "cut.h5").write_bytes(memory[: len(memory) // 2])
        reasons = [one.reason for one in self.read("link.h5", "raw.h5", "cut.h5")]
        self.assertRegex(reasons[0], "has no 'image' among its datasets")
        self.assertRegex(reasons[1], "has the values of 'image' in other files")
        self.assertRegex(reasons[2], "cannot be read: .*truncated")


class ParquetTest(ReadingTestCase):
    def write(self, name, images, **columns):
        table = pa.table({"image": images, "id": NAMES, **columns})
        pq.write_table(table, self.folder / name, row_group_size=2)

    def test_nested_lists_tensors_and_flat_lists(self):
        tensors = pa.FixedShapeTensorArray.from_numpy_ndarray(IMAGES)
        for images in (
            pa.array(IMAGES.tolist(), pa.list_(pa.list_(pa.list_(pa.float32())))),
            pa.array(
                np.moveaxis(IMAGES, -1, 1).tolist(),
                pa.large_list(pa.list_(pa.list_(pa.float64(), 5), 6)),
            ),
            pa.array(IMAGES.reshape(7, -1).tolist(), pa.list_(pa.float32(), 60)),
            tensors,
        ):
            self.write("a.parquet", images)
            self.assert_images(self.read("a.parquet"), IMAGES, NAMES)

    def test_bytes_of_pictures(self):
        pixels = np.random.default_rng(1).integers(0, 256, (7, 6, 5, 3), np.uint8)
        encoded = [png_bytes(image) for image in pixels]
        self.write("a.parquet", pa.array(encoded))
        self.write("b.parquet", pa.array([{"bytes": one, "path": "x"} for one in encoded]))
        for name in ("a.parquet", "b.parquet"):
            self.assert_images(self.read(name, shape=(None, None, 3)), pixels, NAMES)

    def test_bad_rows_are_reported_and_the_others_read(self):
        images = IMAGES.tolist()
        images[1] = None
        images[2] = images[2][:-1]
        images[3] = [images[3][0][:-1], *images[3][1:]]
        images[4][0][0][0] = None
        images[5][0][0][0] = float("nan")
        self.write("a.parquet", pa.array(images))
        entries = self.read("a.parquet")
        self.assertAllEqual([entries[row].image for row in (0, 6)], IMAGES[[0, 6]])
        for one, reason in zip(
            entries[1:6],
            (
                "is empty",
                "is 5x5 px; 5x6 px was expected",
                "has rows of different lengths",
                "is empty, or a part of it is",
                "1 of 60 pixels are masked, NaN",
            ),
            strict=True,
        ):
            self.assertRegex(one.reason, reason)
        memory = (self.folder / "a.parquet").read_bytes()
        (self.folder / "a.parquet").write_bytes(memory[:-20])
        self.assertRegex(self.read("a.parquet")[0].reason, "cannot be read")
