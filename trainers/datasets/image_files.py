"""JPEG and PNG files as arrays, read once or at every epoch."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from trainers.cutouts.cutout import Wanted
from trainers.cutouts.picture_files import bits_of, decode
from trainers.datasets import content_hashes
from trainers.datasets.batching import Batching
from trainers.datasets.dataset import Dataset, DatasetSpec
from trainers.datasets.in_memory import columns_of
from trainers.errors import TrainingError, UserError

__all__ = ["Decoded", "StreamedFiles", "decode_all", "stored_content"]


@dataclasses.dataclass(frozen=True)
class Decoded:
    """The decoded pixels of some files.

    Attributes:
        shape: (height, width, bands) of every usable image.
        dtype: uint8, or uint16 for PNG files with 16 bits a band.
        images: Pixels by path; None if all together are larger than was allowed.
        usable: Paths of the usable files, in their order.
        problems: What is wrong with the others, by path.
    """

    shape: tuple[int, int, int]
    dtype: np.dtype
    images: dict[Path, np.ndarray] | None
    usable: Sequence[Path]
    problems: Mapping[Path, str]


def decode_all(
    paths: Sequence[Path],
    shape: tuple[int, int, int] | None,
    *,
    on_error: str,
    cache_bytes: int,
) -> Decoded:
    """Decodes every file once, so that no bad one is left to be found in mid-training.

    Images of another size, or with another number of bits a band, than most are among the
    problems. Without a shape, images whose three bands are all equal are taken as one band.

    Args:
        paths: The files.
        shape: (height, width, bands), bands 1 or 3, to which images are cut and scaled, see
            `picture_files.decode`; None for colour images of their own size.
        on_error: "raise", or "skip" to return the problems.
        cache_bytes: Largest size of all pixels together that is kept.

    Raises:
        UserError: at the first problem under "raise", or if no file is usable.
    """
    wanted = Wanted(shape or (None, None, 3), scales_pictures=shape is not None)
    images: dict[Path, np.ndarray] | None = {}
    kinds: dict[Path, tuple[tuple[int, int, int], np.dtype]] = {}
    problems: dict[Path, str] = {}
    size, is_grey = 0, shape is None
    with ThreadPoolExecutor() as pool:
        decoded = pool.map(lambda path: decode(path, wanted), paths)
        shown = tqdm(decoded, total=len(paths), desc="reading", unit="image", disable=None)
        for path, pixels in zip(paths, shown, strict=True):
            if isinstance(pixels, str):
                problems[path] = pixels
                if on_error == "raise":
                    pool.shutdown(cancel_futures=True)
                    raise UserError(f"{path}: {pixels} (--on_error skip leaves such images out)")
                continue
            kinds[path] = pixels.shape, pixels.dtype
            is_grey = is_grey and bool((pixels == pixels[..., :1]).all())
            size += pixels.nbytes
            if size > cache_bytes:
                images = None
            if images is not None:
                images[path] = pixels
    if not kinds:
        path, problem = next(iter(problems.items()))
        raise UserError(f"none of the {len(paths)} images can be used; {path}: {problem}")
    common, number = Counter(kinds.values()).most_common(1)[0]
    odd = {path: _odd(kind, common, number) for path, kind in kinds.items() if kind != common}
    if odd and on_error == "raise":
        path, problem = next(iter(odd.items()))
        raise UserError(f"{path}: {problem}")
    usable = [path for path in kinds if path not in odd]
    if images is not None:
        images = {path: images[path][..., :1] if is_grey else images[path] for path in usable}
    common_shape, dtype = common
    if is_grey:
        common_shape = (*common_shape[:2], 1)
    return Decoded(common_shape, dtype, images, usable, problems | odd)


def _odd(
    kind: tuple[tuple[int, ...], np.dtype], common: tuple[tuple[int, ...], np.dtype], number: int
) -> str:
    (shape, dtype), (common_shape, common_dtype) = kind, common
    if dtype != common_dtype:
        return (
            f"has {8 * dtype.itemsize} bits a band; {8 * common_dtype.itemsize} were expected, as "
            f"{number} others have"
        )
    return (
        f"is {shape[1]}x{shape[0]} px; {common_shape[1]}x{common_shape[0]} px was expected, the "
        f"size of {number} others (--image_shape brings images to one size)"
    )


def stored_content(paths: Sequence[Path], features: Mapping[str, np.ndarray]) -> str:
    """Returns a hash of files and labels, see `Dataset.stored_content`.

    Args:
        paths: The files of a split.
        features: "id" and, if there are labels, "label" of each.
    """
    labels = features.get("label", [""] * len(paths))
    names = [f"{name} {label}" for name, label in zip(features["id"], labels, strict=True)]
    return content_hashes.of_contents(paths, names)


class StreamedFiles(Dataset):
    """Image files that are decoded at every epoch, for what memory does not hold.

    Args:
        spec: What the dataset is.
        paths: The files of each split.
        features: By split, an array for each further feature, "id" among them.
        skipped: What was left out, one line each.
    """

    def __init__(
        self,
        spec: DatasetSpec,
        paths: Mapping[str, Sequence[Path]],
        features: Mapping[str, Mapping[str, np.ndarray]],
        skipped: Sequence[str] = (),
    ):
        self.spec = spec
        self.skipped = tuple(skipped)
        self.num_examples = {split: len(members) for split, members in paths.items()}
        self._paths = paths
        self._features = features
        self._wanted = Wanted(
            spec.image_shape,
            picture_bits=bits_of(spec.units),
            scales_pictures=spec.scales_files,
        )

    def arrays(self, split: str, limit: int | None = None) -> dict[str, np.ndarray]:
        paths = self._paths[split][:limit]
        images = np.empty((len(paths), *self.spec.image_shape), np.float32)
        with ThreadPoolExecutor() as pool:
            for row, pixels in enumerate(pool.map(self._decode, paths)):
                images[row] = pixels
        further = {name: values[:limit] for name, values in self._features[split].items()}
        return {"image": images, **further}

    def column(self, split: str, name: str) -> np.ndarray:
        return self._features[split][name]

    def stored_content(self, split: str) -> str:
        return stored_content(self._paths[split], self._features[split])

    def _content(self, split: str) -> str:
        files = content_hashes.of_files(self._paths[split])
        return files + content_hashes.of_arrays(self._features[split])

    def read(self, split: str, batching: Batching) -> tf.data.Dataset:
        paths, columns = self._paths[split], columns_of(self._features[split], batching)
        dtype = tf.uint16 if self._wanted.picture_bits == 16 else tf.uint8

        def read(row: tf.Tensor) -> dict[str, tf.Tensor]:
            image = tf.numpy_function(lambda row: self._decode(paths[row]), [row], dtype)
            example = {"image": tf.ensure_shape(image, self.spec.image_shape)}
            return example | {name: values[row] for name, values in columns.items()}

        def convert(batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
            return {**batch, "image": tf.cast(batch["image"], tf.float32)}

        examples = tf.data.Dataset.from_tensor_slices(batching.rows(self.num_examples[split]))
        examples = examples.map(read, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        batches = examples.batch(batching.share, drop_remainder=batching.only_whole)
        return batches.map(convert).prefetch(2)

    def _decode(self, path: Path) -> np.ndarray:
        pixels = decode(path, self._wanted)
        if isinstance(pixels, str):
            raise TrainingError(f"{path}: {pixels}, though it could be used before")
        return pixels
