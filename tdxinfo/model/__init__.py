"""The types of values, and the version of the JSON documents."""

SCHEMA_VERSION = "1.0"
"""The version of the JSON documents.

A new key keeps the first number; renaming, removing or retyping a key raises it.
"""
