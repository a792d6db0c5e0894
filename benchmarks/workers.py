"""Processes that hold a framework each: two pools of threads in one process would fight."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import traceback
from collections.abc import Mapping
from multiprocessing.connection import Connection
from typing import Any
from unittest import mock

__all__ = ["Worker"]


class Worker:
    """An object in a process of its own, which works while its methods are called here.

    Args:
        module: Where its class is; imported in the new process alone.
        name: Name of the class.
        arguments: Of its constructor.
        environment: Environment variables of the process, beside those of this one.

    Raises:
        RuntimeError: from any call, if the method raised; with the traceback of the process.
    """

    def __init__(
        self,
        module: str,
        name: str,
        *arguments: Any,
        environment: Mapping[str, str] | None = None,
    ):
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(theirs, module, name, arguments), daemon=True
        )
        # Set in the parent: what the process imports first may read them.
        with mock.patch.dict(os.environ, environment or {}):
            self._process.start()
        self.pid: int = self._process.pid
        theirs.close()
        self._receive()

    def call(self, method: str, *arguments: Any) -> Any:
        """Calls a method and waits for what it returns."""
        self._connection.send((method, arguments))
        return self._receive()

    def _receive(self) -> Any:
        try:
            good, value = self._connection.recv()
        except EOFError:
            self._process.join()
            raise RuntimeError(
                f"the process of a worker ended with status {self._process.exitcode}"
            ) from None
        if not good:
            raise RuntimeError(f"a worker failed:\n{value}")
        return value

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *exception: object) -> None:
        self._connection.close()
        self._process.join()


def _serve(connection: Connection, module: str, name: str, arguments: tuple) -> None:
    held: Any = None

    def answer(make) -> None:
        try:
            reply = (True, make())
        except Exception:
            reply = (False, traceback.format_exc())
        connection.send(reply)

    def construct() -> None:
        nonlocal held
        held = getattr(importlib.import_module(module), name)(*arguments)

    answer(construct)
    while True:
        try:
            method, values = connection.recv()
        except EOFError:
            return
        answer(lambda method=method, values=values: getattr(held, method)(*values))
