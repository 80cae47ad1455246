"""`python -m tests.pages`."""

from tests.pages import write

write()
