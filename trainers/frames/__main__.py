"""Detects the sources of survey frames and says which of them are blends.

Detects with SEP, cuts a stamp of each detection, asks a trained classifier of any two or more
classes, and writes for each frame `NAME.ecsv`, a catalogue with a probability for each class, and
`figures/NAME.png`, and for all of them `report.md` and `metrics.json`. Of several frames, those
that cannot be used are told and left out.

Examples:
    python -m trainers.frames --frame field.fits --run_dir runs/NAME --output_dir blends
    python -m trainers.frames --frame a.fits b.fits.fz --mask a_mask.fits b_mask.fits.fz \
        --saved_model saved_models/blend_cnn --output_dir blends
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainers.cli.arguments import OneLineParser
from trainers.cli.exit_status import exit_status
from trainers.errors import TrainingError, UserError

if TYPE_CHECKING:
    from trainers.frames.classifier import Classifier
    from trainers.frames.reading import Frame

__all__ = ["main"]

_PACKAGES = ("galaxy-model-zoo", "tensorflow", "keras", "sep", "astropy", "numpy")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command.

    Args:
        arguments: The command line without the program's name; default that of the process.

    Returns:
        The exit status: 0, 1 if something cannot be written or some of the frames cannot be used,
        2 for a mistake of the user.
    """
    return exit_status("frames", _command, arguments, "stopped; there is no report")


def _command(arguments: Sequence[str]) -> None:
    options = _parse(arguments)
    left_out: list[UserError] = []
    print(f"report: {_predict(options, arguments, left_out)}")
    if left_out:
        raise TrainingError(
            f"{len(left_out)} of {len(options.frame)} frames cannot be used; the others are done"
        )


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = OneLineParser(
        prog="python -m trainers.frames",
        description="Detects the sources of FITS frames and classifies a stamp of each.",
        allow_abbrev=False,
    )
    several = {"type": Path, "nargs": "+", "metavar": "PATH"}
    add = parser.add_argument
    add("--frame", required=True, help="FITS files of frames.", **several)
    add("--output_dir", type=Path, required=True, help="Folder to write into.")
    model = parser.add_argument_group("the model, one of")
    model.add_argument("--run_dir", type=Path, help="Folder of a run.")
    model.add_argument("--saved_model", type=Path, help="Folder of an exported SavedModel.")
    frames = parser.add_argument_group("the frames")
    add = frames.add_argument
    add("--hdu", help="Number or name of the extension; default: the first with an image.")
    add("--bands", type=int, nargs="+", metavar="PLANE", help="Planes of a cube; default: all.")
    add("--mask", help="Masks, a file for each frame; 0 is good.", **several)
    add(
        "--weight", help="Weights, a file for each frame; pixels of weight 0 are masked.", **several
    )
    add("--gain", type=float, help="Electrons per unit, for the errors of the fluxes.")
    found = parser.add_argument_group("detection")
    add = found.add_argument
    add("--threshold", type=float, help="In units of the noise; default: 1.5.")
    add("--min_area", type=int, help="Touching pixels above it; default: 5.")
    add("--deblend_contrast", type=float, help="1 (default) for no deblending: blends stay whole.")
    add("--background_box", type=int, help="Boxes in which the sky is measured, px; default: 64.")
    add("--detection_band", type=int, help="Among the bands read; default: the middle one.")
    cut = parser.add_argument_group("stamps")
    add = cut.add_argument
    add("--size", type=int, help="Side in px; default: as in training, or 51.")
    add("--neighbours", help="Other detections: remove (default) or keep.")
    add("--keep_background", action="store_true", help="Do not subtract the sky.")
    add("--scale", type=float, help="Factor; default: to a noise as in training if it is known.")
    add("--seed", type=int, help="Of the noise in place of unknown pixels; default: 0.")
    parser.add_argument(
        "--cut", type=float, default=0.5, help="Blended above this probability; default: 0.5."
    )
    options = parser.parse_args(arguments)
    _check(options)
    return options


def _check(options: argparse.Namespace) -> None:
    from trainers.frames import reading

    if (options.run_dir is None) == (options.saved_model is None):
        raise UserError("one of --run_dir and --saved_model is required, and not both")
    for name in ("mask", "weight"):
        given = getattr(options, name)
        if given is not None and len(given) != len(options.frame):
            raise UserError(
                f"--{name} must have a file for each of the {len(options.frame)} frames; "
                f"got {len(given)}"
            )
    names = [reading.name_of(path) for path in options.frame]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise UserError(f"--frame must be files of different names; '{twice[0]}' comes twice")
    if not 0 <= options.cut <= 1:
        raise UserError(f"--cut must be from 0 to 1; got {options.cut}")
    if options.gain is not None and not options.gain > 0:
        raise UserError(f"--gain must be above 0; got {options.gain}")
    if (options.output_dir / "config.json").exists():
        raise UserError(f"--output_dir {options.output_dir} is the folder of a run; give another")


def _predict(
    options: argparse.Namespace, arguments: Sequence[str], left_out: list[UserError]
) -> Path:
    """Does the work, and adds what is wrong with frames; returns the report's path."""
    from trainers.frames.detection import DetectionSettings
    from trainers.frames.stamps import StampSettings

    detecting = _settings(
        DetectionSettings, options, "threshold min_area deblend_contrast background_box"
    )
    detecting = dataclasses.replace(detecting, band=options.detection_band)
    cutting = _settings(StampSettings, options, "size neighbours keep_background scale seed")
    # The first frame first: a mistake in its name shows before TensorFlow has started.
    frames = _frames(options, left_out)
    first = next(frames, None)
    if first is None:
        raise _none(options)
    classifier = _classifier(options)

    from trainers.evaluators import report
    from trainers.frames import prediction, summary
    from trainers.runs import run_folder

    command = shlex.join(["python", "-m", "trainers.frames", *arguments])
    versions = run_folder.installed_versions(_PACKAGES)
    cutting = prediction.fitted(cutting, classifier)
    sections = {}
    for frame in itertools.chain([first], frames):
        try:
            sections[frame.name] = prediction.predict(
                frame,
                classifier,
                options.output_dir,
                detecting=detecting,
                cutting=cutting,
                cut=options.cut,
                gain=options.gain,
                provenance={"command": command, "versions": versions},
            )
        except UserError as error:
            _leave_out(error, options, left_out)
    if not sections:
        raise _none(options)
    what = next(iter(sections)) if len(sections) == 1 else f"{len(sections)} frames"
    report.write(
        report.Report(
            title=f"{classifier.name} on {what}",
            facts=summary.facts(classifier, cutting, options.cut),
            sections=[(name, name, section) for name, section in sections.items()],
            commands=[command],
            versions=versions,
        ),
        options.output_dir,
    )
    return options.output_dir / "report.md"


def _frames(options: argparse.Namespace, left_out: list[UserError]) -> Iterator[Frame]:
    from trainers.frames import reading

    hdu = int(options.hdu) if options.hdu and options.hdu.isdigit() else options.hdu
    nothing = [None] * len(options.frame)
    maps = zip(options.mask or nothing, options.weight or nothing, strict=True)
    for path, (mask, weight) in zip(options.frame, maps, strict=True):
        try:
            frame = reading.read(path, hdu=hdu, bands=options.bands, mask=mask, weight=weight)
        except UserError as error:
            _leave_out(error, options, left_out)
            continue
        yield frame


def _none(options: argparse.Namespace) -> TrainingError:
    return TrainingError(f"none of {len(options.frame)} frames can be used")


def _leave_out(error: UserError, options: argparse.Namespace, left_out: list[UserError]) -> None:
    if len(options.frame) == 1:
        raise error
    left_out.append(error)
    line = " ".join(str(error).split())
    print(f"trainers.frames: left out: {line}", file=sys.stderr, flush=True)


def _classifier(options: argparse.Namespace) -> Classifier:
    from trainers.frames import classifier

    if options.run_dir is not None:
        return classifier.from_run(options.run_dir)
    return classifier.from_saved_model(options.saved_model)


def _settings(kind: type, options: argparse.Namespace, names: str) -> Any:
    """Returns the settings with those options that were given."""
    given = {name: getattr(options, name) for name in names.split()}
    return kind(**{name: value for name, value in given.items() if value is not None})


if __name__ == "__main__":
    sys.exit(main())
