"""Whole-process times as ratios: `python -m tests.bench`."""
