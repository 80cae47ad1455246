"""tdxinfo on a real kernel with an emulated TDX module: `pytest -m vm`. See README.md."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tests.vm import bed, scenario
from tests.vm.bed import Result
from tests.vm.compare import problems
from tests.vm.missing import Missing

pytestmark = pytest.mark.vm

Case = tuple[str, str]
"""A scenario and a generation of kernels."""
Boots = dict[Case, "Future[Result]"]

CASES = [
    (name, generation)
    for name in scenario.names()
    for generation in scenario.raw(name)["generations"]
]


@pytest.fixture(params=CASES, ids="-".join)
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = request.param
    return found


@pytest.fixture(scope="session")
def boots(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Boots]:
    """The boots of all selected cases, as many at a time as there are processors."""
    folder = tmp_path_factory.mktemp("vm")
    calls = [getattr(item, "callspec", None) for item in request.session.items]
    wanted = [call.params["case"] for call in calls if call and "case" in call.params]
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        yield {one: pool.submit(bed.run, *one, folder / "-".join(one)) for one in wanted}
        pool.shutdown(cancel_futures=True)


def test_tdxinfo_tells_the_scenario(case: Case, boots: Boots) -> None:
    try:
        result = boots[case].result()
    except Missing as error:
        pytest.skip(str(error))
    found = problems(result)
    assert not found, "\n".join([*found, f"The run's folder is {result.run.folder}."])
