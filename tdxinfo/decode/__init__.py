"""Bytes, text and integers into meaning. Pure functions; what they know stands in tables."""
