"""Survey frames: detections, their stamps, and their catalogue."""
