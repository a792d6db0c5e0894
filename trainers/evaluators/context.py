"""Evaluation context: data, model outputs, random numbers and the folder of the figures."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from trainers.errors import TrainingError, UserError
from trainers.evaluators import needs, plot_style
from trainers.evaluators.section import FigureFile
from trainers.evaluators.statistics import measured, photometry
from trainers.evaluators.statistics.class_names import extended_class
from trainers.prediction import inference
from trainers.tables.object_columns import texts

if TYPE_CHECKING:
    import tensorflow as tf
    from astropy.table import Table
    from matplotlib.figure import Figure

    from trainers.datasets.dataset import Dataset
    from zoo.model import ZooModel

__all__ = ["EvaluationContext"]

# Objects of the training split that probes and outlier scores learn from.
_TRAINING_OBJECTS = 3000

# Features of a dataset that hold the noise of the pixels.
_NOISE_FEATURES = ("noise", "noise_stddev", "noise_sigma", "sky_noise", "sky_sigma")


class EvaluationContext:
    """Model and dataset of an evaluation; everything costly is computed once.

    Args:
        model: The trained model.
        dataset: The dataset.
        output_dir: Folder of the report; figures go into `figures/` in it.
        run_dir: Folder of the run, for the history of the training; by default `output_dir`.
        split: Split that is evaluated.
        seed: Seed of resampling, of embeddings and of choices of objects.
        class_fractions: Known fractions of the classes in the order of the dataset's class
            names; None for those that the dataset states.
        max_objects: Objects of a split that are loaded at most.
        batch_size: Images at a time through the model.

    Raises:
        UserError: if the model and the dataset do not fit each other, `split` is unknown or
            empty, or `class_fractions` are not positive numbers that sum to one.
    """

    def __init__(
        self,
        model: ZooModel,
        dataset: Dataset,
        output_dir: Path,
        *,
        split: str = "test",
        seed: int = 0,
        class_fractions: Sequence[float] | None = None,
        run_dir: Path | None = None,
        max_objects: int = 5000,
        batch_size: int = 128,
    ):
        if not dataset.num_examples.get(split):
            filled = [name for name, number in dataset.num_examples.items() if number]
            raise UserError(f"split must be one of {', '.join(filled)}; got '{split}'")
        self.model = model
        self.dataset = dataset
        self.spec = dataset.spec
        self.split = split
        self.seed = seed
        self.output_dir = Path(output_dir)
        self.run_dir = self.output_dir if run_dir is None else Path(run_dir)
        self.max_objects = max_objects
        self._batch_size = batch_size
        self._arrays: dict[str, dict[str, np.ndarray]] = {}
        self._outputs: dict[tuple[str, str], dict[str, np.ndarray]] = {}
        self._measured_noise: np.ndarray | None = None
        self._check_shapes()
        self.class_fractions = self._checked_fractions(class_fractions)

    # Classes, and the needs of evaluators.

    def lacks(self, need: needs.Need) -> str | None:
        """Returns the reason why a need of an evaluator is not met, or None if it is.

        Args:
            need: The need, see `trainers.evaluators.needs.Need`.

        Raises:
            ValueError: if there is no such need.
        """
        return needs.reason_against(self, need)

    def has_classes_of_model(self) -> bool:
        """Returns True if the classes of the model, if it names any, are those of the dataset."""
        names = tuple(self.model.class_names) or self.class_names
        return not self.class_names or sorted(names) == sorted(self.class_names)

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes in the order of the labels."""
        return tuple(self.spec.class_names)

    @property
    def extended_class(self) -> int | None:
        """Label of the galaxies if the two classes are stars and galaxies, else None."""
        return extended_class(self.class_names)

    @property
    def class_colours(self) -> list[str]:
        """Colours of the classes in the order of the labels; one colour if there are no classes."""
        return plot_style.class_colours(self.class_names or ("objects",))

    @property
    def positive_class(self) -> int | None:
        """Of two classes the one that is reported: the galaxies, or the second; else None."""
        if len(self.class_names) != 2:
            return None
        return 1 if self.extended_class is None else self.extended_class

    def groups(self, chosen: np.ndarray | None = None) -> Iterator[tuple[str, np.ndarray, str]]:
        """Yields name, members and colour of each class, or of all objects if there are no classes.

        Args:
            chosen: (number,) indices of some objects; None for all. Members are (number,) bool.
        """
        names = self.class_names or ("objects",)
        labels = np.zeros(len(self.images), int) if self.labels is None else self.labels
        labels = labels if chosen is None else labels[chosen]
        for index, (name, colour) in enumerate(zip(names, self.class_colours, strict=True)):
            yield name, labels == index, colour

    # The data.

    def arrays(self, split: str | None = None) -> dict[str, np.ndarray]:
        """Returns the arrays of a split, by default the one that is evaluated."""
        split = split or self.split
        if split not in self._arrays:
            arrays = self.dataset.arrays(split, limit=self._limit(split))
            if "label" in arrays and self.class_names:
                labels = np.asarray(arrays["label"])
                if labels.min() < 0 or labels.max() >= len(self.class_names):
                    raise UserError(
                        f"label of split '{split}' must be in 0..{len(self.class_names) - 1}; "
                        f"got {labels.min()}..{labels.max()}"
                    )
            self._arrays[split] = arrays
        return self._arrays[split]

    def _limit(self, split: str) -> int:
        others = min(self.max_objects, _TRAINING_OBJECTS)
        return self.max_objects if split == self.split else others

    @property
    def images(self) -> np.ndarray:
        """(number, height, width, bands) in survey units."""
        return self.arrays()["image"]

    @property
    def labels(self) -> np.ndarray | None:
        """(number,) integers, or None if the dataset has no labels."""
        return np.asarray(self.arrays()["label"]) if self.class_names else None

    @property
    def ids(self) -> np.ndarray:
        """(number,) strings."""
        arrays = self.arrays()
        return texts(arrays.get("id", np.arange(len(arrays["image"]))))

    @property
    def reference_band(self) -> int:
        """Index of the band in which objects are measured."""
        return photometry.reference_band(self.spec.bands)

    def quantities(self) -> dict[str, np.ndarray]:
        """Returns the numeric features, see `measured.quantities`."""
        return measured.quantities(self.arrays(), self.spec)

    def magnitude(self) -> tuple[str, np.ndarray] | None:
        """Returns name and values of the magnitude in the reference band, None if there is none."""
        quantities = self.quantities()
        for wanted in ("model_magnitude", "magnitude", "mag", "psf_magnitude"):
            for name, values in quantities.items():
                if name == wanted or name.startswith(f"{wanted}_"):
                    return name, values
        return None

    def noise(self) -> tuple[np.ndarray, bool]:
        """Returns the noise (number, bands) per pixel, and whether the dataset states it."""
        images = self.images
        for name in _NOISE_FEATURES:
            values = self.arrays().get(name)
            if values is not None and np.all(np.asarray(values) > 0):
                values = np.asarray(values, np.float32).reshape(len(images), -1)
                if values.shape[1] in (1, images.shape[-1]):
                    return np.broadcast_to(values, (len(images), images.shape[-1])), True
        if self._measured_noise is None:
            self._measured_noise = photometry.sky_and_noise(images)[1].astype(np.float32)
        return self._measured_noise, False

    # The model's outputs.

    def outputs(self, function: str, split: str | None = None) -> dict[str, np.ndarray]:
        """Returns the outputs of one of the model's functions for all objects of a split.

        Args:
            function: `call`, `encode`, `reconstruct` or `single_view`.
            split: The split; by default the one that is evaluated.

        Raises:
            TrainingError: if an output is not finite.
        """
        key = (function, split or self.split)
        if key not in self._outputs:
            method = inference.method_of(self.model, function)
            inputs = [self.arrays(split)[name] for name in self.model.input_names]
            try:
                self._outputs[key] = inference.apply(method, *inputs, batch_size=self._batch_size)
            except ValueError as error:
                raise TrainingError(
                    f"model '{self.model_name}', {function}, split '{key[1]}': {error}"
                ) from error
        return self._outputs[key]

    def probability(self, split: str | None = None, function: str = "call") -> np.ndarray:
        """Returns the probabilities (number, classes), columns in the dataset's order of classes.

        Args:
            split: The split; by default the one that is evaluated.
            function: `call`, or `single_view` of a model that averages over symmetries.

        Raises:
            UserError: if the model's classes are not those of the dataset.
        """
        probability = self.outputs(function, split)["probability"].astype(np.float64)
        names = tuple(self.model.class_names) or self.class_names
        if not self.class_names:
            return probability
        if not self.has_classes_of_model() or probability.shape[1] != len(names):
            raise UserError(
                f"classes of model '{self.model_name}' must be those of dataset "
                f"'{self.spec.name}', {list(self.class_names)}; got {list(names)} with "
                f"{probability.shape[1]} probabilities"
            )
        return probability[:, [names.index(name) for name in self.class_names]]

    def latents(self, split: str | None = None) -> np.ndarray:
        """Returns the means of the latents, (number, dimension)."""
        return self._posterior(split)["latent_mean"].astype(np.float64)

    def latent_stddevs(self, split: str | None = None) -> np.ndarray | None:
        """Returns the standard deviations of the latents, None for a model that gives none."""
        return self._posterior(split).get("latent_stddev")

    def own_clusters(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Returns clusters of the model's own and the two groups of them, (number,), or None."""
        answer = self._posterior(None)
        return (answer["cluster"], answer["group"]) if "group" in answer else None

    def all_latents(self, split: str) -> np.ndarray:
        """Returns the means of the latents of all objects of a split, (number, dimension).

        However many they are: images that are not among `arrays` are read and left behind.
        """
        if self._is_loaded_whole(split):
            return self.latents(split)
        parts = self._streamed(self.model.encode, split, self.model.input_names)
        return parts["latent_mean"].astype(np.float64)

    def of_images(
        self,
        function: Callable[[tf.Tensor], Mapping[str, tf.Tensor]],
        split: str,
        most: int | None = None,
    ) -> dict[str, np.ndarray]:
        """Returns a function of the images of a split, row by row those of `column`.

        Args:
            function: As that of `trainers.prediction.inference.apply`.
            split: The split.
            most: Objects at most, the first ones; None for all.
        """
        if self._is_loaded_whole(split):
            images = self.arrays(split)["image"][:most]
            return inference.apply(function, images, batch_size=self._batch_size)
        return self._streamed(function, split, ("image",), most)

    def _streamed(
        self,
        function: Callable[..., Mapping[str, tf.Tensor]],
        split: str,
        inputs: Sequence[str],
        most: int | None = None,
    ) -> dict[str, np.ndarray]:
        number = min(most or np.inf, self.dataset.num_examples[split])
        parts, read = [], 0
        options = {"inputs": inputs, "batch_size": self._batch_size}
        for outputs, _ in inference.stream(function, self.dataset, split, **options):
            parts.append(outputs)
            read += len(next(iter(outputs.values())))
            if read >= number:
                break
        return {name: np.concatenate([part[name] for part in parts])[:most] for name in parts[0]}

    def column(self, split: str, name: str) -> np.ndarray:
        """Returns a feature of all objects of a split, row by row those of `all_latents`."""
        if self._is_loaded_whole(split):
            return np.asarray(self.arrays(split)[name])
        return np.asarray(self.dataset.column(split, name))

    def columns(self, split: str, names: Sequence[str]) -> dict[str, np.ndarray]:
        """Returns several features of all objects of a split, each as `column` does."""
        if self._is_loaded_whole(split):
            return {name: np.asarray(self.arrays(split)[name]) for name in names}
        return self.dataset.columns(split, names)

    def _is_loaded_whole(self, split: str) -> bool:
        return self.dataset.num_examples[split] <= self._limit(split)

    def _posterior(self, split: str | None) -> dict[str, np.ndarray]:
        # A classifier with latents answers with them too: one pass through the model is enough.
        if self.lacks("probability") is None:
            answer = self.outputs("call", split)
            if "latent_mean" in answer:
                return answer
        return self.outputs("encode", split)

    @property
    def window(self) -> tuple[slice, slice]:
        """Rows and columns of the images that the model reads, all if it does not say."""
        whole = tuple(slice(0, side) for side in self.spec.image_shape[:2])
        return getattr(self.model, "window", whole)

    @property
    def model_name(self) -> str:
        """Registry name of the model."""
        return getattr(self.model, "registry_name", type(self.model).__name__)

    # Randomness and figures.

    def generator(self, purpose: str) -> np.random.Generator:
        """Returns random numbers that depend on the seed and the purpose alone."""
        return np.random.default_rng([self.seed, zlib.crc32(purpose.encode())])

    def subset(self, number: int, purpose: str) -> np.ndarray:
        """Returns the sorted indices of at most `number` objects, drawn at random."""
        total = len(self.images)
        if total <= number:
            return np.arange(total)
        return np.sort(self.generator(purpose).choice(total, number, replace=False))

    def save_figure(self, figure: Figure, name: str, caption: str) -> FigureFile:
        """Writes `figures/<name>.png` below the folder of the report."""
        plot_style.save(figure, self.output_dir / "figures" / f"{name}.png")
        return FigureFile(f"figures/{name}.png", caption)

    def save_table(self, table: Table, name: str, description: str) -> dict[str, str]:
        """Writes `<name>.ecsv` into the folder of the report; returns its entry of `files`."""
        self.output_dir.mkdir(parents=True, exist_ok=True)
        table.write(self.output_dir / f"{name}.ecsv", format="ascii.ecsv", overwrite=True)
        return {f"{name}.ecsv": description}

    # Checks.

    def _check_shapes(self) -> None:
        shape: Any = getattr(self.model, "image_shape", None)
        if shape is None or needs.is_field_of_stamps(self):
            return
        if tuple(shape) != tuple(self.spec.image_shape):
            raise UserError(
                f"images of dataset '{self.spec.name}' must have the shape that model "
                f"'{self.model_name}' was built for, {tuple(shape)}; "
                f"got {tuple(self.spec.image_shape)}"
            )

    def _checked_fractions(self, fractions: Sequence[float] | None) -> tuple[float, ...] | None:
        fractions = self.spec.class_fractions if fractions is None else fractions
        if fractions is None or not self.class_names:
            return None
        fractions = tuple(float(fraction) for fraction in fractions)
        valid = len(fractions) == len(self.class_names) and min(fractions) > 0
        if not valid or abs(sum(fractions) - 1) > 0.01:
            raise UserError(
                f"class_fractions must be {len(self.class_names)} positive numbers that sum to 1, "
                f"in the order of {list(self.class_names)}; got {list(fractions)}"
            )
        return fractions
