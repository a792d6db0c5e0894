import contextlib
import io
import sys
from pathlib import Path
from unittest import mock

import numpy as np
import tensorflow as tf
from astropy.table import Table

from trainers import hats


class MistakesTest(tf.test.TestCase):
    """Catalogues themselves: `tables/hats_catalogue_test.py`."""

    def setUp(self):
        super().setUp()
        self.folder = Path(self.get_temp_dir())

    def test_mistakes_are_one_line(self):
        (self.folder / "full").mkdir()
        collection = self.folder / "collection"
        collection.mkdir()
        (collection / "collection.properties").touch()
        table = Table({"id": ["a", "b"], "ra": [1.0, 2.0], "dec": [3.0, np.nan]})
        table.write(self.folder / "c.ecsv")
        table["id", "ra"].write(self.folder / "half.csv")
        for catalogue, output, message in (
            (
                "half.csv",
                "new",
                "--catalogue must have the columns ra and dec, degrees; got id, ra",
            ),
            ("c.ecsv", "full", "must be a new folder or a HATS collection"),
            ("c.ecsv", "collection", "is there; give another folder, or --overwrite"),
            ("c.txt", "new", "--catalogue must end with one of .fits, .parquet"),
            ("none.ecsv", "new", "none.ecsv cannot be read"),
            ("c.ecsv", "new", "HATS needs lsdb: pip install 'galaxy-model-zoo[hats]'"),
        ):
            arguments = ("--catalogue", self.folder / catalogue, "--output", self.folder / output)
            errors = io.StringIO()
            with (
                self.subTest(message),
                mock.patch.dict(sys.modules, {"lsdb": None}),
                contextlib.redirect_stderr(errors),
            ):
                self.assertEqual(hats.main(list(map(str, arguments))), 2)
                self.assertIn(message, errors.getvalue())
                self.assertLen(errors.getvalue().splitlines(), 1)
                self.assertFalse((self.folder / "new").exists())
