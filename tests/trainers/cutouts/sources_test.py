import contextlib
import os

import numpy as np
from astropy.io import fits
from PIL import Image

from tests.trainers.cutouts.reading_case import IMAGES, SHAPE, ReadingTestCase
from trainers.cutouts import sources
from trainers.cutouts.reading import CutoutFiles
from trainers.errors import UserError


class SourcesTest(ReadingTestCase):
    def test_folders_and_patterns_are_read_in_order_and_each_file_once(self):
        for name in ("b/2.png", "b/10.png", "a/2.png", "a/notes.txt", "c.npy", ".x/3.png"):
            path = self.folder / name
            path.parent.mkdir(exist_ok=True)
            if path.suffix == ".png":
                Image.new("L", (5, 6), 1).save(path)
            else:
                np.save(path.open("wb"), np.ones((6, 5, 1)))
        entries = self.read("", shape=(6, 5, 1))
        self.assertEqual([one.id for one in entries], ["a/2.png", "b/10.png", "b/2.png", "c.npy"])
        entries = self.read("b/*.png", "c.npy", "b/2.png", shape=(6, 5, 1))
        self.assertEqual([one.id for one in entries], ["10.png", "2.png", "c.npy"])

    def test_mistakes_are_reported(self):
        (self.folder / "a.txt").touch()
        for path, message in (
            ("none.fits", "`images=.*none.fits`: no such file"),
            ("*.fits", "`images=.*`: no file has such a name"),
            (".", "`images=.*`: no .fits, .*files in the folder"),
            ("a.txt", "`images=.*a.txt` must end with one of .fits"),
        ):
            with self.assertRaisesRegex(UserError, message):
                sources.find([self.folder / path])
        with self.assertRaisesRegex(UserError, "`extensions` must be one of objects, bands"):
            CutoutFiles([self.folder], SHAPE, extensions="all")

    def test_files_that_cannot_be_read_are_counted(self):
        names = ("a.fits", "b.gif", "in/c.GIF", "in/d.bmp", "in/e", ".x/f.gif", "__MACOSX/g.gif")
        for name in (*names, "Thumbs.db", "out.csv.parts/h.ecsv"):
            (self.folder / name).parent.mkdir(exist_ok=True)
            (self.folder / name).touch()
        counts = {".gif": 2, ".bmp": 1, "": 1}
        for path in (self.folder, f"{self.folder.parent}/{self.folder.name[:-1]}*"):
            self.assertEqual(sources.unread([path]), counts)
        self.assertEmpty(sources.unread([self.folder / "a.fits", self.folder / "none"]))
        self.assertEqual(sources.counted(counts), "2 .gif, 1 without suffix, 1 .bmp")

    def test_one_file_under_two_names_is_read_once(self):
        fits.writeto(self.folder / "a.fits", np.ones((2, 6, 5)))
        with contextlib.chdir(self.folder):
            entries = self.read("a.fits", self.folder / "a.fits", "./a.fits")
        self.assertLen(entries, 1)

    def test_links_are_followed_once_and_those_to_nothing_are_reported(self):
        inside, outside = self.folder / "in", self.folder / "out"
        for folder, name in ((inside, "near"), (outside, "far")):
            folder.mkdir()
            fits.writeto(folder / f"{name}.fits", np.ones((2, 6, 5)))
        for name, folder in (("night", outside), ("again", inside)):
            (inside / name).symlink_to(folder)
            self.addCleanup((inside / name).unlink)  # TensorFlow stumbles over it at the end.
        (inside / "none.fits").symlink_to("nowhere.fits")
        entries = self.read("in")
        self.assertEqual([one.source for one in entries], ["near.fits", "far.fits", "none.fits"])
        self.assertRegex(entries[2].reason, "cannot be read: .*No such file")
        self.assertEqual([state[1] for state in CutoutFiles([inside], SHAPE).state()][2], None)

    def test_patterns_of_folders(self):
        for name in ("night2/b.fits", "night1/a.fits", "day/c.fits"):
            (self.folder / name).parent.mkdir()
            fits.writeto(self.folder / name, np.ones((2, 6, 5)))
        self.assertEqual([one.source for one in self.read("night*")], ["a.fits", "b.fits"])

    def test_the_table_that_is_written_is_not_read(self):
        for name in ("a.npy", "out.npy.parts/part.npy", "out.npy.parts.old/part.npy", "out.npy"):
            (self.folder / name).parent.mkdir(exist_ok=True)
            np.save(self.folder / name, IMAGES)
        out = self.folder / "out.npy"
        for path in (self.folder, self.folder / "*.npy"):
            self.assertEqual(sources.find([path], out), [str(self.folder / "a.npy")])
        with self.assertRaisesRegex(UserError, "out.npy`: nothing but the table of `output`"):
            sources.find([out], out)

    def test_a_name_that_is_no_text_is_shown(self):
        path = os.fsencode(self.folder) + b"/gal\xe9.fits"
        with open(path, "wb") as file:
            fits.PrimaryHDU(np.ones((2, 6, 5))).writeto(file)
        (entry,) = self.read("")
        self.assertEqual(entry.id, r"gal\xe9.fits")
        entry.source.encode()
