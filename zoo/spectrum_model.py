"""Models of spectra with their inverse variance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from zoo.layers.spectrum_scaling import SpectrumScaling
from zoo.model import ZooModel

__all__ = ["SpectrumModel"]


class SpectrumModel(ZooModel):
    """A `ZooModel` that reads `spectrum` and `inverse_variance`, (batch, bins) each.

    Bins of unknown flux have an inverse variance of 0, and any finite flux. The unit of the flux is
    free: `scaling` divides each spectrum by the amplitude of the mean spectrum in it.

    Args:
        bins: Length of the spectra. Default 1000.
        components: Principal components by which gaps are filled, see
            `zoo.layers.spectrum_scaling.SpectrumScaling`. Default 10.
        model_error: Standard deviation that is added to the noise, relative to the mean flux of the
            spectrum, so that bright spectra do not decide everything. Default 0.02.

    The other arguments are those of `zoo.model.ZooModel`.

    Raises:
        ValueError: if `bins` is not above `components`, or `components` or `model_error` are below
            0.
    """

    def __init__(
        self, *, bins: int = 1000, components: int = 10, model_error: float = 0.02, **kwargs: Any
    ):
        super().__init__(**kwargs)
        if not 0 <= components < bins:
            raise ValueError(
                f"components must be at least 0 and below bins ({bins}); got {components}"
            )
        if model_error < 0:
            raise ValueError(f"model_error must be at least 0; got {model_error}")
        self.bins = int(bins)
        self.components = int(components)
        self.model_error = float(model_error)
        self.scaling = SpectrumScaling(self.bins, self.components, name="scaling")

    @property
    def input_shapes(self) -> dict[str, tuple[int | None, ...]]:
        return {"spectrum": (self.bins,), "inverse_variance": (self.bins,)}

    def adapt(self, inputs: Mapping[str, np.ndarray]) -> None:
        """Sets mean spectrum and components from a sample of the training spectra.

        Args:
            inputs: `spectrum` and `inverse_variance`, (number, bins) float32 each.

        Raises:
            ValueError: if no spectrum of the sample has a positive inverse variance.
        """
        super().adapt(inputs)
        self.scaling.adapt(inputs["spectrum"], inputs["inverse_variance"])

    def weights_of(self, inverse_variance: tf.Tensor) -> tf.Tensor:
        """Returns the weights in the loss, 1 / (sigma^2 + model_error^2), of scaled spectra."""
        return inverse_variance / (1 + self.model_error**2 * inverse_variance)
