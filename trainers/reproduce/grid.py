"""Predictions of several classifiers over noise levels and realisations, and their rates."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from trainers.blends import sep_baseline
from trainers.blends.truth import BlendTruth, separation_edges
from trainers.evaluators.statistics.ranking import Interval
from trainers.evaluators.statistics.rates import BinnedRates, binned_rates, gain, wilson_interval

__all__ = ["SEP", "SEP_ALL", "Grid", "Record", "Sample", "Spread"]

SEP = "SEP"
"""SEP where it does not fail."""

SEP_ALL = "SEP, failures as mistakes"
"""SEP on all stamps."""


@dataclasses.dataclass(frozen=True)
class Sample:
    """Stamps with noise, and the labels of SEP.

    Attributes:
        truth: Their truth.
        sep: (number,), labels of `trainers.blends.sep_baseline`.
    """

    truth: BlendTruth
    sep: np.ndarray

    @property
    def answered(self) -> np.ndarray:
        """(number,) bool; False where SEP failed."""
        return self.sep != sep_baseline.FAILURE

    @property
    def sep_right(self) -> np.ndarray:
        """(number,) bool; False for a failure."""
        return self.sep == self.truth.blended


@dataclasses.dataclass(frozen=True)
class Record:
    """Predictions of one trained model for one sample.

    Attributes:
        model: Name of the model.
        trained: Lowest and highest sigma of the noise in training.
        realisation: Number of the realisation of that noise.
        sigma: Sigma of the noise of the sample.
        blended: (number,) bool, the stamps predicted to be blended.
    """

    model: str
    trained: tuple[float, float]
    realisation: int
    sigma: float
    blended: np.ndarray


@dataclasses.dataclass(frozen=True)
class Spread:
    """A fraction, or a difference of two, over realisations.

    Attributes:
        mean: Mean over realisations; NaN without stamps.
        deviation: Standard deviation (n - 1); NaN for a single realisation.
        low: Lower end of the 95 % interval from the number of stamps. All realisations are of the
            same galaxies, which count once.
        high: Upper end.
        realisations: Number of realisations.
    """

    mean: float
    deviation: float
    low: float
    high: float
    realisations: int

    @classmethod
    def of(
        cls, values: Sequence[float], interval: Callable[[float], tuple[float, float]]
    ) -> Spread:
        """Returns the spread of values, NaN among them.

        Args:
            values: Value of each realisation.
            interval: Returns the 95 % interval of a mean.
        """
        finite = np.asarray(values, float)[np.isfinite(values)]
        if not len(finite):
            return cls(np.nan, np.nan, np.nan, np.nan, len(values))
        mean = float(finite.mean())
        deviation = float(finite.std(ddof=1)) if len(finite) > 1 else np.nan
        low, high = map(float, interval(mean))
        return cls(mean, deviation, low, high, len(values))

    def __str__(self) -> str:
        if not np.isfinite(self.mean):
            return "-"
        if self.realisations == 1:
            return f"{self.mean:.3f}"
        return f"{self.mean:.3f} ± {self.deviation:.3f}"

    @property
    def interval(self) -> Interval:
        """Mean with the 95 % interval."""
        return Interval(self.mean, self.low, self.high)


class Grid:
    """All samples and predictions of an experiment.

    Args:
        samples: Samples by sigma of the noise and realisation.
        records: Predictions of the models. A record belongs to the sample of its sigma and
            realisation, or to the only sample of its sigma.
    """

    def __init__(self, samples: Mapping[tuple[float, int], Sample], records: Sequence[Record] = ()):
        self.samples = dict(samples)
        self.records = list(records)

    @property
    def sigmas(self) -> list[float]:
        """Sigmas of the noise of the samples, rising."""
        return sorted({sigma for sigma, _ in self.samples})

    @property
    def models(self) -> list[str]:
        """Names of the models, in the order of the records."""
        return list(dict.fromkeys(record.model for record in self.records))

    def trained(self, model: str) -> list[tuple[float, float]]:
        """Returns the noises with which a model was trained, rising."""
        return sorted({record.trained for record in self.records if record.model == model})

    def truth(self) -> BlendTruth:
        """Returns the truth of the stamps, which all samples share."""
        return next(iter(self.samples.values())).truth

    def sample_of(self, record: Record) -> Sample:
        """Returns the sample that a record is about."""
        own = [key for key in self.samples if key[0] == record.sigma]
        key = own[0] if len(own) == 1 else (record.sigma, record.realisation)
        return self.samples[key]

    def rate(
        self,
        name: str,
        kind: str | np.ndarray,
        sigma: float,
        trained: tuple[float, float] | None = None,
    ) -> Spread:
        """Returns the fraction of correct predictions.

        Args:
            name: Name of a model, `SEP` or `SEP_ALL`.
            kind: Kind of stamps, see `trainers.blends.truth.KINDS`, or (number,) bool.
            sigma: Sigma of the noise of the sample.
            trained: Noise with which the model was trained; None for any.
        """
        values, numbers = [], []
        for sample, right, judged in self._answers(name, sigma, trained):
            members = _members(sample, kind) & judged
            values.append(right[members].mean() if members.any() else np.nan)
            numbers.append(members.sum())
        number = int(np.mean(numbers)) if numbers else 0
        return Spread.of(values, lambda mean: wilson_interval(round(mean * number), number))

    def gain(
        self,
        model: str,
        kind: str | np.ndarray,
        sigma: float,
        trained: tuple[float, float] | None = None,
    ) -> Spread:
        """Returns the gain of a model over SEP where SEP does not fail; see `rate`.

        The interval is that of paired predictions (`trainers.evaluators.statistics.rates.gain`).
        """
        gains = []
        for sample, right, _ in self._answers(model, sigma, trained):
            members = _members(sample, kind) & sample.answered
            gains.append(gain(right[members], sample.sep_right[members]))

        def interval(mean: float) -> tuple[float, float]:
            half = np.nanmean([one.high - one.value for one in gains])
            return mean - half, mean + half

        return Spread.of([one.value for one in gains], interval)

    def by_separation(
        self, name: str, sigma: float, trained: tuple[float, float] | None = None
    ) -> BinnedRates:
        """Returns the fraction of blends recognised in bins of separation; see `rate`.

        The intervals count every realisation of a stamp, and are too narrow for several.
        """
        separations, rights = [np.zeros(0)], [np.zeros(0, bool)]
        for sample, right, judged in self._answers(name, sigma, trained):
            members = sample.truth.blended & judged
            separations.append(sample.truth.separation[members])
            rights.append(right[members])
        edges = separation_edges(self.truth().separation)
        return binned_rates(np.concatenate(separations), np.concatenate(rights), edges)

    def _answers(self, name: str, sigma: float, trained: tuple[float, float] | None):
        at_sigma = {r: sample for (s, r), sample in self.samples.items() if s == sigma}
        if name in (SEP, SEP_ALL):
            for sample in at_sigma.values():
                every = np.ones(len(sample.sep), bool)
                yield sample, sample.sep_right, sample.answered if name == SEP else every
            return
        for record in self.records:
            if record.model != name or record.sigma != sigma:
                continue
            if trained is not None and record.trained != trained:
                continue
            sample = self.sample_of(record)
            right = record.blended == sample.truth.blended
            yield sample, right, np.ones(len(right), bool)


def _members(sample: Sample, kind: str | np.ndarray) -> np.ndarray:
    return sample.truth.kind(kind) if isinstance(kind, str) else kind
