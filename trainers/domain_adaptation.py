"""Adapts a trained encoder to a second survey, without labels of either and without pairs.

Examples:
    python -m trainers.domain_adaptation --run_dir runs/A --target galaxy_zoo_decals/simulated_bass
    python -m trainers.domain_adaptation --run_dir runs/A \\
        --target galaxy_zoo_decals/simulated_bass --method coral --variant frozen

The adapted run has a folder as `trainers.run` writes it, beside that of the source. The same
command resumes it, and `trainers.evaluate` and `trainers.export` take it.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence

from trainers.cli.exit_status import command
from trainers.cli.parser import parse
from trainers.errors import UserError
from trainers.options.adaptation import AdaptationOptions, configuration
from trainers.options.cutout_source import CUTOUTS
from trainers.runs.run_folder import RunFolder, load_config

__all__ = ["main"]


def _command(arguments: Sequence[str]) -> None:
    prog = "python -m trainers.domain_adaptation"
    options = parse(AdaptationOptions, arguments, prog=prog, description=__doc__)
    source_config = load_config(options.run_dir)
    config = configuration(options, source_config)

    import zoo
    from trainers.datasets import loading, records
    from trainers.distribution import strategy as strategies
    from trainers.prediction import notes
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
            RunFolder(config.source_run).check_evaluated_data(
                source, "put them back to adapt the model from its own data"
            )
            if config.dataset in ("image_folder", CUTOUTS):
                # Without the padding, which is added to the target too.
                *sides, bands = source.spec.image_shape
                shape = [*(side - 2 * config.pad for side in sides), bands]
                config = dataclasses.replace(config, image_shape=shape)
            target = loading.load_for_run(config)
        notes.print_dataset(target.spec, records.of_images(source.spec))
        outcome = adapt(config, source, target, strategy)
        strategies.end(strategy)
    if outcome is not None:
        print(f"report      {config.run_dir}/report.md")
        print(f"SavedModel  python -m trainers.export --run_dir {config.run_dir}")


main = command("domain_adaptation", _command)

if __name__ == "__main__":
    sys.exit(main())
