import numpy as np
import tensorflow as tf

from zoo.layers.window_standardization import WindowStandardization
from zoo.layers.windows import merge_windows, mirror, random_windows

SIZE, MARGIN, CLASSES = 12, 3, 3


class WindowsTest(tf.test.TestCase):
    def function(self, windows):
        """Depends on the place in the window and on the window as a whole."""
        place = tf.cast(tf.reshape(tf.range(SIZE * SIZE), (SIZE, SIZE, 1)), tf.float32)
        mean = tf.reduce_mean(windows, axis=(1, 2), keepdims=True)
        return tf.sin(windows * (1 + place) + 3 * mean + tf.range(3, dtype=tf.float32))

    def brute_force(self, image, stride):
        """Mean, variance and ranks of all windows of the extended image, one by one."""
        height, width = image.shape[:2]
        inner = SIZE - 2 * MARGIN
        last = [stride * max(0, -(-(side - inner) // stride)) for side in (height, width)]
        ends = [MARGIN + last[i] + inner - side for i, side in enumerate((height, width))]
        around = [(MARGIN, ends[0]), (MARGIN, ends[1]), (0, 0)]
        extended = np.pad(image, around, mode="symmetric")
        answers = [[[] for _ in range(last[1] + inner)] for _ in range(last[0] + inner)]
        for row in range(0, last[0] + 1, stride):
            for column in range(0, last[1] + 1, stride):
                window = extended[row : row + SIZE, column : column + SIZE]
                answer = self.function(tf.constant(window[None])).numpy()[0]
                for y, x in np.ndindex(inner, inner):
                    answers[row + y][column + x].append(answer[MARGIN + y, MARGIN + x])
        shape = (height, width, CLASSES)
        mean, variance, ranks = (np.zeros(shape) for _ in range(3))
        for y, x in np.ndindex(height, width):
            values = np.array(answers[y][x])
            mean[y, x], variance[y, x] = values.mean(axis=0), values.var(axis=0)
            ranks[y, x] = np.bincount(values.argmax(axis=-1), minlength=CLASSES) / len(values)
        return mean, variance, ranks

    def test_merged_maps_are_those_of_all_windows_one_by_one(self):
        draws = np.random.default_rng(0)
        for shape, stride in (((20, 17), 1), ((25, 9), 3), ((4, 5), 2), ((6, 6), 6)):
            images = draws.normal(size=(2, *shape, 1)).astype(np.float32)
            merge = tf.function(merge_windows)
            merged = merge(self.function, tf.constant(images), SIZE, MARGIN, stride, CLASSES)
            for image, *maps in zip(images, *merged, strict=True):
                for one, other in zip(maps, self.brute_force(image, stride), strict=True):
                    self.assertAllClose(one, other, atol=2e-5, msg=f"{shape}, stride {stride}")

    def test_mirror_is_that_of_numpy(self):
        images = np.random.default_rng(0).normal(size=(2, 5, 3, 2)).astype(np.float32)
        extended = mirror(tf.constant(images), (4, 0), (1, 8))
        expected = np.pad(images, [(0, 0), (4, 0), (1, 8), (0, 0)], mode="symmetric")
        self.assertAllEqual(extended, expected)

    def test_random_windows_are_cut_at_the_same_places_everywhere(self):
        numbers = np.arange(3 * 10 * 8, dtype=np.float32).reshape(3, 10, 8, 1)
        maps = (tf.constant(numbers), tf.constant(np.repeat(-numbers, 2, axis=-1)))
        one, two = random_windows(maps, 4, 200, tf.constant([1, 2]))
        self.assertEqual((one.shape, two.shape), ((600, 4, 4, 1), (600, 4, 4, 2)))
        self.assertAllEqual(two[..., 1:], -one)
        corners = one[:, 0, 0, 0].numpy().astype(int)
        self.assertAllEqual(corners // 80, np.repeat(np.arange(3), 200))
        self.assertAllEqual(
            one[..., 0] - one[:, :1, :1, 0], np.tile(numbers[0, :4, :4, 0], (600, 1, 1))
        )
        # All of the 7 x 5 places of each image, which 200 draws miss with a chance of 1 in 1,000.
        for image in range(3):
            self.assertLen(set(corners[200 * image : 200 * (image + 1)]), 35)

    def test_a_window_as_large_as_the_image_is_the_image(self):
        image = tf.reshape(tf.range(16.0), (1, 4, 4, 1))
        self.assertAllEqual(random_windows([image], 4, 1, tf.constant([0, 1]))[0], image)


class WindowStandardizationTest(tf.test.TestCase):
    def test_bands_of_a_window_have_mean_zero_and_variance_one(self):
        windows = np.random.default_rng(0).normal(3, 2, (2, 6, 5, 3)).astype(np.float32)
        windows[1] *= 1e-4  # Below the least standard deviation, 1 / sqrt(30).
        windows[0, 2, 3, 1] = np.nan
        for across, axes, number in ((False, (1, 2), 30), (True, (1, 2, 3), 90)):
            mean = np.nanmean(windows, axis=axes, keepdims=True)
            stddev = np.nanstd(windows, axis=axes, keepdims=True)
            expected = (windows - mean) / np.maximum(stddev, number**-0.5)
            actual = WindowStandardization(across)(windows)
            self.assertAllClose(actual, np.nan_to_num(expected), rtol=1e-4, atol=1e-5)


if __name__ == "__main__":
    tf.test.main()
