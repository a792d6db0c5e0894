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

from trainers.cli.exit_status import command
from trainers.cli.parser import parse
from trainers.options.publish import PublishOptions

__all__ = ["main"]


def _command(arguments: Sequence[str]) -> None:
    prog = "python -m trainers.publish"
    options = parse(PublishOptions, arguments, prog=prog, description=__doc__)
    from trainers.publication import entry

    entry.publish(options)


main = command("publish", _command, "stopped; no entry was written")

if __name__ == "__main__":
    sys.exit(main())
