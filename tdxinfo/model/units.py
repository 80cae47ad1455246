"""The page size."""

from __future__ import annotations

PAGE = 4096
"""Bytes of a page, the smallest that an x86-64 processor has."""
