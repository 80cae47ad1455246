"""Reports into text: JSON for programs, tables for people."""
