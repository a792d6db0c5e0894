"""Sources of maps: regions of pixels from a model's answer, their catalogue, and matches."""
