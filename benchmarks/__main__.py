"""All benchmarks, one after the other: `python -m benchmarks`."""

import sys

from benchmarks import input_pipeline, training_step

if __name__ == "__main__":
    sys.exit(training_step.main(sys.argv[1:]) or input_pipeline.main(sys.argv[1:]))
