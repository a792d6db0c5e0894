"""Bytes that files may hold: whole ones damaged, and arbitrary ones."""

import os
import resource

import hypothesis
from hypothesis import strategies as st

# HYPOTHESIS_EXAMPLES=5000 for a long search, which is then a new one each time.
_EXAMPLES = int(os.environ.get("HYPOTHESIS_EXAMPLES", "0"))

# Of a process beside what it held before, bytes: a small file must not fill the memory.
MOST_MEMORY = 2**30

_EXTREMES = (
    b"\x00",
    b"\xff",
    b"\x7f",
    b"\x80",
    b"-",
    b"9" * 12,
    b"\xff" * 8,
    b"\x7f" + b"\xff" * 7,
)


@st.composite
def damaged(draw, whole: bytes, most: int = 4):
    """Returns a file that was cut, or in which bytes were flipped, replaced, lost or doubled."""
    data = bytearray(whole)
    for _ in range(draw(st.integers(1, most))):
        place = draw(st.integers(0, max(0, len(data) - 1)))
        length = draw(st.integers(0, 64))
        kind = draw(st.sampled_from(("cut", "flip", "replace", "lose", "double", "extreme")))
        if kind == "cut":
            del data[place:]
        elif kind == "flip" and data:
            data[place] ^= 1 << draw(st.integers(0, 7))
        elif kind == "replace":
            new = draw(st.binary(max_size=16))
            data[place : place + len(new)] = new
        elif kind == "lose":
            del data[place : place + length]
        elif kind == "double":
            data[place:place] = data[place : place + length]
        else:
            new = draw(st.sampled_from(_EXTREMES))
            data[place : place + len(new)] = new
    return bytes(data)


def files(whole: bytes):
    """Returns a strategy of damaged files, and of arbitrary bytes behind the right beginning."""
    arbitrary = st.tuples(st.integers(0, 16), st.binary(max_size=200)).map(
        lambda pair: whole[: pair[0]] + pair[1]
    )
    return st.one_of(damaged(whole), damaged(whole), damaged(whole), arbitrary)


def search(strategy, check, examples: int) -> None:
    """Calls a check with many files; it fails with the simplest that it does not stand.

    Args:
        strategy: Of what is given to the check.
        check: Raises what is a failure.
        examples: How many in the test suite; `HYPOTHESIS_EXAMPLES` replaces it.
    """
    settings = hypothesis.settings(
        max_examples=_EXAMPLES or examples,
        deadline=None,  # How long one takes depends on what else the machine does.
        derandomize=not _EXAMPLES,
        database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    settings(hypothesis.given(strategy)(check))()


def peak_memory() -> int:
    """Returns the most memory that the process has had so far, bytes."""
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
