"""Makes a named set of weights from a finished run: `zoo.load("MODEL/NAME")` loads it anywhere.

The entry is a `.keras` file, in half precision where that changes no score, and a manifest beside
it: data, command, scores on the test split, licences, citations, checksum, and the scores on a
small sample that the tests reproduce.

Examples:
    python -m trainers.publish --run_dir runs/NAME --name vae_mixture/sdss_simulated \\
        --check_dataset sdss_star_galaxy/simulated/num_objects=400 \\
        --data_licence 'simulated; Apache-2.0' --data_citation 'Rowe et al. 2015 (A&C 10, 121)'
    python -m trainers.publish --run_dir runs/NAME --name gz_cnn/mine --weights_dir our_weights \\
        --data_licence CC-BY-4.0 --data_citation 'Our survey, in preparation'
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from trainers.cli.exit_status import exit_status
from trainers.cli.parser import parse
from trainers.options.publish import PublishOptions

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command.

    Args:
        arguments: The command line without the program's name; default that of the process.

    Returns:
        The exit status: 0, 1 if the files cannot be written, 2 for a mistake of the user.
    """
    return exit_status("publish", _command, arguments, "stopped; no entry was written")


def _command(arguments: Sequence[str]) -> None:
    options = parse(
        PublishOptions, arguments, prog="python -m trainers.publish", description=__doc__
    )
    from trainers.publication import entry

    entry.publish(options)


if __name__ == "__main__":
    sys.exit(main())
