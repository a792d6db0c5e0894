import tempfile
from pathlib import Path
from unittest import mock

import tensorflow as tf
from PIL import Image

from trainers.evaluators import plot_style


class SaveTest(tf.test.TestCase):
    def test_a_figure_is_replaced_whole_or_not_at_all(self):
        path = Path(self.enter_context(tempfile.TemporaryDirectory())) / "figures" / "a.png"
        with plot_style.style():
            figure, _ = plot_style.new_figure(1, 1)
        plot_style.save(figure, path)
        with Image.open(path) as image:
            image.load()
            self.assertEqual(image.format, "PNG")
        before = path.read_bytes()

        def half(file, **_):
            file.write(before[: len(before) // 2])
            raise OSError("No space left on device")

        with mock.patch.object(figure, "savefig", half), self.assertRaises(OSError):
            plot_style.save(figure, path)
        self.assertEqual(path.read_bytes(), before)
        self.assertEqual([entry.name for entry in path.parent.iterdir()], ["a.png"])


class ClassColoursTest(tf.test.TestCase):
    def test_stars_and_galaxies_keep_theirs_in_any_order(self):
        star, galaxy = plot_style.class_colours(["star", "galaxy"])
        self.assertNotEqual(star, galaxy)
        self.assertEqual(plot_style.class_colours(["GALAXY", "STAR"]), [galaxy, star])
        others = plot_style.class_colours(["galaxies", "quasar", "star", "artefact"])
        self.assertEqual(others[::2], [galaxy, star])
        self.assertLen(set(others), 4)

    def test_others_go_by_order(self):
        names = [f"kind_{number}" for number in range(10)]
        self.assertEqual(
            plot_style.class_colours(names), [plot_style.class_colour(index) for index in range(10)]
        )


class PlainNumbersTest(tf.test.TestCase):
    def test_no_powers_of_ten(self):
        for low, high, expected in (
            (0.7, 3, ["1", "1.5", "2", "2.5", "3"]),
            (0.7, 30, ["1", "2", "5", "10", "20"]),
            (0.7, 2e4, ["1", "10", "100", "1000", "10000"]),
        ):
            with plot_style.style():
                figure, (axes,) = plot_style.new_figure()
                axes.set(xscale="log", xlim=(low, high))
                plot_style.plain_numbers(axes.xaxis)
                figure.canvas.draw()
            shown = [
                label.get_text()
                for place, label in zip(axes.get_xticks(), axes.get_xticklabels(), strict=True)
                if low <= place <= high
            ]
            self.assertEqual(shown, expected)
            self.assertEqual("".join(t.get_text() for t in axes.get_xticklabels(minor=True)), "")


if __name__ == "__main__":
    tf.test.main()
