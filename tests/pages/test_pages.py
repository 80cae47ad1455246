"""The first screens are those that were read and found right."""

from __future__ import annotations

import pytest

from tests.pages import HOSTS, file_of, page


@pytest.mark.parametrize("name", HOSTS)
def test_a_first_screen_is_the_one_that_was_read(name: str) -> None:
    assert page(name) == file_of(name).read_text(), "run `python -m tests.pages`, and read them"
