"""NumPy arrays out of pickles of unknown origin: numbers, strings and arrays of them, nothing else.

NumPy's own `__setstate__` trusts its argument: flags of a dtype that declare bytes to be pointers
crash the process, or worse, so that a whitelist on `pickle.Unpickler` is not enough. Here a pickle
makes descriptions only, of which arrays are then made by NumPy's public functions, which check
their arguments.
"""

from __future__ import annotations

import io
import pickle
import re
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["ForeignObjectError", "load"]

# Bytes of an array; those of survey cutouts have megabytes.
_MOST_BYTES = 2**31

_ARRAY_MODULES = ("numpy.core.multiarray", "numpy._core.multiarray")
_NUMERIC_MODULES = ("numpy.core.numeric", "numpy._core.numeric")
_TYPE_MODULES = ("numpy", "numpy.rec", "numpy.core.records", "numpy._core.records")
_TYPES = ("ndarray", "recarray", "record")
_NUMBERS = re.compile(r"[biufcSUV]\d{1,9}|\?|O8?")


class ForeignObjectError(pickle.UnpicklingError):
    """A pickle holds something other than arrays, numbers and strings."""


def load(data: bytes) -> Any:
    """Returns what a pickle holds: an array, a number, a string, or a list of such.

    Args:
        data: The pickle, of any protocol.

    Raises:
        ForeignObjectError: if it holds anything else; nothing of it has been run.
        Exception: if it is damaged, whatever Python and NumPy raise then.
    """
    return _made(_Unpickler(io.BytesIO(data)).load())


# In Python, because the one in C reserves memory for as many objects as a damaged pickle announces.
class _Unpickler(pickle._Unpickler):
    """Makes descriptions of arrays and types."""

    def find_class(self, module: str, name: str) -> Any:
        replacement: Callable[..., Any] | None = None
        if module in _ARRAY_MODULES:
            replacement = {"_reconstruct": lambda *_: _Array(), "scalar": _scalar}.get(name)
        elif module in _NUMERIC_MODULES and name == "_frombuffer":
            replacement = _frombuffer
        elif (module, name) == ("numpy", "dtype"):
            replacement = _Type
        elif module in _TYPE_MODULES and name in _TYPES:
            # Stands among the arguments of others and is not called.
            replacement = _refuse
        elif (module, name) == ("_codecs", "encode"):
            replacement = _encode_latin1
        elif name == "bytes" and module in ("builtins", "__builtin__"):
            replacement = _no_bytes
        if replacement is None:
            raise ForeignObjectError(
                f"holds a Python object {module}.{name}; only arrays, numbers and strings are read"
            )
        return _Function(replacement)


class _Function:
    """A function that a pickle can call, and not change."""

    __slots__ = ("_call",)

    def __init__(self, call: Callable[..., Any]):
        self._call = call

    def __call__(self, *arguments: Any) -> Any:
        return self._call(*arguments)

    def __setstate__(self, state: Any) -> None:
        _refuse()


class _Type:
    """A dtype: its code, such as "f4", and what its state adds."""

    def __init__(self, code: Any, *unused: Any):
        # The type of the records of a recarray.
        self._code = "V0" if isinstance(code, _Function) else code
        self._state: tuple[Any, ...] = (3, "=", None, None, None)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self._state = state

    def made(self) -> np.dtype:
        _, order, part, names, fields = self._state[:5]
        if names is not None:
            formats, offsets = zip(*((fields[name][:2]) for name in names), strict=True)
            kind = {"names": list(names), "formats": [_dtype(each) for each in formats]}
            packed = np.dtype(kind)
            if packed.hasobject:
                # Its values come as lists, so that it does not matter where the fields stand.
                return packed
            return np.dtype({**kind, "offsets": list(offsets), "itemsize": self._state[5]})
        if part is not None:
            base, shape = part
            return np.dtype((_dtype(base), shape))
        if not isinstance(self._code, str) or not _NUMBERS.fullmatch(self._code):
            raise ForeignObjectError(f"holds values of a type {self._code!r}")
        return np.dtype(self._code).newbyteorder(order if order in ("<", ">") else "=")


class _Array:
    """An array: the state that NumPy would give it."""

    def __init__(self):
        self._state: tuple[Any, ...] | None = None

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self._state = state

    def made(self) -> np.ndarray:
        if self._state is None:
            raise ValueError("an array without values")
        _, shape, kind, in_columns, data = self._state
        kind, order = _dtype(kind), "F" if in_columns else "C"
        if not kind.hasobject:
            return _of_bytes(data, kind, shape, order)
        if not isinstance(data, list) or len(data) != np.prod(shape, dtype=object):
            raise ValueError(f"an array of shape {shape} with other values")
        if len(data) * kind.itemsize > _MOST_BYTES:
            raise ValueError(f"an array of {len(data)} values of {kind.itemsize} bytes")
        values = np.empty(len(data), kind)
        for row, value in enumerate(data):
            values[row] = _made(value)
        return values.reshape(shape, order=order)


def _made(value: Any) -> Any:
    """Returns what descriptions stand for."""
    if isinstance(value, _Array):
        return value.made()
    if isinstance(value, (list, tuple)):
        return type(value)(_made(each) for each in value)
    if value is None or isinstance(value, (bool, int, float, complex, str, bytes)):
        return value
    if isinstance(value, (np.ndarray, np.generic)):
        return value
    raise ForeignObjectError(f"holds a {type(value).__name__}")


def _dtype(description: Any) -> np.dtype:
    if not isinstance(description, _Type):
        raise ForeignObjectError(f"holds values of a type {description!r}")
    return description.made()


def _of_bytes(data: Any, kind: np.dtype, shape: Any, order: str) -> np.ndarray:
    if isinstance(data, str):
        # As Python 2 wrote it.
        data = data.encode("latin1")
    if not isinstance(data, (bytes, bytearray)):
        raise ValueError("an array without bytes")
    if not kind.itemsize:
        return np.zeros(shape if len(data) == 0 and np.prod(shape, dtype=object) == 0 else 0, kind)
    return np.frombuffer(data, kind).reshape(shape, order=order)


def _frombuffer(data: Any, kind: Any, shape: Any, order: str) -> np.ndarray:
    made = _dtype(kind)
    if made.hasobject:
        raise ForeignObjectError("holds pointers as bytes")
    return _of_bytes(data, made, shape, order)


def _scalar(kind: Any, data: Any) -> np.generic:
    made = _dtype(kind)
    if made.hasobject:
        raise ForeignObjectError("holds pointers as bytes")
    return _of_bytes(data, made, (1,), "C")[0]


def _encode_latin1(text: str, encoding: str) -> bytes:
    # How pickles of protocol 2 write bytes; other codecs could do more than that.
    if encoding != "latin1":
        raise ForeignObjectError(f"holds a string in encoding '{encoding}'")
    return text.encode("latin1")


def _no_bytes(*arguments: Any) -> bytes:
    if arguments:
        _refuse()
    return b""


def _refuse(*arguments: Any) -> None:
    raise ForeignObjectError("holds a call that no array needs")
