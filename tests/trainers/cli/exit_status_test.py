import contextlib
import io
import tempfile
from pathlib import Path

import tensorflow as tf

from trainers.cli.exit_status import exit_status
from trainers.errors import LostWorkerError, TrainingError, UserError


class ExitStatusTest(tf.test.TestCase):
    def ended(self, run):
        errors = io.StringIO()
        with contextlib.redirect_stderr(errors):
            status = exit_status("run", lambda _: run(), [], "stopped")
        return status, errors.getvalue()

    def raised(self, error):
        def run():
            raise error

        return self.ended(run)

    def test_each_error_has_one_line_and_its_status(self):
        for error, status, line in (
            (UserError("--epochs must\nbe 1"), 2, "--epochs must be 1"),
            (TrainingError("not finite"), 1, "not finite"),
            (LostWorkerError("worker 1 has stopped"), 75, "worker 1 has stopped"),
            (OSError(28, "No space left on device"), 1, "[Errno 28] No space left on device"),
            (KeyboardInterrupt(), 130, "stopped"),
        ):
            with self.subTest(line):
                self.assertEqual(self.raised(error), (status, f"trainers.run: error: {line}\n"))
        self.assertEqual(self.ended(lambda: None), (0, ""))

    def test_arguments_are_shown_as_options(self):
        for message, line in (
            ("`epochs` must be at least 1; got 0", "--epochs must be at least 1; got 0"),
            ("give another, or `overwrite=True`", "give another, or --overwrite"),
            ("`pad` needs `on_error='skip'`", "--pad needs --on_error skip"),
            ("a `b c` and `signatures()` stay", "a `b c` and `signatures()` stay"),
        ):
            self.assertEqual(self.raised(UserError(message))[1], f"trainers.run: error: {line}\n")

    def test_what_tensorflow_says_of_files(self):
        folder = Path(self.enter_context(tempfile.TemporaryDirectory()))
        with tf.io.TFRecordWriter(str(folder / "a")) as writer:
            writer.write(b"x" * 100)
        (folder / "a").write_bytes((folder / "a").read_bytes()[:-20])
        status, line = self.ended(lambda: list(tf.data.TFRecordDataset(str(folder / "a"))))
        self.assertEqual((status, line.count("\n")), (1, 1))
        self.assertIn("truncated record", line)
        status, line = self.ended(lambda: tf.io.TFRecordWriter(str(folder / "no" / "b")).write(b""))
        self.assertEqual((status, line.count("\n")), (1, 1))
        self.assertIn("No such file", line)

        def wrapped():
            try:
                raise tf.errors.ResourceExhaustedError(None, None, "No space left\non device")
            except tf.errors.OpError as error:
                raise RuntimeError("while writing") from error

        self.assertEqual(self.ended(wrapped), (1, "trainers.run: error: No space left on device\n"))

    def test_defects_of_the_program_are_not_hidden(self):
        for error in (
            RuntimeError("a defect"),
            tf.errors.InvalidArgumentError(None, None, "shapes differ"),
        ):
            with self.assertRaises(type(error)):
                self.raised(error)


if __name__ == "__main__":
    tf.test.main()
