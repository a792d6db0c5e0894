"""Command lines made from dataclasses, with one-line errors."""

from __future__ import annotations

import argparse
import re
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import simple_parsing

from trainers.cli.field_docstrings import field_docstrings
from trainers.errors import UserError
from zoo.suggestions import did_you_mean

__all__ = ["OptionParser", "parse", "parse_known"]

Options = TypeVar("Options")

_METAVARS = {int: "N", float: "X", Path: "PATH"}


class _HelpFormatter(simple_parsing.SimpleHelpFormatter):
    """Shows the default of an option, unless its help does, and the number of its values."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        # 0 equals False, and is a default worth showing.
        absent = action.default is False or action.default in (None, "", {}, [])
        if absent or "default:" in (action.help or ""):
            return action.help
        return super()._get_help_string(action)

    def _format_args(self, action: argparse.Action, default_metavar: str) -> str:
        # simple_parsing shows options of several values as if they took one.
        shown = argparse.HelpFormatter._format_args(self, action, default_metavar)
        # An option that may be None also takes no value, which is not worth brackets.
        return shown.strip("[]") if action.nargs == argparse.OPTIONAL else shown


class OptionParser(simple_parsing.ArgumentParser):
    """Parser of the options that the fields of a dataclass describe; its errors are `UserError`s.

    Args:
        options_class: The dataclass, with fields of `trainers.options.fields`. Its docstring, and
            the strings below its fields, are the help.
        prog: The command, `python -m trainers.NAME`.
        description: Summary of the command for `--help`.
        default: Values that differ from the defaults of the fields.
    """

    def __init__(
        self,
        options_class: type[Options],
        *,
        prog: str,
        description: str,
        default: Options | None = None,
    ):
        super().__init__(
            prog=prog,
            description=description,
            argument_generation_mode=simple_parsing.ArgumentGenerationMode.FLAT,
            allow_abbrev=False,
            formatter_class=_HelpFormatter,
        )
        self._optionals.title = "Help"
        group = self.add_arguments(options_class, dest="options", default=default)
        self._metavars: dict[str, str] = {}
        self._nested = {each.title: each.description for each in group.descendants}
        for each in (group, *group.descendants):
            texts = field_docstrings(each.dataclass)
            hints = typing.get_type_hints(each.dataclass)
            for field in each.fields:
                text = texts.get(field.name, "")
                if getattr(default, field.name, None) not in (None, ""):
                    # A recipe's value is shown in place of the usual default.
                    text = re.sub(r"; default: .*", ".", text, flags=re.DOTALL)
                # argparse formats help with `%`.
                field.help = text.replace("%", "%%")
                self._metavars[f"--{field.name}"] = _metavar(field.name, hints[field.name])

    def format_help(self) -> str:
        # simple_parsing shows the names of dataclasses as headings, and those of types as values.
        for group in self._action_groups[2:]:
            if group.title in self._nested:
                group.title, group.description = self._nested[group.title].strip(". \n"), None
            else:
                group.title = "Options"
        # Those of a base class come first, whatever they are.
        for actions in (self._actions, *(group._group_actions for group in self._action_groups)):
            actions.sort(key=lambda action: not (action.required or action.dest == "help"))
        for name, action in self._option_string_actions.items():
            if action.choices is None and (action.metavar or "[").startswith("["):
                action.metavar = self._metavars.get(name)
        return super().format_help()

    def error(self, message: str) -> NoReturn:
        raise UserError(message)

    def refuse(self, unknown: Sequence[str]) -> None:
        """Raises a UserError about the first of the arguments that `parse_known_args` left."""
        if not unknown:
            return
        name = unknown[0].split("=")[0]
        if not name.startswith("-"):
            raise UserError(f"unexpected argument '{name}'; --help shows the options")
        options = [option for option in self._option_string_actions if option.startswith("--")]
        hint = did_you_mean(name, options)
        raise UserError(f"unknown option '{name}'{hint}; --help shows the options")


def _metavar(name: str, hint: Any) -> str:
    """Returns the placeholder for the value of an option in the help."""
    types = typing.get_args(hint) or (hint,)
    if name.endswith("_dir"):
        return "FOLDER"
    return next((text for kind, text in _METAVARS.items() if kind in types), "NAME")


def parse(
    options_class: type[Options], arguments: Sequence[str], *, prog: str, description: str
) -> Options:
    """Returns the options of a command line; see `OptionParser` for the arguments.

    Raises:
        UserError: if an option is unknown or missing, or a value is not allowed.
        SystemExit: for `--help`.
    """
    parser = OptionParser(options_class, prog=prog, description=description)
    parsed, unknown = parser.parse_known_args(list(arguments))
    parser.refuse(unknown)
    return parsed.options


def parse_known(
    options_class: type[Options], arguments: Sequence[str], *, prog: str, description: str
) -> tuple[Options, list[str]]:
    """Returns the options of a command line, as `parse` does, and the arguments that are left."""
    parser = OptionParser(options_class, prog=prog, description=description)
    parsed, unknown = parser.parse_known_args(list(arguments))
    return parsed.options, unknown
