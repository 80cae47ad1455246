"""`python -m tests.artifacts`."""

from tests.artifacts import write

write()
