"""Cutouts around the positions of a catalogue, from the services of surveys.

Writes a FITS file (SDSS: a JPEG picture) for each object, named after its identifier, and
`downloads.ecsv`, which says for each object what became of it. The same command resumes a download
that was stopped, and asks again for nothing that is there.

Examples:
    python -m trainers.download --catalogue sources.fits --output_dir cutouts
    python -m trainers.download --catalogue sources.csv --id_column objid --output_dir pictures \\
        --survey sdss --size 128
    python -m trainers.download --catalogue sources.csv --output_dir panstarrs \\
        --survey 'hips:CDS/P/PanSTARRS/DR1/{band}' --bands g r i --footprint panstarrs.fits
"""

from __future__ import annotations

import concurrent.futures
import datetime
import functools
import hashlib
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.table import Column, Table
from tqdm import tqdm

from trainers.cli.exit_status import command
from trainers.cli.parser import parse
from trainers.download import journal as journals
from trainers.download.fetching import Fetcher, NotFoundError, RequestError
from trainers.download.footprint import inside
from trainers.download.journal import DESCRIPTION, DOWNLOADED, STATUSES, Journal, Outcome
from trainers.download.options import DownloadOptions
from trainers.download.surveys import EmptyCutoutError, Survey, survey
from trainers.download.targets import Targets, read_targets
from trainers.errors import TrainingError
from trainers.storage.atomic_files import write_atomically
from trainers.storage.claimed_folder import claimed
from trainers.tables import table_files
from trainers.tables.provenance import provenance

__all__ = ["main"]

_TABLE = "downloads.ecsv"
_JOURNAL = ".download.jsonl"
_PACKAGES = ("galaxy-model-zoo", "astropy", "requests")
_DESCRIPTIONS = {
    "status": "What became of the object: " + ", ".join(STATUSES),
    "file": "Name of the file in the folder; empty without one",
    "size": "Bytes of the file",
    "sha256": "SHA-256 of the file",
    "url": "First address that was asked",
    "date": "Time of the answer, UTC",
    "reason": "Why there is no file",
}


def _command(arguments: Sequence[str]) -> None:
    options = parse(
        DownloadOptions, arguments, prog="python -m trainers.download", description=__doc__
    )
    service = survey(options.survey, options.size, options.pixel_scale, options.bands, options.url)
    targets = read_targets(
        options.catalogue, options.id_column, options.ra_column, options.dec_column
    )
    request = {
        "survey": options.survey,
        "size": service.size,
        "pixel_scale": service.pixel_scale,
        "bands": list(service.bands),
    }
    folder, name = options.output_dir, f"`output_dir` {options.output_dir}"
    with claimed(folder, DESCRIPTION, name=name, kind="download") as description:
        journals.check_request(folder, description, request)
        journal = Journal(folder / _JOURNAL)
        try:
            _download(options, service, targets, journal)
        finally:
            journal.close()
            _write_table(folder, targets, journal, arguments)
    counts = Counter(journal.outcomes[name].status for name in targets.ids)
    shown = (f"{counts[status]} {status}" for status in STATUSES if counts[status])
    print(f"{folder / _TABLE}: {', '.join(shown)}")
    if counts["failed"]:
        raise TrainingError(
            f"{counts['failed']} of {len(targets)} objects failed; `again=True` asks for them again"
        )


def _download(
    options: DownloadOptions, service: Survey, targets: Targets, journal: Journal
) -> None:
    """Downloads the objects that have no outcome yet."""
    rows = [row for row in range(len(targets)) if _is_due(targets, row, journal, options)]
    if options.footprint is not None and rows:
        covered = inside(options.footprint, targets.ra[rows], targets.dec[rows])
        for row, is_covered in zip(rows, covered, strict=True):
            if not is_covered:
                reason = f"outside of {options.footprint}"
                journal.add(Outcome(targets.ids[row], "outside", date=_now(), reason=reason))
        rows = [row for row, is_covered in zip(rows, covered, strict=True) if is_covered]
    fetcher = Fetcher(options.rate, options.timeout, options.retries)
    fetch = functools.partial(_fetch, options.output_dir, service, fetcher, targets)
    done = len(targets) - len(rows)
    with (
        concurrent.futures.ThreadPoolExecutor(options.connections) as pool,
        tqdm(total=len(targets), initial=done, desc="cutouts", unit="cutout", disable=None) as bar,
    ):
        try:
            for outcome in _in_turn(pool, fetch, rows, 4 * options.connections):
                journal.add(outcome)
                bar.update()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _in_turn(
    pool: concurrent.futures.Executor, function, rows: Iterable[int], most: int
) -> Iterable[Outcome]:
    """Yields outcomes as they come, with few objects waiting at a time."""
    waiting, rows = set(), iter(rows)
    for row in rows:
        waiting.add(pool.submit(function, row))
        if len(waiting) >= most:
            finished, waiting = concurrent.futures.wait(
                waiting, return_when=concurrent.futures.FIRST_COMPLETED
            )
            yield from (future.result() for future in finished)
    for future in concurrent.futures.as_completed(waiting):
        yield future.result()


def _is_due(targets: Targets, row: int, journal: Journal, options: DownloadOptions) -> bool:
    outcome = journal.outcomes.get(targets.ids[row])
    if outcome is None:
        return True
    if outcome.status == DOWNLOADED:
        # A file that somebody removed is fetched again.
        path = options.output_dir / outcome.file
        return not path.is_file() or path.stat().st_size != outcome.size
    return options.again


def _fetch(folder: Path, service: Survey, fetcher: Fetcher, targets: Targets, row: int) -> Outcome:
    """Fetches, checks and writes the cutout of an object."""
    name, ra, dec = targets.ids[row], float(targets.ra[row]), float(targets.dec[row])
    addresses = service.addresses(ra, dec)
    outcome = functools.partial(Outcome, name, url=addresses[0])
    header = fits.Header()
    header["OBJECT"] = (name.encode("ascii", "backslashreplace").decode(), "identifier")
    header["RA_OBJ"], header["DEC_OBJ"] = (ra, "[deg] of the catalogue"), (dec, "[deg]")
    header["DATE-DL"] = (_now(), "time of the download, UTC")
    header["SRC_URL"] = addresses[0]
    try:
        answers = [fetcher.fetch(address, service.check) for address in addresses]
        content = service.file(answers, header)
    except EmptyCutoutError as error:
        return outcome(status="empty", date=_now(), reason=str(error))
    except NotFoundError as error:
        return outcome(status="not found", date=_now(), reason=str(error))
    except RequestError as error:
        return outcome(status="failed", date=_now(), reason=str(error))
    file = f"{targets.stems[row]}{service.suffix}"
    write_atomically(folder / file, lambda opened: opened.write(content))
    digest = hashlib.sha256(content).hexdigest()
    return outcome(status=DOWNLOADED, file=file, size=len(content), sha256=digest, date=_now())


def _write_table(
    folder: Path, targets: Targets, journal: Journal, arguments: Sequence[str]
) -> None:
    outcomes = [journal.outcomes.get(name, Outcome(name, "waiting")) for name in targets.ids]
    table = Table()
    table.add_column(Column(targets.ids, name="id", description="Identifier of the object"))
    for name, values in (("ra", targets.ra), ("dec", targets.dec)):
        table.add_column(Column(values, name=name, unit="deg", description=f"{name} (ICRS)"))
    for name, text in _DESCRIPTIONS.items():
        values = np.array([getattr(outcome, name) for outcome in outcomes])
        table.add_column(Column(values, name=name, description=text))
    table.meta.update(provenance("download", arguments, _PACKAGES))
    table_files.write(table, folder / _TABLE)


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


main = command("download", _command)

if __name__ == "__main__":
    sys.exit(main())
