"""Figures: declared in config/figures.yaml, drawn by one generic function."""
