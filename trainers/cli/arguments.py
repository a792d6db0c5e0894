"""Argument parser with one-line errors."""

from __future__ import annotations

import argparse
from typing import NoReturn

from trainers.errors import UserError

__all__ = ["OneLineParser"]


class OneLineParser(argparse.ArgumentParser):
    """An argument parser whose errors are `UserError`s."""

    def error(self, message: str) -> NoReturn:
        raise UserError(message)
