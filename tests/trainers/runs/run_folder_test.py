"""A run's folder after kills: the same command, or --overwrite, always has a way on."""

import contextlib
import io
import json
import pathlib
import tempfile
from unittest import mock

import tensorflow as tf

from trainers.errors import UserError
from trainers.options.run import RunConfig
from trainers.runs.run_folder import RunFolder, load_config


class _KilledError(BaseException):
    pass


class RunFolderTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))

    def open(self, name, **options):
        with RunFolder(self.folder / name).opened(RunConfig(model="tiny", **options)):
            return RunFolder(self.folder / name)

    def filled(self, name):
        """A finished run."""
        run = self.open(name)
        run.checkpoints.mkdir()
        paths = (run.finished, run.history, run.model, run.report)
        for path in (*paths, *(run.checkpoints / f"{state}.npz" for state in ("best", "last"))):
            path.write_text("{}")
        return run

    def test_killed_while_its_configuration_is_first_written(self):
        for number, options in enumerate(({}, {"overwrite": True})):
            folder = self.folder / str(number)
            folder.mkdir()
            (folder / ".config.json.part").write_text("{")
            self.assertTrue(self.open(folder.name, **options).config.exists())

    def test_what_failed_before_it_began_binds_nobody(self):
        self.open("run", hp={"latent_dim": "abc"})
        run = self.open("run", hp={"latent_dim": 3})
        self.assertEqual(load_config(run.path).hp, {"latent_dim": 3})
        run.checkpoints.mkdir()
        with self.assertRaisesRegex(UserError, "another configuration: `hp`"):
            self.open("run", hp={"latent_dim": 4})

    def test_another_processor_is_noted(self):
        run = self.filled("run")
        printed = self.enter_context(contextlib.redirect_stdout(io.StringIO()))
        self.open("run")
        self.assertEqual(printed.getvalue(), "")
        versions = json.loads(run.versions.read_text())
        run.versions.write_text(json.dumps({**versions, "processor": "AVX without oneDNN"}))
        self.open("run")
        self.assertIn("began on AVX without oneDNN and continues on ", printed.getvalue())
        self.assertLen(printed.getvalue().splitlines(), 1)
        # Version 0.1.0 did not record it.
        del versions["processor"]
        run.versions.write_text(json.dumps(versions))
        self.open("run")
        self.assertLen(printed.getvalue().splitlines(), 1)

    def test_files_of_others_stay(self):
        (self.folder / ".bashrc").touch()
        for overwrite in (False, True, True):
            self.open("", overwrite=overwrite)
        self.assertTrue((self.folder / ".bashrc").exists())
        (self.folder / "other").mkdir()
        (self.folder / "other" / "thesis.tex").touch()
        for overwrite in (False, True):
            with self.assertRaisesRegex(UserError, "holds files but no run"):
                self.open("other", overwrite=overwrite)
        self.assertTrue((self.folder / "other" / "thesis.tex").exists())

    def test_killed_at_any_moment_of_overwriting(self):
        unlink, left = pathlib.Path.unlink, []

        def up_to(most):
            deleted = 0

            def counted(path, **options):
                nonlocal deleted
                if path.exists() and (deleted := deleted + 1) > most:
                    raise _KilledError
                unlink(path, **options)

            return mock.patch.object(pathlib.Path, "unlink", counted)

        for most in range(6):
            run = self.filled(str(most))
            with self.subTest(most), up_to(most), self.assertRaises(_KilledError):
                self.open(run.path.name, overwrite=True)
            names = {path.name for path in run.path.iterdir()}
            left.append(len(names))
            self.assertIn("config.json", names)
            # What seems finished has all; what does not, starts over.
            self.assertEqual(run.finished.exists(), most == 0)
            self.assertFalse((run.checkpoints / "last.npz").exists() and most > 1)
            self.open(run.path.name, overwrite=True)
            names = {path.name for path in run.path.iterdir()}
            self.assertEqual(names, {".lock", "config.json", "versions.json"})
        self.assertEqual(left, sorted(left, reverse=True))


if __name__ == "__main__":
    tf.test.main()
