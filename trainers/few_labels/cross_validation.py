"""Classifiers on the features of an encoder, by repeated nested cross-validation."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from astropy.table import Column, Table
from sklearn.metrics import confusion_matrix

from trainers.datasets import loading
from trainers.distribution import strategy as strategies
from trainers.errors import UserError
from trainers.evaluators import plot_style, report, section
from trainers.evaluators.figures.confusion import draw_confusion
from trainers.evaluators.figures.display import Stretch
from trainers.evaluators.statistics.task_probe import TaskScore
from trainers.few_labels.cross_validation_options import METHODS, Cell, Options
from trainers.few_labels.frozen_features import frozen_features
from trainers.few_labels.label_subsets import LabelSubsets
from trainers.few_labels.nested_validation import likely_label_errors, out_of_fold
from trainers.runs.experiment import Experiment
from trainers.storage.atomic_files import write_atomically
from trainers.tables import table_files
from trainers.tables.object_columns import texts
from trainers.tables.provenance import installed_versions

__all__ = ["CrossValidation"]

_MEASURES = {"accuracy": "accuracy", "balanced_accuracy": "balanced accuracy"}
_OBJECTS = "objects.ecsv"
_GALLERY = 15


class CrossValidation(Experiment):
    """Scores of classifiers on held-out folds, and labels that contradict them."""

    def __init__(self, options: Options):
        super().__init__(options)
        strategies.make("one", options.run.deterministic)
        dataset = self.datasets["dataset"] = loading.load_stored(options.run)
        self._spec = dataset.spec
        if not self._spec.class_names:
            raise UserError(f"dataset '{self._spec.name}' has no labels")
        subsets = LabelSubsets.of(dataset, options.run)
        parts = [part for part in (subsets.pool, subsets.test) if len(part["image"])]
        self._images = np.concatenate([part["image"] for part in parts])
        self._labels = np.concatenate([part["label"] for part in parts])
        self._ids = texts(np.concatenate([part["id"] for part in parts]))
        _check_sizes(self._labels, self._spec.class_names, options.folds)
        (self._features,) = frozen_features(options, subsets.spec, self._images)
        self._probabilities: dict[Cell, np.ndarray] = {}

    def train(self, cell: Cell) -> bool:
        options = self.options
        file = options.output_dir / cell.folder / "probability.npy"
        is_new = not file.exists()
        if is_new:
            begun = time.monotonic()
            probability = out_of_fold(
                self._features,
                self._labels,
                cell.method,
                options.folds,
                cell.repeat,
                options.balanced,
            )
            file.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(file, lambda opened: np.save(opened, probability))
            score = self._score(probability)
            shown = (f"{title} {getattr(score, name):.4g}" for name, title in _MEASURES.items())
            print(f"  {', '.join(shown)} in {time.monotonic() - begun:.0f} s", flush=True)
        self._probabilities[cell] = np.load(file)
        return is_new

    def report(self) -> Path:
        options, folder = self.options, self.options.output_dir
        number, classes = len(self._labels), self._spec.class_names
        shares = np.bincount(self._labels, minlength=len(classes)) / number
        means = {method: self._mean_probability(method) for method in self._methods()}
        best = min(means, key=lambda method: self._log_loss(means[method]))
        table = self._objects(means[best])
        table_files.write(table, folder / _OBJECTS)
        text = [
            "Each object was classified by a classifier that saw neither it nor the rest of its "
            f"fold; the penalty of a logistic regression was chosen in {options.folds} folds of "
            "the others. The standard deviation is over repeats with other folds, the standard "
            f"error that of {number} objects. Both hold for this encoder: one that was chosen in "
            "sight of these numbers flatters itself."
        ]
        if len(means) > 1:
            text.append(
                f"{METHODS[best].capitalize()} has the higher likelihood: its probabilities, mean "
                "over the repeats, are those of the figures and of the table of objects."
            )
        part = section.Section(
            text=text,
            tables=[self._score_table(shares)],
            figures=[self._confusion(table), *self._gallery(table)],
            files={_OBJECTS: "each object: label, probabilities, likely label error"},
        )
        for method in means:
            for name in _MEASURES:
                values = self._scores(method, name)
                part.metrics[f"{method}_{name}"] = float(np.mean(values))
                part.metrics[f"{method}_{name}_std"] = _deviation(values)
            key = f"Accuracy, {METHODS[method]}"
            part.key_numbers[key] = _text_of(self._scores(method, "accuracy"))
        errors = float(np.mean(table["likely_label_error"]))
        part.metrics["likely_label_errors"] = errors
        part.key_numbers["Likely label errors"] = f"{100 * errors:.1f} %"
        done, wanted = len(self._probabilities), len(options.cells())
        report.write(
            report.Report(
                title=f"Cross-validation, {options.run.data_name}",
                facts={
                    "encoder": options.encoders,
                    "dataset": options.run.data_name,
                    "classes": ", ".join(
                        f"{name} {share:.1%}" for name, share in zip(classes, shares, strict=True)
                    ),
                    "objects": str(number),
                    "features": str(self._features.shape[1]),
                    "folds": str(options.folds),
                    "cross-validations": f"{done} of {wanted}" if done < wanted else f"{done}",
                },
                sections=[("cross_validation", "Cross-validation", part)],
                commands=[options.command],
                versions=installed_versions(),
            ),
            folder,
        )
        return folder / "report.md"

    def _methods(self) -> list[str]:
        done = {cell.method for cell in self._probabilities}
        return [method for method in METHODS if method in done]

    def _mean_probability(self, method: str) -> np.ndarray:
        return np.mean([p for cell, p in self._probabilities.items() if cell.method == method], 0)

    def _log_loss(self, probability: np.ndarray) -> float:
        own = probability[np.arange(len(self._labels)), self._labels]
        return -float(np.mean(np.log(np.maximum(own, 1e-3))))

    def _score(self, probability: np.ndarray) -> TaskScore:
        return TaskScore(self._labels, probability.argmax(axis=1))

    def _scores(self, method: str, measure: str) -> list[float]:
        return [
            getattr(self._score(probability), measure)
            for cell, probability in self._probabilities.items()
            if cell.method == method
        ]

    def _score_table(self, shares: np.ndarray) -> section.Table:
        rows = [["largest class", f"{shares.max():.3f}", "", f"{1 / len(shares):.3f}", ""]]
        for method in self._methods():
            row = [METHODS[method]]
            for measure in _MEASURES:
                error = np.mean(self._scores(method, f"{measure}_error"))
                row += [_text_of(self._scores(method, measure)), f"{error:.3f}"]
            rows.append(row)
        header = [title for measure in _MEASURES.values() for title in (measure, "standard error")]
        return section.Table(
            ["classifier", *header], rows, "Mean and standard deviation over repeats."
        )

    def _objects(self, probability: np.ndarray) -> Table:
        """Returns the objects, those that contradict their label most first."""
        names = np.array(self._spec.class_names)
        own = probability[np.arange(len(self._labels)), self._labels]
        order = np.argsort(own, kind="stable")
        table = Table(meta={"dataset": self._spec.name, "encoder": self.options.encoders})
        table["id"] = Column(self._ids[order], description="Identifier of the object")
        table["class"] = Column(names[self._labels[order]], description="Class by the labels")
        predicted = names[probability.argmax(axis=1)[order]]
        table["predicted_class"] = Column(predicted, description="Likeliest class, out of fold")
        for place, name in enumerate(names):
            table[f"probability_{name}"] = Column(
                probability[order, place],
                description=f"Probability of {name}, out of fold",
                format=".4f",
            )
        table["likely_label_error"] = Column(
            likely_label_errors(self._labels, probability)[order],
            description="By confident learning (Northcutt et al. 2021)",
        )
        table["index"] = Column(order, description="Position in the data, split by split")
        return table

    def _confusion(self, table: Table) -> section.FigureFile:
        names = self._spec.class_names
        matrix = confusion_matrix(table["class"], table["predicted_class"], labels=list(names))
        with plot_style.style():
            figure, (axes,) = plot_style.new_figure(width=2.9 + 0.5 * len(names), height=3.8)
            draw_confusion(axes, matrix, names)
            return self._save(figure, "confusion", "Classes out of fold, mean over the repeats.")

    def _gallery(self, table: Table) -> list[section.FigureFile]:
        likely = np.asarray(table["likely_label_error"], bool)
        shown = table[likely][:_GALLERY]
        if not len(shown):
            return []
        images = self._images[np.asarray(shown["index"])]
        stretch = Stretch(images, self._spec.bands)
        with plot_style.style():
            figure, panels = plot_style.new_panels(len(shown), 5, width=1.6, height=1.95)
            pictures = stretch.pictures(images)
            for panel, picture, row in zip(panels, pictures, shown, strict=True):
                plot_style.blank(panel).imshow(picture, origin=stretch.origin)
                panel.set_title(f"{row['class']}\nor {row['predicted_class']}", fontsize=8, pad=3)
                plot_style.label_identifier(panel, row["id"])
            caption = (
                f"The {len(shown)} objects that contradict their label most, of "
                f"{likely.sum()} likely label errors: label, and class out of fold."
            )
            return [self._save(figure, "label_errors", caption)]

    def _save(self, figure, name: str, caption: str) -> section.FigureFile:
        path = self.options.output_dir / "figures" / f"{name}.png"
        plot_style.save(figure, path)
        return section.FigureFile(f"figures/{name}.png", caption)


def _check_sizes(labels: np.ndarray, names: Sequence[str], folds: int) -> None:
    counts = np.bincount(labels, minlength=len(names))
    # The outer folds take up to ceil(n / folds) of n objects, and each inner one needs one of the
    # rest: without it, the likelihood of that fold is NaN and no penalty is chosen.
    least = folds + 2
    if counts.min() < least:
        name = names[int(counts.argmin())]
        raise UserError(
            f"`folds={folds}` needs at least {least} objects of each class; got {counts.min()} of "
            f"'{name}'"
        )


def _deviation(values: Sequence[float]) -> float:
    return float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")


def _text_of(values: Sequence[float]) -> str:
    if len(values) == 1:
        return f"{values[0]:.3f}"
    return f"{np.mean(values):.3f} +- {_deviation(values):.3f}"
