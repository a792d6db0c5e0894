"""Deblending of whole scenes: detection, a drawing of each source, a joint fit, subtraction."""
