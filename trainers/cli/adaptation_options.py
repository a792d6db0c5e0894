"""The command line of `trainers.domain_adaptation`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from trainers.cli.arguments import OneLineParser
from trainers.options.adaptation import TRAINING, WEIGHTS, AdaptationConfig
from trainers.runs.run_folder import load_config

__all__ = ["parse_adaptation"]


def parse_adaptation(arguments: Sequence[str]) -> AdaptationConfig:
    """Returns the configuration that the arguments and the run of the source give.

    Args:
        arguments: The command line without the program's name.

    Raises:
        UserError: if an option or its value is not allowed, or there is no such run.
        SystemExit: for `--help`.
    """
    given = vars(_parser().parse_args(arguments))
    source_run, target = given.pop("run_dir"), given.pop("target")
    source = load_config(source_run)
    if given["weight"] is None:
        given["weight"] = WEIGHTS.get(given["method"], 0.0)
    output_dir = given.pop("output_dir")
    if output_dir is None:
        name = "-".join([target.replace("/", "_"), given["method"], given["variant"]])
        output_dir = f"{str(source_run).rstrip('/')}-to-{name}"
    same_builder = source.dataset.split("/")[0] == target.split("/")[0]
    # What is not said is as the source had it.
    given = {name: value for name, value in given.items() if value is not None}
    settings = {
        **source.as_dict(),
        "classes": source.classes if same_builder else None,
        "dataset": target,
        "evaluators": ["transfer", "history"],
        "image_shape": None,
        "jit": False,
        "mixed_precision": "none",
        "patience": None,
        "repeats": 1,
        "run_dir": output_dir,
        "schedule": "cosine",
        "source_run": str(Path(source_run).absolute()),
        "trainer": "end_to_end",
        "warmup_steps": 0,
        "weight_decay": 0.0,
        **given,
    }
    return AdaptationConfig(**settings)


def _parser() -> argparse.ArgumentParser:
    parser = OneLineParser(
        prog="python -m trainers.domain_adaptation",
        description="Adapts the model of a finished run to a second survey, without its labels.",
        allow_abbrev=False,
    )
    parser.add_argument("--run_dir", required=True, help="Folder of the finished run.")
    parser.add_argument("--target", required=True, help="Dataset of the second survey.")
    weights = ", ".join(f"{value:g} for {method}" for method, value in WEIGHTS.items())
    parser.add_argument("--method", default="mmd", help="mmd (default), coral or dann.")
    parser.add_argument("--variant", default="shared", help="shared (default) or frozen.")
    parser.add_argument("--weight", type=float, help=f"Of the distance; default: {weights}.")
    parser.add_argument("--bandwidth", default="mean", help="Of mmd: mean (default) or median.")
    parser.add_argument("--output_dir", help="Folder of the adapted run; default beside the run.")
    training = parser.add_argument_group("training")
    for name, (kind, default, text) in TRAINING.items():
        training.add_argument(
            f"--{name}", type=kind, default=default, help=f"{text} Default: {default:g}."
        )
    training.add_argument("--patience", type=int, help="Epochs without a lower validation loss.")
    training.add_argument("--strategy", default="auto", help="auto, one, mirrored, multiworker.")
    training.add_argument("--checkpoint_seconds", type=float, help="Between checkpoints.")
    training.add_argument("--overwrite", action="store_true", help="Begin anew.")
    training.add_argument("--evaluators", nargs="+", help="Default: transfer and history.")
    data = parser.add_argument_group("data of the target; default: as the source's")
    data.add_argument("--data_dir", help="Where its dataset is kept.")
    data.add_argument("--manual_dir", help="Folder of data that cannot be downloaded.")
    data.add_argument("--max_examples", type=int, nargs="+", help="At most so many of a split.")
    return parser
