"""Stretches and scalings as Keras layers, so that they travel inside the SavedModel.

Every layer maps images in survey units, (batch, height, width, bands) float32, to what the
networks read, and back by `inverse`.
"""

from zoo.preprocessing.asinh import AsinhStretch
from zoo.preprocessing.background_noise import BackgroundNoiseNormalization
from zoo.preprocessing.band_asinh import BandAsinh
from zoo.preprocessing.base import Chain, Preprocessing, make, register
from zoo.preprocessing.centre_crop import CentreCrop
from zoo.preprocessing.fit_stamp import FitStamp, fitted
from zoo.preprocessing.flux import FluxNormalization
from zoo.preprocessing.luptitudes import Luptitudes
from zoo.preprocessing.masked_neighbours import MaskedNeighbours, masking_neighbours
from zoo.preprocessing.min_max import MinMax8Bit
from zoo.preprocessing.rescale import Rescale
from zoo.preprocessing.resize import Resize
from zoo.preprocessing.sky_clip import SkyClip
from zoo.preprocessing.standardize import Standardization

__all__ = [
    "AsinhStretch",
    "BackgroundNoiseNormalization",
    "BandAsinh",
    "CentreCrop",
    "Chain",
    "FitStamp",
    "FluxNormalization",
    "Luptitudes",
    "MaskedNeighbours",
    "MinMax8Bit",
    "Preprocessing",
    "Rescale",
    "Resize",
    "SkyClip",
    "Standardization",
    "fitted",
    "make",
    "masking_neighbours",
    "register",
]
