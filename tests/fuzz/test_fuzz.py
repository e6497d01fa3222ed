"""
Every parser that reads the network bears what a coverage-guided fuzzer finds.

A few seconds each, from the committed corpus; 20 s each where CI is set. `make fuzz` goes on longer.
"""

import importlib.util
import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tests.fuzz.campaign import CORPUS, Outcome, fuzz
from tests.fuzz.targets import TARGETS

SECONDS = 20 if os.environ.get("CI") else 3
CORES = 2

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None, reason="atheris has no wheel for this machine"
)


@pytest.fixture(scope="module")
def campaigns(request: pytest.FixtureRequest) -> Iterator[dict[str, Future[Outcome]]]:
    """All that were asked for, begun at once: two targets at a time."""
    names = [
        str(item.callspec.params["name"])
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.module is request.module
    ]
    with ThreadPoolExecutor(CORES) as pool:
        yield {name: pool.submit(fuzz, name, seconds=SECONDS) for name in names}
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("name", TARGETS)
def test_fuzzing_finds_no_crash(name: str, campaigns: dict[str, Future[Outcome]]) -> None:
    outcome = campaigns[name].result()
    assert not outcome.crash, outcome.crash
    assert outcome.runs > len(list((CORPUS / name).iterdir()))
