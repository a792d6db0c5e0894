"""Progress, TensorBoard events and history of a run."""

import csv
import io
import pathlib
import tempfile

import tensorflow as tf
from tensorflow.core.util import event_pb2

from trainers.training.callbacks import HistoryFile, ProgressReport, TensorBoardScalars

LOGS = {
    "error": 2.0,
    "loss": 3.0,
    "validation_loss": 4.0,
    "learning_rate": 0.5,
    "images_per_second": 1234.5,
    "data_wait_fraction": 0.25,
}


class CallbacksTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))

    def test_history_replaces_an_epoch_that_is_repeated(self):
        callback = HistoryFile(self.folder / "history.csv")
        callback.on_epoch_end(0, {"loss": 3.0})
        callback.on_epoch_end(1, {"loss": 2.0})
        again = HistoryFile(self.folder / "history.csv")
        again.on_epoch_end(1, {"loss": 0.1 + 0.2, "images_per_second": 5.0})
        with open(self.folder / "history.csv", newline="") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual([row["epoch"] for row in rows], ["1", "2"])
        self.assertEqual(float(rows[1]["loss"]), 0.1 + 0.2)
        self.assertEqual(rows[0]["images_per_second"], "")

    def test_tensorboard_has_training_and_validation_side_by_side(self):
        callback = TensorBoardScalars(self.folder)
        callback.on_epoch_end(0, LOGS)
        callback.on_train_end()
        seen = {}
        for path in self.folder.glob("*/events*"):
            for record in tf.data.TFRecordDataset(str(path)):
                for value in event_pb2.Event.FromString(record.numpy()).summary.value:
                    number = tf.make_ndarray(value.tensor)
                    seen[path.parent.name, value.tag] = float(number)
        self.assertEqual(seen["train", "loss"], 3.0)
        self.assertEqual(seen["validation", "loss"], 4.0)
        self.assertEqual(seen["train", "data_wait_fraction"], 0.25)

    def report(self, terminal):
        stream = io.StringIO()
        stream.isatty = lambda: terminal
        callback = ProgressReport(stream, line_seconds=-1.0)
        callback.set_params({"epochs": 3, "steps": 10, "batch_size": 16})
        callback.on_epoch_begin(0)
        callback.on_train_batch_end(4, LOGS)
        callback.on_epoch_end(0, LOGS)
        callback.on_train_end()
        return stream.getvalue()

    def test_lines(self):
        batch, epoch = self.report(terminal=False).splitlines()
        self.assertIn("epoch 1/3  batch 5/10  loss 3  error 2", batch)
        self.assertRegex(batch, r"1234 images/s \(waiting for data 25.0 %\)  00:00 left")
        self.assertIn("epoch 1/3  loss 3  error 2  validation loss 4", epoch)

    def test_bar(self):
        shown = self.report(terminal=True)
        self.assertIn("epoch 1/3:", shown)
        self.assertIn("/160", shown)
        self.assertEndsWith(shown.rstrip(), "at most 00:00 left")


if __name__ == "__main__":
    tf.test.main()
