"""A section has a fact told when somebody first looks at it, and keeps it.

Annotations stay objects here, as in the catalogue.
"""

import pytest
from tdxinfo.model.observed import Observed

from tdxinfo.host.section import Section


class Weather(Section):
    wind: Observed[int]
    rain: Observed[bool]


def test_a_fact_is_asked_for_once_and_only_when_it_is_looked_at() -> None:
    asked: list[str] = []

    def tell(name: str) -> Observed[int]:
        asked.append(name)
        return Observed(7, "test", (), name)

    weather = Weather("weather", tell)
    assert asked == []
    first = weather.wind
    assert first.value == 7
    assert weather.wind is first
    assert asked == ["weather.wind"]


def test_two_hosts_share_no_fact() -> None:
    calm, stormy = (
        Weather("weather", lambda name, told=told: Observed(told, "test", (), name))
        for told in (0, 12)
    )
    assert (calm.wind.value, stormy.wind.value) == (0, 12)


def test_a_name_that_is_no_fact_is_none() -> None:
    weather = Weather("weather", lambda name: Observed(name=name))
    assert not hasattr(weather, "snow")
    with pytest.raises(AttributeError, match="does not change"):
        weather.wind = Observed(1)
