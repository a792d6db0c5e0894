import contextlib
import dataclasses
import io
from pathlib import Path
from typing import Any, Literal

import tensorflow as tf

from trainers.cli.parser import OptionParser, parse, parse_known
from trainers.errors import UserError
from trainers.options.fields import Affects, CheckedOptions, flag, option, pairs


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Options(CheckedOptions):
    """Options of a command."""

    folder: Path
    """Folder of the files."""

    depth: int = option(3, least=1)
    """Depth of the search."""

    labels: list[int] = option(
        [50, 100], affects=Affects.TRAINING, least=4, type=int, nargs="+", metavar="N"
    )
    """Numbers of labels, at
    least 100 % of them."""

    size: list[int] | None = option(None, type=int, nargs=3, metavar="PX")
    """Sides of the images."""

    seed: int = option(0)
    """Seed of the search."""

    ratio: float | None = option(None)
    """Least ratio; default: any."""

    cache_dir: str | None = None
    """Folder of the cache."""

    kind: Literal["a", "b"] = "a"
    """Kind of the files."""

    settings: dict[str, Any] = pairs()
    """Settings."""

    overwrite: bool = flag()
    """Replace what is there."""


def _parse(line):
    return parse(_Options, line.split(), prog="python -m trainers.x", description="Searches.")


class ParserTest(tf.test.TestCase):
    def test_options(self):
        parsed = _parse("--folder f --labels 4 5 --settings a=1 b=x --settings c=2,3 --overwrite")
        self.assertEqual(
            parsed,
            _Options(
                folder=Path("f"),
                labels=[4, 5],
                settings={"a": 1, "b": "x", "c": [2, 3]},
                overwrite=True,
            ),
        )
        self.assertEqual(_parse("--folder f"), _Options(folder=Path("f")))

    def test_default_of_the_caller(self):
        default = _Options(folder=Path("g"), labels=[7], settings={"a": 1})
        parser = OptionParser(_Options, prog="x", description="", default=default)
        options = parser.parse_args(["--depth", "5"]).options
        self.assertEqual(options, dataclasses.replace(default, depth=5))

    def test_help_shows_the_default_of_the_caller(self):
        parser = OptionParser(
            _Options, prog="x", description="", default=_Options(folder=Path("g"), ratio=0.5)
        )
        with contextlib.redirect_stdout(io.StringIO()) as shown:
            parser.print_help()
        self.assertIn("--ratio X Least ratio. (default: 0.5)", " ".join(shown.getvalue().split()))

    def test_mistakes_are_user_errors(self):
        for line, message in {
            "": "required: --folder",
            "--folder f --dept 3": "unknown option '--dept' (did you mean '--depth'?); --help",
            "--folder f --dept=3": "unknown option '--dept' (did you mean '--depth'?); --help",
            "--folder f stray": "unexpected argument 'stray'; --help shows the options",
            "--folder f --depth x": "argument --depth: invalid int value: 'x'",
            "--folder f --depth 0": "`depth` must be at least 1; got 0",
            "--folder f --kind c": "argument --kind: invalid choice: 'c'",
            "--folder f --settings a": "`settings` takes NAME=VALUE; got 'a'",
        }.items():
            with self.subTest(line), self.assertRaises(UserError) as raised:
                _parse(line)
            self.assertIn(message, str(raised.exception))

    def test_options_of_another_command_are_returned(self):
        options, rest = parse_known(
            _Options, ["--folder", "f", "--epochs", "3", "--depth", "4"], prog="x", description=""
        )
        self.assertEqual((options.depth, rest), (4, ["--epochs", "3"]))

    def test_help_has_the_text_values_and_default_of_each_field(self):
        with contextlib.redirect_stdout(io.StringIO()) as shown, self.assertRaises(SystemExit):
            _parse("--help")
        lines = " ".join(shown.getvalue().split("Options:")[1].split())
        for text in (
            "--folder PATH Folder of the files. --depth N",
            "--depth N Depth of the search. (default: 3) --labels",
            "--labels N [N ...] Numbers of labels, at least 100 % of them. (default: [50, 100])",
            "--size PX PX PX Sides of the images. --seed",
            "--seed N Seed of the search. (default: 0) --ratio",
            "--ratio X Least ratio; default: any. --cache_dir",
            "--cache_dir FOLDER Folder of the cache. --kind",
            "--kind {a,b} Kind of the files. (default: a)",
            "--settings NAME=VALUE [NAME=VALUE ...] Settings. --overwrite",
            "--overwrite Replace what is there.",
        ):
            self.assertIn(text, lines)


if __name__ == "__main__":
    tf.test.main()
