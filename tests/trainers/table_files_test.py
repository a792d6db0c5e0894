import functools
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import tensorflow as tf
from astropy.io import fits
from astropy.table import Column, Table

from trainers import table_files


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
        found = Table.read(path)
        self.assertAllEqual(found["writer"], np.full(90, begun[-1]))
        self.assertAllEqual(found["row"], np.arange(90))
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

    def test_pieces_that_are_not_all_leave_no_file(self):
        folder, whole = Path(self.get_temp_dir()), table()
        for end in table_files.FORMATS:
            with self.assertRaisesRegex(ValueError, "must have 26 rows in all; got 25"):
                table_files.write_pieces(whole[:0], [whole], 26, folder / f"x{end}")
        self.assertEmpty(list(folder.glob("*x*")))
