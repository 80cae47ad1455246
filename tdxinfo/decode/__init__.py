"""Bytes, text and integers into meaning. Pure functions; what they know is in tables."""
