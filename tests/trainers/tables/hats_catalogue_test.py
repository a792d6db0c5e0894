"""HATS, where the extra `hats` is installed; conftest.py leaves this file out elsewhere."""

import contextlib
import io
from pathlib import Path

import lsdb
import numpy as np
import tensorflow as tf
from astropy.table import Column, Table

from trainers import hats
from trainers.cutouts import sources
from trainers.storage import table_reading
from trainers.tables import hats_catalogue, table_files

NUMBER = 40


class HatsTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = Path(self.get_temp_dir())
        rng = np.random.default_rng(3)
        self.table = Table(
            {
                "id": [f"J{row:03d}" for row in range(NUMBER)],
                "ra": Column(rng.uniform(150, 152, NUMBER), unit="deg", description="Right asc."),
                "dec": Column(rng.uniform(1, 3, NUMBER), unit="deg"),
                "probability_star": rng.random(NUMBER).astype(np.float32),
                "outside": rng.random(NUMBER) > 0.5,
                "embedding": rng.normal(size=(NUMBER, 6)).astype(np.float32),
            },
            meta={"model": "tiny_model", "run": "mine"},
        )

    def run_command(self, *arguments):
        """Returns status, output and errors of the command."""
        printed, errors = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(errors):
            status = hats.main(list(map(str, arguments)))
        return status, printed.getvalue(), errors.getvalue()

    def test_lsdb_reads_what_was_written_and_crossmatches_it(self):
        self.table["ra"][7] = np.nan
        output = self.folder / "mine"
        for end in ("parquet", "fits"):
            path = self.folder / f"catalogue.{end}"
            table_files.write(self.table, path)
            arguments = ("--catalogue", path, "--output", output, "--overwrite")
            status, printed, errors = self.run_command(*arguments)
            self.assertEqual(status, 0, errors)
            self.assertIn(f"({NUMBER - 1} objects)", printed)
            self.assertIn("1 of 40 objects have no position", errors)
            opened = lsdb.open_catalog(output)
            frame = opened.compute().set_index("id")
            with self.subTest(end):
                self.assertLen(frame, NUMBER - 1)
                for row in self.table:
                    if row["id"] == "J007":
                        self.assertNotIn("J007", frame.index)
                        continue
                    read = frame.loc[row["id"]]
                    for name in ("ra", "dec", "probability_star", "outside"):
                        self.assertEqual(read[name], row[name])
                    self.assertAllEqual(np.asarray(read["embedding"]), row["embedding"])
                about = (output / "mine/hats.properties").read_text()
                self.assertIn("source_model=tiny_model", about)
        shifted = self.table[:5].copy()
        shifted["dec"] += 1 / 3600
        other = lsdb.from_astropy(shifted["id", "ra", "dec"], catalog_name="other")
        matched = other.crossmatch(opened, radius_arcsec=2, suffixes=("", "_mine")).compute()
        self.assertCountEqual(matched["id"], shifted["id"])
        self.assertAllEqual(matched["id"], matched["id_mine"])
        self.assertAllClose(matched["_dist_arcsec"], np.ones(5), atol=1e-6)

    def test_own_readers_take_the_collection(self):
        hats_catalogue.write(self.table, self.folder / "sky", {})
        read = table_reading.read(self.folder / "sky", "labels")
        self.assertCountEqual(table_reading.identifiers(read, "id"), self.table["id"])
        files = sources.find([self.folder / "sky"])
        self.assertNotEmpty(files)
        for file in files:
            self.assertRegex(file, r"/sky/sky/dataset/Norder=\d+/Dir=\d+/Npix=\d+\.parquet$")

    def test_a_failure_leaves_the_earlier_collection(self):
        hats_catalogue.write(self.table, self.folder / "sky", {})
        broken = self.table["id", "ra", "dec"]
        broken["z"] = np.ones(NUMBER, complex)  # Parquet has none.
        with self.assertRaises(Exception):  # noqa: B017, the library's own
            hats_catalogue.write(broken, self.folder / "sky", {})
        self.assertLen(lsdb.open_catalog(self.folder / "sky").compute(), NUMBER)
        self.assertEqual([path.name for path in self.folder.iterdir()], ["sky"])
