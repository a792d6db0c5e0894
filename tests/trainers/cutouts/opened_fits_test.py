import bisect
import bz2
import gzip
import zlib

import numpy as np
from astropy.io import fits
from astropy.table import Table

from tests.trainers.cutouts.reading_case import IMAGES, ReadingTestCase
from trainers.cutouts.cutout import Cutout

SHAPE = (60, 50, 1)
PLANES = np.random.default_rng(2).normal(size=(6, 60, 50)).astype(np.float32)
EARLY = "cannot be read: the file ends early"


class DamageTest(ReadingTestCase):
    def setUp(self):
        super().setUp()
        path = self.folder / "whole.fits"
        hdus = [fits.PrimaryHDU(), *map(fits.ImageHDU, PLANES)]
        fits.HDUList(hdus).writeto(path, overwrite=True)
        self.whole = path.read_bytes()
        with fits.open(path) as file:
            self.starts = [hdu.fileinfo()["hdrLoc"] for hdu in file]

    def outcome(self, memory, name="a.fits", shape=SHAPE, **options):
        """Returns the numbers of what is read, which must be right, and reasons for the others."""
        (self.folder / name).write_bytes(memory)
        numbers, reasons = [], {}
        for one in self.read(name, shape=shape, **options):
            number = int(one.source.partition("#")[2] or 0)
            if isinstance(one, Cutout):
                self.assertAllEqual(one.image[..., 0], PLANES[number - 1])
                numbers.append(number)
            else:
                reasons[number] = one.reason
        return numbers, reasons

    def test_all_before_the_end_of_a_file_cut_short_is_read(self):
        header, pixels = self.starts[3] + 500, self.starts[3] + 2880 + 500
        no_extension = f"cannot be read: what follows its first {self.starts[3]} bytes is no"
        self.assertEqual(self.outcome(self.whole), ([1, 2, 3, 4, 5, 6], {}))
        self.assertEqual(self.outcome(self.whole[:pixels]), ([1, 2], {3: EARLY}))
        numbers, reasons = self.outcome(self.whole[:header])
        self.assertEqual(numbers, [1, 2])
        self.assertStartsWith(reasons[3], no_extension)
        packed = gzip.compress(self.whole)
        for part in range(3, 9):
            cut = packed[: part * len(packed) // 10]
            whole = bisect.bisect(self.starts, len(_unpacked(cut))) - 2
            numbers, reasons = self.outcome(cut, "a.fits.gz")
            self.assertEqual((len(numbers), reasons), (whole, {whole + 1: EARLY}))
        # A last block that is not filled, or one more, takes nothing away.
        for memory in (self.whole[:-2000], self.whole + bytes(2880), self.whole + bytes(9)):
            self.assertEqual(self.outcome(memory), ([1, 2, 3, 4, 5, 6], {}))

    def test_a_wrong_checksum_of_gzip_is_seen(self):
        packed = bytearray(gzip.compress(self.whole))
        packed[len(packed) // 2] ^= 0xFF
        with self.assertRaisesRegex(gzip.BadGzipFile, "CRC check failed"):
            gzip.decompress(packed)
        numbers, reasons = self.outcome(packed, "a.fits.gz")
        self.assertEqual((numbers, list(reasons)), ([], [0]))
        numbers, reasons = self.outcome(packed, "packed_all_the_same.fits")
        self.assertEqual(numbers, [])

    def test_what_bzip2_packed_badly_is_left_out(self):
        packed = bz2.compress(self.whole)
        self.assertEqual(self.outcome(packed, "a.fits.bz2"), ([1, 2, 3, 4, 5, 6], {}))
        damaged = bytearray(packed)
        damaged[len(packed) // 2] ^= 0xFF
        for memory in (damaged, packed[: len(packed) // 2]):
            numbers, reasons = self.outcome(memory, "a.fits.bz2")
            self.assertEqual((numbers, list(reasons)), ([], [0]))

    def test_a_header_that_is_damaged_is_reported(self):
        start = self.starts[3]
        for old, new, lost in (
            (b"XTENSION", b"YTENSION", [3]),
            (b"'IMAGE   '", b"'IMAGF   '", [3]),
            (b"BITPIX", b"BATPIX", [3, 4, 5, 6]),
            (b"  50", b" -50", [3, 4, 5, 6]),
        ):
            with self.subTest(new):
                after = self.whole[start:].replace(old, new, 1)
                numbers, reasons = self.outcome(self.whole[:start] + after)
                self.assertEqual(sorted([*numbers, *lost]), [1, 2, 3, 4, 5, 6])
                self.assertEqual(list(reasons), [3])
                self.assertStartsWith(reasons[3], "cannot be read: ")

        primary = fits.PrimaryHDU(PLANES[0])
        primary.writeto(self.folder / "primary.fits")
        memory = (self.folder / "primary.fits").read_bytes().replace(b"  50", b" -50", 1)
        numbers, reasons = self.outcome(memory)
        self.assertEqual((numbers, list(reasons)), ([], [0]))
        self.assertStartsWith(reasons[0], "cannot be read: [Errno")  # Not of an empty list.

    def test_bands_are_read_only_if_all_are_whole(self):
        numbers, reasons = self.outcome(
            self.whole[: self.starts[6]] + b"x" * 2880, shape=(60, 50, 5), extensions="bands"
        )
        self.assertEqual(numbers, [])
        self.assertStartsWith(reasons[0], "extension 6 cannot be read")
        (entry,) = self.read("a.fits", shape=(60, 50, 2), extensions="bands", hdu=(1, 5))
        self.assertAllEqual(entry.image, np.moveaxis(PLANES[[0, 4]], 0, -1))

    def test_packed_tables_and_what_is_lost_after_a_table_are_reported(self):
        path = self.folder / "t.fits"
        Table({"image": IMAGES}).write(path)
        table = path.read_bytes()
        packed = gzip.compress(table)
        (self.folder / "t.fits.gz").write_bytes(packed[: len(packed) // 2])
        (entry,) = self.read("t.fits.gz")
        self.assertEqual((entry.number, entry.reason), (7, EARLY))
        path.write_bytes(table + self.whole[self.starts[3] :][:500])
        entries = self.read("t.fits")
        self.assertLen(entries, 8)
        self.assertStartsWith(entries[7].reason, "cannot be read: what follows its first")
        self.assertEqual(entries[7].source, "t.fits#2")


def _unpacked(packed):
    """Returns what can be unpacked of a stream that is cut short."""
    return zlib.decompressobj(wbits=31).decompress(packed)
