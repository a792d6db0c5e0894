"""A simulated sky: which objects there are, how they are observed, drawn and measured."""
