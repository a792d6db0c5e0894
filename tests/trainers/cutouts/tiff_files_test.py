import numpy as np
import tifffile
from PIL import Image

from tests.trainers.cutouts.reading_case import IMAGES, SHAPE, ReadingTestCase
from trainers.cutouts.cutout import LeftOut


class TiffFilesTest(ReadingTestCase):
    def test_bands_in_pages_and_in_samples(self):
        planes = np.moveaxis(IMAGES[0], -1, 0)
        tifffile.imwrite(self.folder / "pages.tif", planes, photometric="minisblack")
        tifffile.imwrite(self.folder / "samples.tiff", IMAGES[1], photometric="minisblack")
        options = {"photometric": "minisblack", "planarconfig": "separate"}
        tifffile.imwrite(self.folder / "separate.TIF", planes, **options)
        names = ["pages.tif", "samples.tiff", "separate.TIF"]
        entries = self.read(*names)
        self.assert_images(entries, [IMAGES[0], IMAGES[1], IMAGES[0]], names)

    def test_pages_are_cutouts_of_one_band(self):
        pages = IMAGES[..., 0]
        tifffile.imwrite(self.folder / "many.tif", pages, photometric="minisblack")
        entries = self.read("many.tif", shape=(*SHAPE[:2], 1))
        ids = [f"many.tif[{row}]" for row in range(len(pages))]
        self.assert_images(entries, pages[..., None], ids)

    def test_files_of_pillow(self):
        pixels = np.random.default_rng(0).integers(0, 2**16, SHAPE[:2]).astype(np.uint16)
        Image.fromarray(pixels).save(self.folder / "deep.tif")
        colour = np.random.default_rng(1).integers(0, 256, (*SHAPE[:2], 3)).astype(np.uint8)
        Image.fromarray(colour).save(self.folder / "colour.tif", compression="tiff_deflate")
        entries = self.read("deep.tif", shape=(*SHAPE[:2], 1))
        self.assert_images(entries, [pixels[..., None]], ["deep.tif"])
        entries = self.read("colour.tif", shape=(*SHAPE[:2], 3))
        self.assert_images(entries, [colour], ["colour.tif"])

    def test_what_cannot_be_read_is_left_out(self):
        tifffile.imwrite(self.folder / "wide.tif", np.zeros((2, 9, 9), np.float32))
        (self.folder / "text.tif").write_text("no picture")
        wide, text = self.read("wide.tif", "text.tif")
        self.assertEqual(wide, LeftOut("wide.tif", "is 9x9 px; 5x6 px was expected"))
        self.assertIn("cannot be read", text.reason)
