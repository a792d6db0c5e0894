"""Deblenders of the zoo and exported ones, for frames."""

from __future__ import annotations

from trainers.cutouts.flux_units import flux_unit
from trainers.deblending.deblender import OUTPUT, Deblender
from trainers.deblending.latent_space import LatentSpace
from trainers.errors import UserError
from trainers.frames.frame_windows import FrameWindows
from trainers.frames.model_source import ModelSource
from trainers.prediction import served_model
from trainers.prediction.served_model import ServedModel

__all__ = ["of_saved_model", "of_source", "scale_of"]


def of_source(source: ModelSource) -> Deblender | None:
    """Returns the deblender of a run or of named weights; None if the model is none.

    Args:
        source: The model.
    """
    model = source.model
    if model.task != "deblending":
        return None
    return Deblender.of(
        model,
        model.image_shape,
        name=model.registry_name,
        path=source.path,
        version="",
        checksum=source.checksum,
        data=source.data,
        latents=LatentSpace.of_model(model),
    )


def of_saved_model(model: ServedModel) -> Deblender | None:
    """Returns an exported deblender; None if the model is none.

    Args:
        model: The model.
    """
    if OUTPUT not in model.default.structured_outputs:
        return None
    facts, takes = model.facts, {"encode": "image", "decode": "latent", "log_prior": "latent"}
    return Deblender.of(
        lambda stamps: model.default(image=stamps),
        model.shape,
        name=facts.name,
        path=facts.folder,
        version=facts.version,
        checksum=served_model.checksum(facts.folder),
        data=facts.data,
        latents=LatentSpace.of_signatures(
            lambda name: model.function(name, takes[name]), model.shape
        ),
    )


def scale_of(frame: FrameWindows, deblender: Deblender, scale: float | None) -> float:
    """Returns the factor from the pixels of a frame to those of the training.

    Args:
        frame: The frame.
        deblender: The deblender.
        scale: What the user gave; None to convert the units, where both are known.

    Raises:
        UserError: if the units cannot be converted.
    """
    if scale is not None:
        return scale
    own, trained = flux_unit(frame.unit), flux_unit(str(deblender.data.get("units") or ""))
    if own is None or trained is None:
        return 1.0
    try:
        return float(own.to(trained))
    except ValueError:  # astropy.units.UnitConversionError
        raise UserError(
            f"`frame={frame.path}` must have a unit that converts to the {trained} of "
            f"'{deblender.name}', or `scale` says by how much; got {own}"
        ) from None
