import numpy as np
from PIL import Image

from tests.trainers.cutouts.reading_case import SHAPE, ReadingTestCase
from trainers.cutouts import sources
from trainers.cutouts.reading import CutoutFiles
from trainers.errors import UserError


class SourcesTest(ReadingTestCase):
    def test_folders_and_patterns_are_read_in_order_and_each_file_once(self):
        for name in ("b/2.png", "b/10.png", "a/2.png", "a/notes.txt", "c.npy", ".x/3.png"):
            path = self.folder / name
            path.parent.mkdir(exist_ok=True)
            if path.suffix == ".png":
                Image.new("L", (5, 6)).save(path)
            else:
                np.save(path.open("wb"), np.ones((6, 5, 1)))
        found = self.read("", shape=(6, 5, 1))
        self.assertEqual([one.id for one in found], ["a/2.png", "b/10.png", "b/2.png", "c.npy"])
        found = self.read("b/*.png", "c.npy", "b/2.png", shape=(6, 5, 1))
        self.assertEqual([one.id for one in found], ["10.png", "2.png", "c.npy"])

    def test_mistakes_are_told(self):
        (self.folder / "a.txt").touch()
        for path, message in (
            ("none.fits", "--images .*none.fits: no such file"),
            ("*.fits", "--images .*: no file has such a name"),
            (".", "--images .*: no .fits, .*files in the folder"),
            ("a.txt", "--images .*a.txt must end with one of .fits"),
        ):
            with self.assertRaisesRegex(UserError, message):
                sources.find([self.folder / path])
        with self.assertRaisesRegex(UserError, "--extensions must be one of objects, bands"):
            CutoutFiles([self.folder], SHAPE, extensions="all")
