"""Feature maps of a convolutional network, as figure 2 of Farrens et al. 2022."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trainers.evaluators import plot_style
from trainers.evaluators.context import EvaluationContext
from trainers.evaluators.figures.display import Stretch
from trainers.evaluators.reconstruction import examples, name_of
from trainers.evaluators.registry import register
from trainers.evaluators.section import FigureFile, Section, Table
from trainers.evaluators.statistics.feature_maps import FeatureMaps, feature_maps

__all__ = ["draw_feature_maps", "evaluate_feature_maps", "silent_channels", "varying_channels"]

_SHOWN = 4
# Images at most, and pixels of them: wide networks keep hundreds of bytes of maps for each pixel.
_OBJECTS, _PIXELS = 64, 2**20
_CHANNELS = 4  # In a square.
_MAP_SIDE = 64  # px of a map in the figure, at least.


@register("feature_maps", title="Feature maps", needs=("convolutions",))
def evaluate_feature_maps(context: EvaluationContext) -> Section:
    """Draws the maps that the layers of a network hand on, at each resolution."""
    shown = examples(context, _SHOWN, "feature_maps/shown")
    height, width = context.images[:1, *context.window].shape[1:3]
    number = max(len(shown), min(_OBJECTS, _PIXELS // (height * width)))
    others = np.setdiff1d(context.subset(_OBJECTS, "feature_maps"), shown)
    chosen = np.concatenate([shown, others])[:number]
    stages = feature_maps(context.model, context.images[chosen])
    if not stages:
        return Section(text=["No convolutional layer of the model returns a map of the images."])
    silent = [int(silent_channels(stage.maps).sum()) for stage in stages]
    section = Section(
        metrics={"silent_channels": sum(silent) / sum(stage.maps.shape[-1] for stage in stages)}
    )
    section.text.append(
        "At each resolution of the network, the output of the last layer before the next coarser "
        "one. A channel is silent if its map has the same value in every pixel of all of "
        f"{len(chosen)} {context.split} images: it says nothing of them."
    )
    rows = []
    for stage, count in zip(stages, silent, strict=True):
        height, width, channels = stage.maps.shape[1:]
        rows.append([stage.layer, f"{height} x {width}", str(channels), str(count)])
    section.tables.append(Table(["layer", "map, px", "channels", "silent"], rows))
    section.figures.append(draw_feature_maps(context, stages, shown))
    return section


def silent_channels(maps: np.ndarray) -> np.ndarray:
    """Returns which channels have one value everywhere, (channels,) bool.

    Args:
        maps: (number, rows, columns, channels).
    """
    return np.ptp(maps, axis=(0, 1, 2)) == 0


def varying_channels(maps: np.ndarray, number: int) -> np.ndarray:
    """Returns the channels whose maps differ most between the images, in falling order.

    The measure is the variance over the images, averaged over the pixels of a map. A high contrast
    within a map is none: at the edge of an image, convolutions with zero padding answer to the
    edge, in all images alike.

    Args:
        maps: (number, rows, columns, channels).
        number: How many channels at most.
    """
    variance = maps.var(axis=0).mean(axis=(0, 1))
    return np.argsort(-variance, kind="stable")[:number]


def draw_feature_maps(
    context: EvaluationContext, stages: Sequence[FeatureMaps], shown: np.ndarray
) -> FigureFile:
    """Draws images with feature maps beside them.

    Args:
        context: The evaluation.
        stages: Feature maps at each resolution; the first ones are those of `shown`.
        shown: (number,) indices of the images.
    """
    columns = 1 + len(stages)
    figure, axes = plot_style.new_figure(len(shown), columns, width=1.5, height=1.55)
    images = context.images[shown][:, *context.window]
    stretch = Stretch(images, context.spec.bands)
    for row, picture in enumerate(stretch.pictures(images)):
        panel = plot_style.blank(axes[row * columns])
        panel.imshow(picture, origin=stretch.origin)
        panel.set_ylabel(name_of(context, shown[row]), fontsize=9)
        if row == 0:
            panel.set_title("image", fontsize=9)
    for column, stage in enumerate(stages, 1):
        maps = stage.maps[: len(shown), ..., varying_channels(stage.maps, _CHANNELS)]
        for row, own in enumerate(maps):
            panel = plot_style.blank(axes[row * columns + column])
            sheet = _sheet(np.moveaxis(own, -1, 0), stretch.origin == "lower")
            panel.imshow(sheet, cmap=plot_style.CONTINUOUS)
            if row == 0:
                height, width = own.shape[:2]
                panel.set_title(f"{stage.layer}\n{height} x {width} px", fontsize=9)
    return context.save_figure(
        figure,
        "feature_maps",
        "Images, as far as the model reads them, and their feature maps, from the first layers of "
        f"the network (left) to the last. Shown are the {_CHANNELS} channels of each layer whose "
        f"maps differ most between the {len(stages[0].maps)} images, the same ones in every row, "
        "each map from its lowest value (dark) to its highest.",
    )


def _sheet(maps: np.ndarray, upwards: bool) -> np.ndarray:
    """Returns maps side by side in a square, each scaled to [0, 1]; NaN between them.

    Args:
        maps: (number, rows, columns).
        upwards: Whether row 0 is the lowest, as in survey images.
    """
    low, high = (reduce(maps, axis=(1, 2), keepdims=True) for reduce in (np.min, np.max))
    maps = (maps - low) / np.where(high > low, high - low, 1)
    maps = maps[:, ::-1] if upwards else maps
    # Coarse maps are enlarged, so that the gaps look alike.
    enlarged = -(-_MAP_SIDE // max(maps.shape[1:]))
    maps = maps.repeat(enlarged, axis=1).repeat(enlarged, axis=2)
    height, width = maps.shape[1:]
    side = int(np.ceil(np.sqrt(_CHANNELS)))
    gap = -(-height // 16)
    sheet = np.full((side * (height + gap) - gap, side * (width + gap) - gap), np.nan)
    for index, each in enumerate(maps):
        top, left = index // side * (height + gap), index % side * (width + gap)
        sheet[top : top + height, left : left + width] = each
    return sheet
