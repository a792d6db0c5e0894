import contextlib
import os
import shutil
import tempfile
from pathlib import Path
from unittest import mock

import tensorflow as tf
from astropy.table import Table

from trainers.cutouts.cutout import LeftOut
from trainers.errors import UserError
from trainers.prediction import merge_parts
from trainers.prediction.parts import Parts

BAD = LeftOut("#3.fits", "is no image")


def rows(*ids):
    return Table({"id": ids, "source": ids, "flux": [1.0] * len(ids)}) if ids else Table()


class PartsTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.output = self.folder / "out.ecsv"

    def make(self, table, left_out=(), manifest=None, overwrite=False):
        parts = Parts(self.output)
        with parts.opened(manifest or {}, overwrite):
            if parts.summary() is None:
                parts.write(0, table, left_out)
            return merge_parts.merge(parts, 1, {})

    def entries(self):
        return sorted(path.name for path in self.folder.iterdir())

    def test_what_is_replaced_leaves_no_table_of_before(self):
        self.make(rows("#1", "2"), [BAD])
        self.assertEqual(self.entries(), ["out.ecsv", "out_left_out.ecsv"])
        self.assertEqual(list(Table.read(self.output)["id"]), ["#1", "2"])
        left_out = Table.read(self.folder / "out_left_out.ecsv")
        self.assertEqual(list(left_out["source"]), ["#3.fits"])
        self.make(rows("1", "2", "3"), overwrite=True)
        self.assertEqual(self.entries(), ["out.ecsv"])
        self.assertLen(Table.read(self.output), 3)
        self.make(rows(), [BAD], overwrite=True)
        self.assertEqual(self.entries(), ["out_left_out.ecsv"])

    def test_nor_after_a_kill_before_any_step(self):
        for table, left_out in ((rows("4"), ()), (rows(), [BAD])):
            self.make(table, left_out, overwrite=True)
            expected = self.entries()
            for steps in range(30):
                self.make(rows("1", "2"), [BAD, BAD], overwrite=True)
                with killed_after(steps) as was_killed, contextlib.suppress(KeyboardInterrupt):
                    self.make(table, left_out, overwrite=True)
                self.assertEqual(self.make(table, left_out, overwrite=True).rows, len(table))
                self.assertEqual(self.entries(), expected)
                if len(table):
                    self.assertEqual(list(Table.read(self.output)["id"]), ["4"])
                if left_out:
                    self.assertLen(Table.read(self.folder / "out_left_out.ecsv"), 1)
                if not was_killed:
                    break
            self.assertFalse(was_killed)

    def test_a_list_of_another_table_is_named(self):
        self.make(rows("1"), [BAD])
        self.output = self.folder / "out.parquet"
        with self.assertRaisesRegex(UserError, "/out_left_out.ecsv, of another table, is there"):
            self.make(rows("1"), [BAD])
        self.assertEqual(self.entries(), ["out.ecsv", "out_left_out.ecsv"])
        self.make(rows("1"), [BAD], overwrite=True)
        self.assertEqual(self.entries(), ["out.ecsv", "out.parquet", "out_left_out.ecsv"])

    def test_another_process_may_tidy_up_first(self):
        rmtree = shutil.rmtree

        def twice(path, **options):
            rmtree(path)
            rmtree(path, **options)

        with mock.patch.object(shutil, "rmtree", twice):
            parts = Parts(self.output)
            (self.folder / "out.ecsv.parts.old").mkdir()
            with parts.opened({}, overwrite=False):
                parts.write(0, rows("1"), [])
                merge_parts.merge(parts, 1, {})
        self.assertEqual(self.entries(), ["out.ecsv"])

    def test_more_columns_than_the_format_has_leave_nothing_behind(self):
        self.output = self.folder / "out.fits"
        wide = Table({"id": ["1"], "source": ["1"]} | {f"x{n}": [1.0] for n in range(998)})
        with self.assertRaisesRegex(UserError, "999 columns at most, as FITS; got 1000"):
            self.make(wide)
        self.assertEqual(self.entries(), [])


@contextlib.contextmanager
def killed_after(number):
    """Raises KeyboardInterrupt in place of a change to names of files after so many of them."""
    steps, was_killed = iter(range(number)), []

    def counted(function):
        def call(*arguments, **options):
            if next(steps, None) is None:
                was_killed.append(True)
                raise KeyboardInterrupt
            return function(*arguments, **options)

        return call

    with contextlib.ExitStack() as stack:
        for owner, name in ((os, "replace"), (os, "rename"), (Path, "unlink"), (shutil, "rmtree")):
            function = counted(getattr(owner, name))
            stack.enter_context(mock.patch.object(owner, name, function))
        yield was_killed


if __name__ == "__main__":
    tf.test.main()
