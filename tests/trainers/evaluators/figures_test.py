import tempfile
from pathlib import Path
from unittest import mock

import tensorflow as tf
from PIL import Image

from trainers.evaluators import figures


class SaveTest(tf.test.TestCase):
    def test_a_figure_is_replaced_whole_or_not_at_all(self):
        path = Path(self.enter_context(tempfile.TemporaryDirectory())) / "figures" / "a.png"
        with figures.style():
            figure, _ = figures.new_figure(1, 1)
        figures.save(figure, path)
        with Image.open(path) as image:
            image.load()
            self.assertEqual(image.format, "PNG")
        before = path.read_bytes()

        def half(file, **_):
            file.write(before[: len(before) // 2])
            raise OSError("No space left on device")

        with mock.patch.object(figure, "savefig", half), self.assertRaises(OSError):
            figures.save(figure, path)
        self.assertEqual(path.read_bytes(), before)
        self.assertEqual([entry.name for entry in path.parent.iterdir()], ["a.png"])


if __name__ == "__main__":
    tf.test.main()
