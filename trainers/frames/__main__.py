"""Catalogues of the sources of survey frames, or maps of their pixels, by a trained model.

With a classifier: detects with SEP, cuts a stamp of each detection, asks the classifier, and
writes `NAME.ecsv`, a catalogue with a probability for each class, and `figures/NAME.png`. With a
model that answers for each pixel: writes `NAME_maps.fits`, tile by tile, and
`figures/NAME_maps.png`. With a deblending model: detects, deblends and subtracts until the
residual is noise, and writes `NAME.ecsv` with fluxes, shape and blendedness of each source,
`NAME_residual.fits` and `figures/NAME_residual.png`. A command with one of the last two that was
killed resumes when it is given again. For all frames `report.md` and `metrics.json`. `--hdu all`
takes every image of a file as a frame. Of several frames, those that cannot be used are reported
and left out.

Examples:
    python -m trainers.frames --frame field.fits --run_dir runs/NAME --output_dir blends
    python -m trainers.frames --frame a.fits b.fits.fz --mask a_mask.fits b_mask.fits.fz \\
        --saved_model saved_models/blend_cnn --output_dir blends
    python -m trainers.frames --frame mosaic.fits.fz --hdu all --mask_hdu DQ --run_dir runs/NAME \\
        --output_dir blends
    python -m trainers.frames --frame g.fits r.fits i.fits --files bands \\
        --saved_model saved_models/hypercolumn_segmentation --output_dir segments
    python -m trainers.frames --frame V.fits z.fits J.fits H.fits --files bands \\
        --weights pixel_unet/hst_simulated --output_dir classes
    python -m trainers.frames --frame u.fits g.fits r.fits i.fits z.fits y.fits --files bands \\
        --saved_model saved_models/deblending_vae --output_dir deblended
"""

from __future__ import annotations

import functools
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from trainers.cli.exit_status import as_options, command
from trainers.cli.parser import parse
from trainers.errors import TrainingError, UserError
from trainers.frames.options import FrameOptions

__all__ = ["main"]

_PACKAGES = ("galaxy-model-zoo", "tensorflow", "keras", "sep", "astropy", "numpy")


def _command(arguments: Sequence[str]) -> None:
    options = _parse(arguments)
    unused: list[str] = []
    print(f"report: {_predict(options, arguments, unused)}")
    if unused:
        raise TrainingError(unused[0])


def _parse(arguments: Sequence[str]) -> FrameOptions:
    prog = "python -m trainers.frames"
    options = parse(FrameOptions, arguments, prog=prog, description=__doc__)
    if (options.output_dir / "config.json").exists():
        raise UserError(f"`output_dir={options.output_dir}` is the folder of a run; give another")
    return options


def _predict(options: FrameOptions, arguments: Sequence[str], unused: list[str]) -> Path:
    """Does the work, and adds that frames cannot be used; returns the report's path."""
    left_out: list[UserError] = []
    for path in options.frame:
        if len(options.frame) == 1 and not path.is_file():
            # A mistake in its name shows before TensorFlow has started.
            raise UserError(f"`frame={path}` must be a FITS file; there is no such file")
    from trainers.evaluators import report
    from trainers.frames import catalogues, mapping, scenes, source_detector
    from trainers.frames.frame_files import frames_of
    from trainers.frames.job import FrameJob
    from trainers.frames.trained_model import load
    from trainers.tables.provenance import installed_versions

    model = load(options.run_dir, options.saved_model, options.weights)
    detector = source_detector.load(options, model.deblender)
    command = shlex.join(["python", "-m", "trainers.frames", *arguments])
    versions = installed_versions(_PACKAGES)
    takes_bands = model.classifier is None
    work = catalogues
    if takes_bands:
        work = scenes if model.pixel_model is None else mapping
    one_file = len(options.frame) == 1 or options.files == "bands"
    leave_out = functools.partial(_leave_out, left_out=left_out)
    frames = frames_of(options, takes_bands, None if one_file else leave_out)
    number = len(frames) + len(left_out)
    if number == 1:
        leave_out = _raise
    job = FrameJob(model, options, frames, command, versions, leave_out, detector)
    sections, facts = work.sections(job)
    if not sections:
        raise TrainingError(f"none of {number} frames can be used")
    if left_out:
        unused.append(f"{len(left_out)} of {number} frames cannot be used; the others are done")
    subject = next(iter(sections)) if len(sections) == 1 else f"{len(sections)} frames"
    report.write(
        report.Report(
            title=f"{model.name} on {subject}",
            facts=facts,
            sections=[(name, name, section) for name, section in sections.items()],
            commands=[command],
            versions=versions,
        ),
        options.output_dir,
    )
    return options.output_dir / "report.md"


def _leave_out(error: UserError, left_out: list[UserError]) -> None:
    left_out.append(error)
    line = as_options(" ".join(str(error).split()))
    print(f"trainers.frames: left out: {line}", file=sys.stderr, flush=True)


def _raise(error: UserError) -> None:
    raise error


main = command("frames", _command, "stopped; there is no report")

if __name__ == "__main__":
    sys.exit(main())
