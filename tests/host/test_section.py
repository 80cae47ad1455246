"""A section is a model of facts: each has its sources, a default for when it is unknown, and words.

Annotations stay objects here, as in the catalogue.
"""

from typing import Annotated

import pytest
from pydantic import ValidationError

from tdxinfo.host import Host, host_with
from tdxinfo.host.section import From, Section
from tdxinfo.model.values import Count


class Weather(Section, frozen=True):
    wind: Annotated[Count | None, From(abs, "sky.wind")] = None
    rain: bool | None = None


def test_what_is_unknown_has_its_default() -> None:
    assert (Weather().wind, Weather().rain) == (None, None)
    assert Weather(wind=7).wind == 7


def test_a_fact_is_held_to_its_type() -> None:
    with pytest.raises(ValidationError):
        Weather(wind=-1)
    with pytest.raises(ValidationError):
        Weather.model_validate({"wind": "7"})


def test_two_hosts_share_no_fact() -> None:
    calm, stormy = (host_with({"keys.tdx_keyids": count}) for count in (0, 12))
    assert (calm.keys.tdx_keyids, stormy.keys.tdx_keyids) == (0, 12)
    assert Host().keys.tdx_keyids is None


def test_a_name_that_is_no_fact_is_none_and_facts_do_not_change() -> None:
    weather = Weather(wind=1)
    assert not hasattr(weather, "snow")
    with pytest.raises(ValidationError, match="frozen"):
        weather.wind = 2  # type: ignore[misc]


def test_sources_stand_with_the_fact() -> None:
    (source,) = Weather.sources["wind"]
    assert source.origin == "derived:sky.wind"
    assert Weather.sources["rain"] == ()
