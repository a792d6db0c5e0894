"""Windows of images: drawn at random for training, and merged into maps of whole images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import tensorflow as tf

from zoo import randomness

__all__ = ["MergedMaps", "merge_windows", "mirror", "random_windows"]


class MergedMaps(NamedTuple):
    """Statistics over the windows that cover a pixel, (batch, height, width, classes) each.

    Attributes:
        mean: Mean of the answers.
        variance: Their variance, that of a population.
        ranks: Share of the windows in which a class ranks first.
    """

    mean: tf.Tensor
    variance: tf.Tensor
    ranks: tf.Tensor


def random_windows(
    maps: Sequence[tf.Tensor], size: int, number: int, seed: tf.Tensor
) -> list[tf.Tensor]:
    """Returns square windows at random places, the same places in all maps of an image.

    Args:
        maps: (batch, height, width, channels) each, height and width known and at least `size`.
        size: Side of a window, px.
        number: Windows of each image.
        seed: Stateless seed, int32 of shape (2,).

    Returns:
        (batch * number, size, size, channels) for each map, those of an image one after another.
    """
    batch, (height, width) = tf.shape(maps[0])[0], maps[0].shape[1:3]
    room = tf.constant([height - size, width - size], tf.int32)
    draws = randomness.uniform(batch, (number, 2), seed)
    # Rounding may bring a draw up to the end of its range.
    corner = tf.minimum(tf.cast(draws * tf.cast(room + 1, tf.float32), tf.int32), room)
    rows, columns = (corner[..., axis, None] + tf.range(size) for axis in (0, 1))
    places = rows[..., :, None] * width + columns[..., None, :]
    windows = []
    for values in maps:
        flat = tf.reshape(values, (batch, height * width, values.shape[-1]))
        chosen = tf.gather(flat, places, batch_dims=1)
        windows.append(tf.reshape(chosen, (-1, size, size, values.shape[-1])))
    return windows


def mirror(
    images: tf.Tensor, rows: tuple[tf.Tensor, tf.Tensor], columns: tuple[tf.Tensor, tf.Tensor]
) -> tf.Tensor:
    """Extends images by their mirror image, however often it takes.

    Args:
        images: (batch, height, width, channels).
        rows: Rows added before and after.
        columns: Columns added before and after.
    """
    size = tf.shape(images)
    for axis, (before, after) in ((1, rows), (2, columns)):
        place = tf.math.floormod(tf.range(-before, size[axis] + after), 2 * size[axis])
        images = tf.gather(images, tf.minimum(place, 2 * size[axis] - 1 - place), axis=axis)
    return images


def merge_windows(
    function: Callable[[tf.Tensor], tf.Tensor],
    images: tf.Tensor,
    size: int,
    margin: int,
    stride: int,
    classes: int,
) -> MergedMaps:
    """Applies a function to overlapping windows and merges the inner part of its answers.

    Windows begin at every `stride`-th pixel of the image, which is extended by its mirror image:
    by `margin` px on all sides, so that pixels at the border have an answer of one window at
    least, and after the last row and column by what the last window lacks. Away from the border a
    pixel is in ((size - 2 margin) / stride)^2 windows. Those that lie side by side without
    overlap are one batch, and mean and variance follow from batch to batch (Welford's
    recurrence), so that memory does not grow with the number of windows of a pixel.

    Args:
        function: From (windows, size, size, bands) to (windows, size, size, classes).
        images: (batch, height, width, bands), of any size.
        size: Side of a window, px.
        margin: Width of the frame of each window whose answers are not used, px.
        stride: Step between windows, px; divides `size - 2 margin`.
        classes: Channels of the answer.

    References:
        Hausen & Robertson 2020 (arXiv 1906.11248): windows of 40 px, margin 5, stride 1; without
        the extension, so that the outermost 5 px have no answer. Welford 1962, Technometrics 4.
    """
    inner = size - 2 * margin
    shape = tf.shape(images)
    last = [_last_start(shape[axis], inner, stride) for axis in (1, 2)]
    ends = [last[axis] + size - margin - shape[1 + axis] for axis in (0, 1)]
    extended = mirror(images, (margin, ends[0]), (margin, ends[1]))
    # A small image has fewer.
    phases = [tf.minimum(inner // stride, last[axis] // stride + 1) for axis in (0, 1)]
    empty = tf.zeros((shape[0], last[0] + inner, last[1] + inner, classes))

    def add_pass(number, count, mean, squares, first):
        offset = [stride * (number // phases[1]), stride * (number % phases[1])]
        tiles = [_tiles(last[axis], offset[axis], inner) for axis in (0, 1)]
        windows = _cut(extended, offset, tiles, size, inner)
        answer = tf.cast(function(windows), tf.float32)[:, margin:-margin, margin:-margin]
        answer, covered = _laid_out(answer, shape[0], offset, tiles, last, inner, classes)
        count += covered
        change = covered * (answer - mean)
        mean += change / tf.maximum(count, 1.0)
        squares += change * (answer - mean)
        first += covered * tf.one_hot(tf.argmax(answer, axis=-1), classes)
        return number + 1, count, mean, squares, first

    passes = phases[0] * phases[1]
    start = (tf.constant(0), tf.zeros_like(empty[:1, ..., :1]), empty, empty, empty)
    _, count, mean, squares, first = tf.while_loop(
        lambda number, *_: number < passes,
        add_pass,
        start,
        shape_invariants=(
            tf.TensorShape(()),
            tf.TensorShape((None, None, None, 1)),
            *(3 * (tf.TensorShape((None, None, None, classes)),)),
        ),
        parallel_iterations=1,
    )
    merged = (mean, squares / count, first / count)
    return MergedMaps(*(values[:, : shape[1], : shape[2]] for values in merged))


def _last_start(length: tf.Tensor, inner: int, stride: int) -> tf.Tensor:
    """Returns where the last window begins, so that the inner parts cover the image."""
    return stride * (tf.maximum(length - inner + stride - 1, 0) // stride)


def _tiles(last: tf.Tensor, offset: tf.Tensor, inner: int) -> tf.Tensor:
    """Returns how many windows whose inner parts touch begin from an offset up to the last."""
    return (last - offset) // inner + 1


def _cut(images, offset, tiles, size: int, inner: int) -> tf.Tensor:
    """Returns windows whose inner parts touch, (batch * rows * columns, size, size, bands)."""
    bands = images.shape[-1]
    for axis, corner, number in ((1, offset[0], tiles[0]), (3, offset[1], tiles[1])):
        starts = corner + inner * tf.range(number)
        images = tf.gather(images, starts[:, None] + tf.range(size), axis=axis)
        # Then (batch, rows, size, width, bands), in which columns are the third axis.
    windows = tf.transpose(images, (0, 1, 3, 2, 4, 5))
    return tf.reshape(windows, (-1, size, size, bands))


def _laid_out(answer, batch, offset, tiles, last, inner: int, classes: int):
    """Returns the map of inner parts, 0 where there is none, and 1 where there is one."""
    rows, columns = tiles
    answer = tf.reshape(answer, (batch, rows, columns, inner, inner, classes))
    answer = tf.transpose(answer, (0, 1, 3, 2, 4, 5))
    answer = tf.reshape(answer, (batch, rows * inner, columns * inner, classes))
    around = [
        [offset[axis], last[axis] + inner - offset[axis] - tiles[axis] * inner] for axis in (0, 1)
    ]
    covered = tf.pad(tf.ones((1, rows * inner, columns * inner, 1)), [[0, 0], *around, [0, 0]])
    return tf.pad(answer, [[0, 0], *around, [0, 0]]), covered
