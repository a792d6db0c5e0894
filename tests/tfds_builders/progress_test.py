import contextlib
import io
from unittest import mock

import tensorflow as tf

from tfds_builders import progress


class ProgressTest(tf.test.TestCase):
    def test_a_line_every_ten_seconds_tells_rate_and_time_left(self):
        printed = io.StringIO()
        with (
            contextlib.redirect_stderr(printed),
            mock.patch.object(progress.time, "monotonic", side_effect=range(0, 1000, 4)),
        ):
            shown = progress.ProgressLines("simulating sky", 1000)
            for _ in range(6):
                shown.add(20)
        # After 12 and 24 s: 60 and 120 objects, 5 in a second.
        self.assertEqual(
            printed.getvalue().splitlines(),
            [
                "simulating sky  60 of 1000 objects  5 objects/s  3.1 min left",
                "simulating sky  120 of 1000 objects  5 objects/s  2.9 min left",
            ],
        )


if __name__ == "__main__":
    tf.test.main()
