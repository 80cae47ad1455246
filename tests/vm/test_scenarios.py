"""tdxinfo on a real kernel with an emulated TDX module: `pytest -m vm`. See README.md."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.vm import bed
from tests.vm.bed import Boots, Case
from tests.vm.compare import problems
from tests.vm.missing import Missing

pytestmark = pytest.mark.vm


@pytest.fixture(scope="session")
def boots(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Boots]:
    """The boots of all selected cases."""
    calls = [getattr(item, "callspec", None) for item in request.session.items]
    wanted = [call.params["case"] for call in calls if call and "case" in call.params]
    with bed.boots(wanted, tmp_path_factory.mktemp("vm")) as found:
        yield found


@pytest.mark.parametrize("case", bed.cases(), ids="-".join)
def test_tdxinfo_tells_the_scenario(case: Case, boots: Boots) -> None:
    try:
        result = boots[case].result()
    except Missing as error:
        pytest.skip(str(error))
    found = problems(result)
    assert not found, "\n".join([*found, f"The run's folder is {result.run.folder}."])
