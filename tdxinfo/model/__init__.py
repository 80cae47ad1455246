"""Words that all layers share."""

SCHEMA_VERSION = "1.0"
"""Of the JSON that tdxinfo prints. A key may be added; a change of one raises the first number."""
