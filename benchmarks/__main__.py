"""All benchmarks, one after the other: `python -m benchmarks`."""

import sys

from benchmarks import (
    blend_classifiers,
    blendhunter_end_to_end,
    feature_extraction,
    input_pipeline,
    stamp_generation,
    training_step,
)

_ALL = (
    training_step,
    input_pipeline,
    stamp_generation,
    feature_extraction,
    blend_classifiers,
    blendhunter_end_to_end,
)

if __name__ == "__main__":
    arguments = sys.argv[1:]
    sys.exit(next((1 for each in _ALL if each.main(arguments)), 0))
