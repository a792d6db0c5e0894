"""Names in archives and catalogues that lead out of their folder."""

import io
import os
import stat
import tempfile
import zipfile
from pathlib import Path

import h5py
import numpy as np
import tensorflow as tf
from astropy.io import fits
from astropy.table import Table
from etils import epath
from PIL import Image

from tfds_builders.galaxy_zoo_decals.images import find_images, picture
from tfds_builders.simulation.cosmos import RealGalaxies
from tfds_builders.simulation.cosmos_tables import IMAGE_COLUMNS
from trainers.cutouts import reading
from trainers.cutouts.cutout import LeftOut


def png():
    stream = io.BytesIO()
    Image.fromarray(np.full((8, 8, 3), 7, np.uint8)).save(stream, "PNG")
    return stream.getvalue()


class HostilePathsTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.outside = Path(self.enter_context(tempfile.TemporaryDirectory()))
        self.folder = self.outside / "a" / "b"
        self.folder.mkdir(parents=True)

    def files(self):
        return sorted(str(p.relative_to(self.outside)) for p in self.outside.rglob("*"))

    def test_members_of_zip_files_are_never_unpacked(self):
        path = self.folder / "gz_decals_dr5_png_part1.zip"
        names = ("../../up.png", "/absolute.png", "a/../../../more.png", "C:\\\\d.png", "good.png")
        with zipfile.ZipFile(path, "w") as archive:
            for name in names:
                archive.writestr(name, png())
            link = zipfile.ZipInfo("link.png")
            link.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(link, "/etc/hostname")
        before = self.files()
        images = find_images([epath.Path(path)])
        self.assertIn("good", images)
        link = images.pop("link")
        for image in images.values():
            self.assertEqual(picture(image.read(), 1.0, 4).shape, (4, 4, 3))
        # It is its own few bytes, not what they name.
        with self.assertRaisesRegex(ValueError, "not an image"):
            picture(link.read(), 1.0, 4)
        self.assertEqual(self.files(), before)
        self.assertFalse(os.path.exists("/absolute.png"))

    def test_a_member_that_fills_the_memory_is_not_read(self):
        path = self.folder / "gz_decals_dr5_png_part1.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("bomb.png", bytes(2**26 + 1))
        (image,) = find_images([epath.Path(path)]).values()
        with self.assertRaisesRegex(ValueError, "67108865 bytes announced"):
            image.read()

    def test_files_that_a_cosmos_catalogue_names_lie_beside_it(self):
        secret = self.outside / "secret.fits"
        fits.writeto(secret, np.ones((4, 4), np.float32))
        for name in ("../../secret.fits", str(secret), "..", "sub/secret.fits", ""):
            with self.subTest(name):
                rows = {column: np.ones(60) for column in IMAGE_COLUMNS}
                rows |= {"IDENT": np.arange(60), "GAL_FILENAME": [name] * 60}
                rows |= {"PSF_FILENAME": ["p.fits"] * 60}
                catalogue = self.folder / "catalog.fits"
                Table(rows).write(catalogue, overwrite=True)
                with self.assertRaisesRegex(ValueError, "catalog.fits: .*without folders"):
                    RealGalaxies(str(self.folder), 30.0, 1.0, False)

    def test_hdf5_files_do_not_lead_to_others(self):
        with h5py.File(self.outside / "secret.h5", "w") as file:
            file["image"] = np.ones((2, 4, 4, 1), np.float32)
        with h5py.File(self.folder / "a.h5", "w") as file:
            file["image"] = h5py.ExternalLink("../../secret.h5", "image")
        with h5py.File(self.folder / "b.h5", "w") as file:
            layout = h5py.VirtualLayout((2, 4, 4, 1), np.float32)
            layout[:] = h5py.VirtualSource("../../secret.h5", "image", (2, 4, 4, 1))
            file.create_virtual_dataset("image", layout)
        with h5py.File(self.folder / "c.h5", "w") as file:
            where = [(str(self.outside / "secret.h5"), 0, 128)]
            file.create_dataset("image", (2, 4, 4, 1), np.float32, external=where)
        for entry in reading.read([self.folder], (4, 4, 1)):
            self.assertIsInstance(entry, LeftOut, entry)


if __name__ == "__main__":
    tf.test.main()
