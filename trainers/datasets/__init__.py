"""Datasets as the trainers take them, whatever they are read from, and what is done to them."""
