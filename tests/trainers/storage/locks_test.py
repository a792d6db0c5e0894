import errno
import fcntl
import tempfile
from pathlib import Path
from unittest import mock

import tensorflow as tf

from trainers.errors import UserError
from trainers.options.run import RunConfig
from trainers.prediction.parts import Parts
from trainers.runs.run_folder import RunFolder
from trainers.storage import locks
from trainers.storage.claimed_folder import claimed


class LocksTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))

    def test_one_has_it_until_it_is_closed(self):
        path = self.folder / "lock"
        with open(path, "w") as one, open(path, "w") as other:
            self.assertTrue(locks.acquire(one))
            self.assertFalse(locks.acquire(other))
            one.close()
            self.assertTrue(locks.acquire(other))

    def openings(self):
        """Locks by which a process owns a folder."""
        return (
            lambda: RunFolder(self.folder / "run").opened(RunConfig(model="tiny")),
            lambda: claimed(
                self.folder / "experiment",
                "experiment.json",
                name="`output_dir`",
                kind="experiment",
            ),
            lambda: Parts(self.folder / "out.csv").opened({}, overwrite=False),
        )

    def test_a_folder_is_kept_for_one_process(self):
        for opened in self.openings():
            with (
                opened(),
                self.assertRaisesRegex(UserError, "is in use by|is being made by"),
                opened(),
            ):
                pass

    def test_a_file_system_without_locks_is_no_other_process(self):
        for number in (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP):
            failing = mock.patch.object(fcntl, "flock", side_effect=OSError(number, "no locks"))
            for opened in self.openings():
                with failing, opened():
                    pass


if __name__ == "__main__":
    tf.test.main()
