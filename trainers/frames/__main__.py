"""Detects the sources of survey frames and says which of them are blends.

Detects with SEP, cuts a stamp of each detection, asks a trained classifier of any two or more
classes, and writes for each frame `NAME.ecsv`, a catalogue with a probability for each class, and
`figures/NAME.png`, and for all of them `report.md` and `metrics.json`. Of several frames, those
that cannot be used are reported and left out.

Examples:
    python -m trainers.frames --frame field.fits --run_dir runs/NAME --output_dir blends
    python -m trainers.frames --frame a.fits b.fits.fz --mask a_mask.fits b_mask.fits.fz \\
        --saved_model saved_models/blend_cnn --output_dir blends
"""

from __future__ import annotations

import dataclasses
import itertools
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from trainers.cli.exit_status import as_options, command
from trainers.cli.parser import parse
from trainers.errors import TrainingError, UserError
from trainers.frames.options import FrameOptions

if TYPE_CHECKING:
    from trainers.frames.reading import Frame

__all__ = ["main"]

_PACKAGES = ("galaxy-model-zoo", "tensorflow", "keras", "sep", "astropy", "numpy")


def _command(arguments: Sequence[str]) -> None:
    options = _parse(arguments)
    left_out: list[UserError] = []
    print(f"report: {_predict(options, arguments, left_out)}")
    if left_out:
        raise TrainingError(
            f"{len(left_out)} of {len(options.frame)} frames cannot be used; the others are done"
        )


def _parse(arguments: Sequence[str]) -> FrameOptions:
    prog = "python -m trainers.frames"
    options = parse(FrameOptions, arguments, prog=prog, description=__doc__)
    from trainers.frames import reading

    names = [reading.name_of(path) for path in options.frame]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise UserError(f"`frame` must be files of different names; '{twice[0]}' comes twice")
    if (options.output_dir / "config.json").exists():
        raise UserError(f"`output_dir={options.output_dir}` is the folder of a run; give another")
    return options


def _predict(options: FrameOptions, arguments: Sequence[str], left_out: list[UserError]) -> Path:
    """Does the work, and adds what is wrong with frames; returns the report's path."""
    detecting = dataclasses.replace(options.detection, band=options.detection_band)
    # The first frame first: a mistake in its name shows before TensorFlow has started.
    frames = _frames(options, left_out)
    first = next(frames, None)
    if first is None:
        raise _none(options)
    from trainers.evaluators import report
    from trainers.frames import classifier as classifiers
    from trainers.frames import prediction, summary
    from trainers.tables.provenance import installed_versions

    if options.run_dir is not None:
        classifier = classifiers.from_run(options.run_dir)
    else:
        classifier = classifiers.from_saved_model(options.saved_model)
    command = shlex.join(["python", "-m", "trainers.frames", *arguments])
    versions = installed_versions(_PACKAGES)
    cutting = prediction.fitted(options.stamps, classifier)
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
    subject = next(iter(sections)) if len(sections) == 1 else f"{len(sections)} frames"
    report.write(
        report.Report(
            title=f"{classifier.name} on {subject}",
            facts=summary.facts(classifier, cutting, options.cut),
            sections=[(name, name, section) for name, section in sections.items()],
            commands=[command],
            versions=versions,
        ),
        options.output_dir,
    )
    return options.output_dir / "report.md"


def _frames(options: FrameOptions, left_out: list[UserError]) -> Iterator[Frame]:
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


def _none(options: FrameOptions) -> TrainingError:
    return TrainingError(f"none of {len(options.frame)} frames can be used")


def _leave_out(error: UserError, options: FrameOptions, left_out: list[UserError]) -> None:
    if len(options.frame) == 1:
        raise error
    left_out.append(error)
    line = as_options(" ".join(str(error).split()))
    print(f"trainers.frames: left out: {line}", file=sys.stderr, flush=True)


main = command("frames", _command, "stopped; there is no report")

if __name__ == "__main__":
    sys.exit(main())
