"""Lengths that headers declare, by containers and bytes made for it."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from stcorner.media._declared import declared_end
from stcorner.media._plain import _aiff


def avi(*pictures: tuple[int, Fraction | None]) -> Any:
    listed = [SimpleNamespace(frames=frames, average_rate=rate, metadata={}) for frames, rate in pictures]
    return SimpleNamespace(
        format=SimpleNamespace(name="avi"), duration=2_000_000, start_time=0,
        streams=SimpleNamespace(video=listed),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("pictures", "seconds"),
    [
        ([(100, Fraction(25))], 4.0),  # what was cut off is counted still
        ([(100, None)], 2.0),
        ([(0, Fraction(25))], 2.0),
        ([(40, Fraction(25)), (90, Fraction(30))], 3.0),
    ],
)
def test_the_longest_that_an_avi_counts(pictures: list[tuple[int, Fraction | None]], seconds: float) -> None:
    container = avi(*pictures)
    assert declared_end(container, Path("a.avi"), container.streams.video[0]) == (seconds, None)


def aiff(declared: int, there: int) -> tuple[bytes, Any]:
    comm = (
        b"COMM"
        + (18).to_bytes(4, "big")
        + bytes([0, 2])
        + (9).to_bytes(4, "big")
        + bytes([0, 16])
        + bytes(10)
    )
    sound = b"SSND" + (8 + declared).to_bytes(4, "big") + bytes(8) + b"\1" * there
    whole = b"FORM" + bytes(4) + b"AIFF" + comm + sound
    return whole, _aiff(lambda at, n: whole[at : at + n], len(whole))


def test_an_aiff_is_mended_where_it_says_too_little() -> None:
    for length in (0, 36):
        _, whole = aiff(length, length)
        assert whole.patches == ()
        assert whole.remark == ""
    content, header = aiff(0, 36)
    begin = content.index(b"SSND")
    numbers = {place: int.from_bytes(value, "big") for place, value in header.patches}
    assert numbers == {4: len(content) - 8, begin + 4: 44, content.index(b"COMM") + 10: 9}
