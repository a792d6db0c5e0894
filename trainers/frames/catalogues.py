"""Catalogues of frames by a classifier, one for each file."""

from __future__ import annotations

import dataclasses
import itertools

from trainers.errors import UserError
from trainers.evaluators.section import Section
from trainers.frames import detection_table, frame_windows, prediction, summary
from trainers.frames.job import FrameJob

__all__ = ["sections"]


def sections(job: FrameJob) -> tuple[dict[str, Section], dict[str, str]]:
    """Writes the catalogue of each file, and the figure of each of its frames.

    Args:
        job: With a classifier.

    Returns:
        The sections of the report by name, and the facts that hold for all.

    Raises:
        UserError: if options do not fit a classifier, or a catalogue is there that has other
            frames.
    """
    classifier, options = job.model.classifier, job.options
    detecting = dataclasses.replace(options.detection, band=options.detection_band)
    cutting = prediction.fitted(options.stamps, classifier)
    provenance = {
        "model": {
            "name": classifier.name,
            "path": classifier.path,
            "data": dict(classifier.data),
            "training": dict(classifier.configuration),
        },
        "detection": dataclasses.asdict(detecting),
        "stamps": dataclasses.asdict(cutting),
        "command": job.command,
        "versions": dict(job.versions),
    }
    files_of = [
        list(group) for _, group in itertools.groupby(job.frames, lambda files: files.paths)
    ]
    if not options.overwrite:
        for group in files_of:
            detection_table.check_place(options.output_dir, group)
    done = {}
    for group in files_of:
        tables = []
        for files in group:
            try:
                with frame_windows.opened(files) as frame:
                    table, done[files.name] = prediction.predict(
                        frame,
                        classifier,
                        options.output_dir,
                        detecting=detecting,
                        cutting=cutting,
                        cut=options.cut,
                        gain=options.gain,
                        first=1 + sum(map(len, tables)),
                    )
                tables.append(table)
            except UserError as error:
                job.leave_out(error)
        if tables:
            options.output_dir.mkdir(parents=True, exist_ok=True)
            detection_table.write(tables, options.output_dir, group, provenance)
    return done, summary.facts(classifier, cutting, options.cut)
