import functools
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import tensorflow as tf
from astropy.io import fits
from astropy.table import Column, Table

from trainers.errors import UserError
from trainers.tables import table_files


def table():
    """Columns of every type, with ids of different lengths."""
    number = 25
    return Table(
        [
            Column([f"J{row**3}" for row in range(number)], name="id", description="Identifier"),
            Column([f"'{row}', # \"é" for row in range(number)], name="note"),
            Column(np.linspace(0, 1, number).astype(np.float32), name="ra", unit="deg"),
            Column(np.arange(number) - 3, name="count"),
            Column(np.arange(number) % 3 == 0, name="flag", description="A third of them"),
        ],
        meta={"model": "vae", "command": "a long line " * 20, "seed": 3},
    )


class PiecesTest(tf.test.TestCase):
    def test_pieces_give_what_astropy_writes_at_once(self):
        folder, pieces = Path(self.get_temp_dir()), table()
        for end, kind in table_files.FORMATS.items():
            path, at_once, whole = folder / f"pieces{end}", folder / f"at_once{end}", table()
            if end == ".fits":
                whole["note"] = [text.replace("é", r"\xe9") for text in whole["note"]]
            # Like those of parts: without descriptions, and text as wide as it is there.
            bare = (
                Table({name: np.array(pieces[name][rows].tolist()) for name in pieces.colnames})
                for rows in (slice(0, 10), slice(10, 24), slice(24, 25))
            )
            table_files.write_pieces(whole[:0], bare, 25, path)
            whole.write(at_once, format=kind)
            read, expected = Table.read(path), Table.read(at_once)
            self.assertEqual(read.colnames, expected.colnames)
            meta = {key: v for key, v in read.meta.items() if not key.startswith("TCOMM")}
            self.assertEqual(meta, expected.meta)
            for name in expected.colnames:
                self.assertEqual(read[name].dtype, expected[name].dtype)
                self.assertEqual(read[name].unit, expected[name].unit)
                self.assertEqual(read[name].description, expected[name].description)
                self.assertEqual(list(read[name]), list(expected[name]))
            if end == ".fits":
                with fits.open(path) as file:
                    file.verify("exception")
                    self.assertEqual(file[1].header["TCOMM1"], "Identifier")
                self.assertEqual(path.stat().st_size % 2880, 0)
            elif end != ".parquet":
                self.assertEqual(path.read_text(), at_once.read_text())
        self.assertLen(list(folder.iterdir()), 8)

    def test_writers_of_one_file_come_one_after_the_other(self):
        path, begun, pause = Path(self.get_temp_dir()) / "same.ecsv", [], threading.Event()

        def pieces(number):
            for start in range(0, 90, 30):
                begun.append(number)
                pause.wait(0.05)
                yield Table({"writer": np.full(30, number), "row": np.arange(start, start + 30)})

        template = Table({"writer": np.zeros(0, int), "row": np.zeros(0, int)})
        write = functools.partial(table_files.write_pieces, template, rows=90, path=path)
        with ThreadPoolExecutor(3) as threads:
            list(threads.map(lambda number: write(pieces=pieces(number)), range(3)))
        # Nobody begins before the one before has ended, and the file is all of the last one.
        self.assertEqual(begun, [number for number in begun[::3] for _ in range(3)])
        written = Table.read(path)
        self.assertAllEqual(written["writer"], np.full(90, begun[-1]))
        self.assertAllEqual(written["row"], np.arange(90))
        self.assertEqual([file.name for file in path.parent.iterdir()], [path.name])

    def test_a_long_command_with_quotes_is_read_as_it_was(self):
        command = (
            "python -m trainers.predict --images 'n*/a b*.fits' --output " + "o" * 90 + " 'c d'"
        )
        whole = table()
        whole.meta["command"] = command
        del whole["note"]
        whole["ra"].description = "Right ascension of the galaxy's centre, " * 4
        for end in (".fits", ".ecsv", ".parquet"):
            for name in ("at_once", "pieces"):
                path = Path(self.get_temp_dir()) / f"quotes_{name}{end}"
                if name == "pieces":
                    table_files.write_pieces(whole[:0], [whole], len(whole), path)
                else:
                    table_files.write(whole, path)
                meta = {key.lower(): value for key, value in Table.read(path).meta.items()}
                quoted = command.replace("'", '"') if end == ".fits" else command
                self.assertEqual(meta["command"], quoted)
        header = fits.getheader(Path(self.get_temp_dir()) / "quotes_pieces.fits", 1)
        self.assertStartsWith(header["TCOMM2"], 'Right ascension of the galaxy"s centre, Right')

    def test_what_looks_like_a_comment_or_the_end_of_a_line_stays_one_row(self):
        ids = ["#1", " #2", "\xa0#", "# 3", '#"', "a\n#b", "a\rb", "a\r\nb", "é\u2028z", "\x85q"]
        ids += ["007", "x,y", "nan", "a\\nb", "plain"]
        whole = Table({"id": ids, "x": np.arange(len(ids)), "note": ids[::-1]})
        for end in table_files.FORMATS:
            path = Path(self.get_temp_dir()) / f"ids{end}"
            table_files.write(whole, path)
            table = Table.read(path)
            self.assertAllEqual(table["x"], np.arange(len(ids)))
            for name in ("id", "note"):
                expected = whole[name].tolist()
                if end == ".fits":
                    expected = [ascii(one)[1:-1].replace("\\\\", "\\") for one in expected]
                elif end != ".parquet":
                    expected = [_without_breaks(one) for one in expected]
                # Astropy reads texts without the blanks at their ends.
                written = [text.strip() for text in map(str, table[name])]
                self.assertEqual(written, [text.strip() for text in expected])

    def test_fits_spells_out_what_is_not_ascii_and_widens_bytes(self):
        path = Path(self.get_temp_dir()) / "é.fits"
        names = ["größe.jpg", "a\tb", "😀"]
        description = "Probability of class étoile, d'une galaxie"
        whole = Table(
            [
                Column(names, name="id"),
                Column(np.array([-2, 127, 0], np.int8), name="étoile", description=description),
            ],
            meta={"images": "b5ü/a.npy\n", "command": "é" * 90},
        )
        table_files.write(whole, path)
        table = Table.read(path)
        self.assertEqual(list(table["id"]), [r"gr\xf6\xdfe.jpg", r"a\tb", r"\U0001f600"])
        self.assertAllEqual(table[r"\xe9toile"], [-2, 127, 0])
        self.assertEqual(table[r"\xe9toile"].dtype.kind, "i")
        self.assertEqual(table.meta["IMAGES"], r"b5\xfc/a.npy\n")
        self.assertEqual(table.meta["COMMAND"], r"\xe9" * 90)
        comment = r'Probability of class \xe9toile, d"une galaxie'
        self.assertEqual(fits.getheader(path, 1)["TCOMM2"], comment)

    def test_more_columns_than_fits_has_are_refused(self):
        wide = Table({f"x{number}": [1.0] for number in range(1000)})
        path = Path(self.get_temp_dir()) / "wide.fits"
        with self.assertRaisesRegex(UserError, "999 columns at most.*got 1000: .* with .parquet"):
            table_files.write(wide, path)
        self.assertFalse(path.exists())
        table_files.check_columns(999, path)
        table_files.check_columns(1000, path.with_suffix(".parquet"))

    def test_pieces_that_are_not_all_leave_no_file(self):
        folder, whole = Path(self.get_temp_dir()), table()
        for end in table_files.FORMATS:
            with self.assertRaisesRegex(ValueError, "must have 26 rows in all; got 25"):
                table_files.write_pieces(whole[:0], [whole], 26, folder / f"x{end}")
        self.assertEmpty(list(folder.glob("*x*")))


def _without_breaks(text):
    for character in text:
        if len(f"a{character}b".splitlines()) > 1:
            text = text.replace(character, ascii(character)[1:-1])
    return text
