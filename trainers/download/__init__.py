"""Cutouts of a catalogue from the services of surveys, python -m trainers.download."""
