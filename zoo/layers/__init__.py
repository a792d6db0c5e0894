"""Layers and small networks that several models share."""
