"""Many Python threads in the core at once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from robust.work import WORK, digest, digests


@pytest.mark.parametrize("name", WORK)
def test_eight_threads_in_one_function(name: str) -> None:
    expected = digest(name)
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(digest, [name] * 16)) == {expected}


def test_every_function_at_once() -> None:
    expected = digests()
    start = threading.Barrier(len(WORK))

    def work(name: str) -> tuple[str, str]:
        start.wait(timeout=60)
        return name, digest(name)

    with ThreadPoolExecutor(len(WORK)) as pool:
        for _ in range(3):
            assert dict(pool.map(work, WORK)) == expected
