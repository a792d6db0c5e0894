import io

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import tensorflow as tf
from astropy.io import fits
from astropy.table import Table
from PIL import Image

from tests.trainers.cutouts.reading_case import IMAGES, NAMES, ReadingTestCase, png_bytes
from trainers.cutouts.fits_files import columns_beside_images


class OddFilesTest(ReadingTestCase):
    def test_identifiers_beside_the_images_in_a_group(self):
        with h5py.File(self.folder / "a.h5", "w") as file:
            file["train/image"], file["train/id"] = IMAGES, NAMES
        self.assert_images(self.read("a.h5"), IMAGES, NAMES)
        with h5py.File(self.folder / "b.h5", "w") as file:
            file["train/image"], file["train/name"], file["id"] = IMAGES, NAMES, NAMES[::-1]
        self.assert_images(self.read("b.h5", id_column="name"), IMAGES, NAMES)
        self.assert_images(self.read("b.h5"), IMAGES, NAMES[::-1])
        self.assert_images(self.read("b.h5", id_column="/train/name"), IMAGES, NAMES)

    def test_python_objects_and_records_are_named(self):
        np.savez(self.folder / "a.npz", image=IMAGES, id=np.array(NAMES, dtype=object))
        (entry,) = self.read("a.npz")
        self.assertEqual(
            entry.reason,
            "has Python objects in 'id', which are never unpickled; save text",
        )
        records = np.zeros(7, [("image", np.float32, (6, 5, 2)), ("id", "U4")])
        np.save(self.folder / "b.npy", records)
        (entry,) = self.read("b.npy")
        self.assertIn("has records with the fields image, id; save the images", entry.reason)

    def test_pictures_in_columns_of_any_kind_of_bytes(self):
        pixels = np.random.default_rng(1).integers(0, 256, (7, 6, 5, 3), np.uint8)
        encoded = [png_bytes(image) for image in pixels]
        for number, column in enumerate(
            (pa.array(encoded).dictionary_encode(), pa.array(encoded, pa.binary_view()))
        ):
            name = f"{number}.parquet"
            pq.write_table(pa.table({"image": column, "id": NAMES}), self.folder / name)
            self.assert_images(self.read(name, shape=(6, 5, 3)), pixels, NAMES)

    def test_rows_without_an_image_are_empty(self):
        lists = IMAGES.tolist()
        lists[1] = None
        memory = io.BytesIO()
        Image.new("RGB", (5, 6), (1, 2, 3)).save(memory, format="PNG")
        pictures = [None if row == 1 else memory.getvalue() for row in range(7)]
        structures = [None if one is None else {"bytes": one} for one in pictures]
        for column, bands in ((lists, 2), (pictures, 3), (structures, 3)):
            pq.write_table(pa.table({"image": column, "id": NAMES}), self.folder / "t.parquet")
            entries = self.read("t.parquet", shape=(6, 5, bands))
            self.assertIn("is empty", entries[1].reason)
            self.assertEqual([entries[row].id for row in (0, 2, 6)], ["J000", "J002", "J006"])

    def test_a_table_of_stamps_beside_an_image_is_known(self):
        table = fits.BinTableHDU(Table({"stamp": IMAGES}))
        hdus = [fits.PrimaryHDU(), fits.ImageHDU(IMAGES[0, ..., 0], name="SCI"), table]
        fits.HDUList(hdus).writeto(self.folder / "a.fits")
        self.assertEqual(columns_beside_images(str(self.folder / "a.fits")), ["stamp"])
        fits.HDUList([hdus[0], table]).writeto(self.folder / "b.fits")
        self.assertEmpty(columns_beside_images(str(self.folder / "b.fits")))


if __name__ == "__main__":
    tf.test.main()
