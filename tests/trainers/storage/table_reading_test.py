from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import tensorflow as tf
from astropy.table import MaskedColumn, Table

from tests.trainers.hats_files import write_hats
from trainers.errors import UserError
from trainers.storage import table_reading

IDS = [2**62 + 1, 5, 1237648720693755918]
LABELS = ["spiral", "", "elliptical, round"]
SIZES = [0.1, np.nan, -3e5]


class ReadingTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = Path(self.get_temp_dir())

    def read(self, name):
        return table_reading.read(self.folder / name, "labels")

    def test_files_of_other_programs(self):
        masked = MaskedColumn(np.nan_to_num(SIZES), mask=np.isnan(SIZES))
        table = Table({"id": np.array(IDS), "label": LABELS, "size": masked})
        formats = {"fits": "fits", "vot": "votable", "ecsv": "ascii.ecsv", "csv": "ascii.csv"}
        for end, kind in formats.items():
            table.write(self.folder / f"table.{end}", format=kind)
        frame = pd.DataFrame({"id": IDS, "label": LABELS, "size": SIZES})
        frame.to_csv(self.folder / "table.tsv", sep="\t", index=False)
        frame["label"] = pd.Categorical([name or None for name in LABELS])
        frame["image"] = [[1.0, 2.0]] * 3
        frame.to_parquet(self.folder / "table.parquet")
        for end in (*formats, "tsv", "parquet"):
            with self.subTest(end):
                read = self.read(f"table.{end}")
                self.assertEqual(read.colnames, ["id", "label", "size"])
                self.assertEqual(table_reading.identifiers(read, "id"), list(map(str, IDS)))
                self.assertEqual(table_reading.identifiers(read, "label"), LABELS)
                self.assertAllEqual(table_reading.numbers(read, "size"), SIZES)

    def test_hats_catalogues(self):
        rows = [
            pa.table({"id": IDS[:2], "label": LABELS[:2], "embedding": [[1.0]] * 2}),
            pa.table({"id": IDS[2:], "label": LABELS[2:], "embedding": [[1.0]]}),
        ]
        write_hats(self.folder / "collection", rows)
        for name in ("collection", "collection/sky"):
            read = self.read(name)
            self.assertEqual(read.colnames, ["id", "label"])
            self.assertEqual(table_reading.identifiers(read, "id"), list(map(str, IDS)))
            self.assertEqual(table_reading.identifiers(read, "label"), LABELS)

    def test_ends_of_lines_and_the_mark_at_the_start(self):
        lines = ["id,label", "007,a", "8,b", ""]
        for number, end in enumerate(("\n", "\r\n", "\r")):
            path = self.folder / f"{number}.csv"
            path.write_bytes(b"\xef\xbb\xbf" + end.join(lines).encode())
            table = self.read(path.name)
            self.assertEqual(table_reading.identifiers(table, "id"), ["007", "8"])
            self.assertEqual(table_reading.identifiers(table, "label"), ["a", "b"])

    def test_whole_numbers_with_gaps(self):
        frame = pd.DataFrame({"id": pd.array([2**60 + 1, None], dtype="Int64")})
        frame.to_parquet(self.folder / "gaps.parquet")
        table = self.read("gaps.parquet")
        self.assertEqual(table_reading.identifiers(table, "id"), [str(2**60 + 1), ""])

    def test_rounded_identifiers_are_refused(self):
        for values in ([1.5, 2.5], ["5.0", "1.0"], ["1.23765E+18", "2e18"]):
            with self.assertRaisesRegex(ValueError, "'id' has floating-point numbers, which"):
                table_reading.identifiers(Table({"id": values}), "id")
        self.assertEqual(table_reading.identifiers(Table({"id": ["1.5", "a"]}), "id"), ["1.5", "a"])

    def test_columns_of_other_values_are_refused(self):
        with self.assertRaisesRegex(ValueError, "'size' must have numbers; got 'large'"):
            table_reading.numbers(Table({"size": ["1", "", "large"]}), "size")
        with self.assertRaisesRegex(ValueError, r"'flux' has \(5,\) values a row; one was"):
            table_reading.numbers(Table({"flux": np.zeros((2, 5))}), "flux")

    def test_unreadable_files_are_refused_in_one_line(self):
        (self.folder / "ragged.csv").write_text("id,label\n1,2,3\n")
        (self.folder / "empty.csv").write_text("id,label\n")
        (self.folder / "text.fits").write_text("not a table")
        expected = {
            "ragged.csv": "cannot be read: .*inconsistent",
            "empty.csv": "has no rows",
            "text.fits": "cannot be read",
            "none.csv": "no such file",
            "notes.txt": "must end with one of .csv, .csv.gz, .tsv",
        }
        for name, text in expected.items():
            with self.assertRaisesRegex(UserError, text) as raised:
                self.read(name)
            self.assertNotIn("\n", str(raised.exception))
