"""Warnings of clips that several threads read at once."""

from __future__ import annotations

import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest

from stcorner._base.warnings import _switch, collected_warnings


def test_each_thread_gets_its_own_and_nothing_is_left_behind() -> None:
    before = warnings.showwarning, list(warnings.filters)
    n_threads = 6
    turn = threading.Barrier(n_threads)

    def work(name: int) -> list[str]:
        with collected_warnings() as texts:
            turn.wait(timeout=60)
            for _ in range(20):
                warnings.warn(f"of {name}", UserWarning, stacklevel=1)
            if name % 2:  # not the last that came is the first that goes
                turn_back.wait(timeout=60)
        if not name % 2:
            turn_back.wait(timeout=60)
        return texts

    turn_back = threading.Barrier(n_threads)
    with ThreadPoolExecutor(n_threads) as pool:
        found = list(pool.map(work, range(n_threads)))
    assert found == [[f"of {name}"] * 20 for name in range(n_threads)]
    assert (warnings.showwarning, list(warnings.filters)) == before


def test_others_see_theirs_and_blocks_nest() -> None:
    with collected_warnings() as outer:
        with collected_warnings() as inner, ThreadPoolExecutor(1) as pool:
            warnings.warn("inner", stacklevel=1)
            shown: list[str] = []
            _switch._show = lambda message, *_, **__: shown.append(str(message))
            pool.submit(warnings.warn, "elsewhere", stacklevel=1).result()
        warnings.warn("outer", stacklevel=1)
    assert (outer, inner, shown) == (["outer"], ["inner"], ["elsewhere"])
    with pytest.warns(UserWarning, match="again"):
        warnings.warn("again", stacklevel=1)
