"""Catalogues: columns, units and files."""
