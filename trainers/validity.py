"""Statistics of the images that a run was trained on, for runs and exports without them.

`trainers.run` makes them by itself. They go into the folder of the run and into its SavedModel,
whose card gets the share of the test images that is flagged; `trainers.predict` and
`trainers.catalogue` compare other images with them.

Example:
    python -m trainers.validity --run_dir runs/NAME
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path

from trainers.cli.exit_status import command
from trainers.cli.parser import parse
from trainers.errors import UserError
from trainers.options.fields import CheckedOptions, option

__all__ = ["main"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(CheckedOptions):
    """The run."""

    run_dir: Path = option()
    """Run folder."""


def _command(arguments: Sequence[str]) -> None:
    options = parse(Options, arguments, prog="python -m trainers.validity", description=__doc__)

    from trainers.datasets import loading
    from trainers.runs import exports, novelty, run_folder
    from trainers.serving import model_card

    folder = run_folder.RunFolder(options.run_dir)
    model, config = run_folder.load_model(folder.path), run_folder.load_config(folder.path)
    dataset = loading.load_for_evaluation(config)
    folder.check_evaluated_data(dataset, "put them back: the statistics are of the training images")
    reference = novelty.write(model, dataset, folder)
    if reference is None:
        raise UserError(
            f"`run_dir={folder.path}`: statistics need finite features and 40 images of training "
            "and of validation, of at least 8 px"
        )
    share = reference.facts.get("test_share_outside")
    tested = "" if share is None else f" ({share:.1%} of the test images are outside)"
    print(f"statistics  {folder.validity}{tested}")
    saved_model = exports.own_export(folder)
    if saved_model is not None:
        model_card.add_validity(saved_model, reference)
        print(f"SavedModel  {saved_model}")


main = command("validity", _command)

if __name__ == "__main__":
    sys.exit(main())
