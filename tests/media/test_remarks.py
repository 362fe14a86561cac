"""Remarks on files that several threads read at once."""

from __future__ import annotations

import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest

from stcorner.media.remarks import MediaWarning, collected_remarks, remark


def test_each_thread_gets_its_own_and_nothing_is_left_behind() -> None:
    before = warnings.showwarning, list(warnings.filters)
    n_threads = 6
    turn = threading.Barrier(n_threads)

    def work(name: int) -> list[str]:
        with collected_remarks() as texts:
            turn.wait(timeout=60)
            for _ in range(20):
                remark(f"of {name}")
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
    with collected_remarks() as outer:
        with collected_remarks() as inner, ThreadPoolExecutor(1) as pool:
            remark("inner")
            with pytest.warns(MediaWarning, match="^elsewhere$"):
                pool.submit(remark, "elsewhere").result()
        remark("outer")
    assert (outer, inner) == (["outer"], ["inner"])
    with pytest.warns(MediaWarning, match="again") as caught:
        remark("again")
    assert caught[0].filename == __file__
