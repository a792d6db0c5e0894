"""Figures that evaluators share."""
