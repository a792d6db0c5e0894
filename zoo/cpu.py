"""Settings of TensorFlow that depend on the processor, made before TensorFlow is imported.

TensorFlow takes the kernels of oneDNN by itself only on processors with AVX-512, AMX or their
kin. With AVX2 alone it leaves them, though they make most networks faster there too.
"""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path

__all__ = ["ONEDNN", "describe", "instruction_set", "onednn_is_on", "prefer_onednn"]

ONEDNN = "TF_ENABLE_ONEDNN_OPTS"
"""Environment variable that turns the kernels of oneDNN on ("1") or off ("0")."""

_LIMIT = "ONEDNN_MAX_CPU_ISA"
_CPUINFO = Path("/proc/cpuinfo")
# The widest one first, with the flags by which Linux lists it.
_SETS = {
    "AMX": {"amx_tile"},
    "AVX-512": {"avx512f", "avx512bw", "avx512dq", "avx512vl"},
    "AVX2": {"avx2", "fma"},
    "AVX": {"avx"},
}


def instruction_set(cpuinfo: Path = _CPUINFO) -> str:
    """Returns the widest instruction set of the processor: "AMX", "AVX-512", "AVX2" or "AVX".

    Where it has none of them, or the system is not Linux, that is its architecture.

    Args:
        cpuinfo: File that lists the flags of each core.
    """
    flags: set[str] = set()
    if cpuinfo.exists():
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
        listed = next((line for line in lines if line.startswith("flags")), "")
        flags = set(listed.partition(":")[2].split())
    return next((name for name, needed in _SETS.items() if needed <= flags), platform.machine())


def prefer_onednn() -> None:
    """Turns the kernels of oneDNN on for processors with AVX2, unless the user has decided.

    Call it before TensorFlow is imported; afterwards it does nothing.
    """
    if "tensorflow" not in sys.modules and instruction_set() in ("AMX", "AVX-512", "AVX2"):
        os.environ.setdefault(ONEDNN, "1")


def onednn_is_on() -> bool:
    """Returns whether TensorFlow, which is imported, takes the kernels of oneDNN."""
    from tensorflow.python.util import _pywrap_util_port

    return _pywrap_util_port.IsMklEnabled()


def describe() -> str:
    """Returns instruction set and state of oneDNN, such as "AVX2 with oneDNN"."""
    if not onednn_is_on():
        return f"{instruction_set()} without oneDNN"
    limit = os.environ.get(_LIMIT)
    return f"{instruction_set()} with oneDNN" + (f" up to {limit}" if limit else "")
