"""Adapts a trained encoder to a second survey, without labels of either and without pairs.

Examples:
    python -m trainers.domain_adaptation --run_dir runs/A --target galaxy_zoo_decals/simulated_bass
    python -m trainers.domain_adaptation --run_dir runs/A --target galaxy_zoo_decals/simulated_bass
        --method coral --variant frozen

The adapted run is a folder as `trainers.run` writes it, beside that of the source: a command that
is given again goes on there, and `trainers.evaluate` and `trainers.export` take it.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence

from trainers.cli.exit_status import exit_status
from trainers.cli.parser import parse
from trainers.errors import UserError
from trainers.options.adaptation import AdaptationOptions, configuration
from trainers.runs.run_folder import load_config

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command.

    Args:
        arguments: The command line without the program's name; default that of the process.

    Returns:
        The exit status: 0, 1 if training could not go on, 2 for a mistake of the user, 75 if
        another worker was lost.
    """
    return exit_status("domain_adaptation", _command, arguments)


def _parse(arguments: Sequence[str]) -> AdaptationOptions:
    return parse(
        AdaptationOptions,
        arguments,
        prog="python -m trainers.domain_adaptation",
        description="Adapts the model of a finished run to a second survey, without its labels.",
    )


def _command(arguments: Sequence[str]) -> None:
    options = _parse(arguments)
    source_config = load_config(options.run_dir)
    config = configuration(options, source_config)

    import zoo
    from trainers.datasets import loading
    from trainers.distribution import strategy as strategies
    from trainers.runs import pipeline
    from trainers.runs.adaptation import adapt

    pipeline.check_model(config)
    if not hasattr(zoo.describe(config.model).model_class, "encode"):
        raise UserError(
            f"`run_dir` {config.source_run}: model '{config.model}' has no encode(), so that it "
            f"has no latents to adapt"
        )
    strategy = strategies.make(config.strategy, config.deterministic)
    with strategies.telling_failures(strategy):
        with strategies.chief_first(strategy):
            source = loading.load_for_run(source_config)
            if config.dataset == "image_folder":
                # Before the padding, which the target is given as the source was.
                *sides, bands = source.spec.image_shape
                shape = [*(side - 2 * config.pad for side in sides), bands]
                config = dataclasses.replace(config, image_shape=shape)
            target = loading.load_for_run(config)
        outcome = adapt(config, source, target, strategy)
        strategies.end(strategy)
    if outcome is not None:
        print(f"report      {config.run_dir}/report.md")
        print(f"SavedModel  python -m trainers.export --run_dir {config.run_dir}")


if __name__ == "__main__":
    sys.exit(main())
