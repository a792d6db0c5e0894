"""All benchmarks, one after the other: `python -m benchmarks`."""

import sys

from benchmarks import input_pipeline, stamp_generation, training_step

if __name__ == "__main__":
    arguments = sys.argv[1:]
    benchmarks = (training_step, input_pipeline, stamp_generation)
    sys.exit(next((1 for each in benchmarks if each.main(arguments)), 0))
