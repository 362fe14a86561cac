"""What the package never asks of its core, and what the core says to it."""

from __future__ import annotations

import pickle
import struct
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stcorner import _core

SOUND = np.ones(64, np.float32)


def test_a_transform_of_more_stages_than_a_plan_holds() -> None:
    empty = np.empty((0, 1), np.float32)
    with pytest.raises(ValueError, match=r"at most 2\^30 points"):
        _core.power_spectra(SOUND, SOUND[:4], np.arange(0), 3**39, 1)
    with pytest.raises(ValueError, match="basis must have shape"):
        _core.band_spectra(SOUND, SOUND[:4], np.arange(0), 3**39, empty, 1e-10, 0.0, None, 1)
    with pytest.raises(ValueError, match="cosines must have shape"):
        _core.band_spectra(
            SOUND, SOUND[:4], np.arange(0), 4, np.ones((2, 3), np.float32), 1e-10, 0.0, empty, 1
        )


@pytest.mark.parametrize("n_frames", [0, 1, 2, 2**40])
@pytest.mark.parametrize(("hop", "start"), [(2**62, 0), (1, 2**62), (1, -(2**62)), (0, 0), (-1, 0)])
def test_frames_beyond_the_integers(hop: int, start: int, n_frames: int) -> None:
    for call in (
        lambda: _core.zcr_rms(SOUND, 4, hop, start, n_frames, 0.0, n_frames < 3, False, 1),
        lambda: _core.autocorrelate(
            SOUND.astype(float), np.ones(4), hop, start, min(n_frames, 2), 2, False, 1
        ),
        lambda: _core.frame_perturbation(SOUND, np.zeros(min(n_frames, 2), np.float32), start, hop, 9, 1),
    ):
        with pytest.raises(ValueError, match=r"hop_length must be >= 1|within 2\^60 samples"):
            call()


@pytest.mark.parametrize("start", [2**62, -(2**62)])
def test_spectra_beyond_the_integers(start: int) -> None:
    with pytest.raises(ValueError, match=r"within 2\^60 samples"):
        _core.power_spectra(SOUND, SOUND[:4], np.array([0, start]), 4, 1)


def _options(**changes: Any) -> Any:
    given: dict[str, Any] = {
        "height": 48, "width": 48, "scales": [(1.0, 1.0, 1.0)], "s": 2.0, "k": 0.005, "scale_normalize": True,
        "normalize": False, "eps": 1e-12, "reflect": True, "tensor": False, "n_threads": 1,
        "tile_width": 0, "tile_height": 0,
    }  # fmt: skip
    return _core.HarrisOptions(**given | changes)


@pytest.mark.parametrize("f0", [np.inf, 1.5, 1e-9])
def test_pitch_beyond_what_samples_hold(f0: float) -> None:
    """The period is infinite or a fraction of a sample, or would be sought for minutes."""
    sound, voiced = np.ones(400, np.float32), np.full(3, f0, np.float32)
    for call in (
        lambda: _core.glottal_pulses(sound, voiced.astype(float), 100),
        lambda: _core.frame_perturbation(sound, voiced, 0, 100, 50, 1),
        lambda: _core.period_perturbation(sound, voiced, 100),
    ):
        with pytest.raises(ValueError, match="f0 must be 5e-5 to 1 a sample"):
            call()


@pytest.mark.parametrize("hertz", [np.nan, np.inf, -1.0])
def test_levels_of_harmonics_that_lie_nowhere(hertz: float) -> None:
    power, fine = np.ones((2, 9), np.float32), np.full(2, 4000, np.float32)
    odd = np.full(2, hertz, np.float32)
    for f0, formants in ((odd, np.stack([fine] * 3, 1)), (fine, np.stack([odd] * 3, 1))):
        with pytest.raises(ValueError, match="f0 and formants must be 0 to sample_rate"):
            _core.harmonic_levels(power, 16000.0, f0, formants, 1)


def test_one_detector_in_four_threads() -> None:
    detector = _core.StipDetector(
        _options(), threshold_abs=0.0, threshold_rel=0.0, exclude_border=True, scale_selection=False, n_taus=1
    )
    frames = np.random.default_rng(0).integers(0, 256, (32, 48, 48), dtype=np.uint8)
    taken: list[int] = []
    refused: list[str] = []

    def work() -> None:
        for _ in range(40):
            try:
                detector.push(frames, drain=True)
                taken.append(len(detector.take()[0]))
            except ValueError as error:
                refused.append(str(error))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(taken) > 0
    assert {message.split(":")[0] for message in refused} <= {"one call at a time"}


def test_more_blocks_than_may_be_paired_one_by_one() -> None:
    # So many labels that pairs of blocks outnumber the rows: they are looked at area by area.
    rng = np.random.default_rng(1)
    X = rng.standard_normal((1400, 3))
    labels = (np.arange(1400) % 350).astype(np.int32)
    near, scale = _core.centre(X, 1)
    for other in (False, True):
        rows, squared = _core.nearest_neighbors(X, near, scale, labels, None, None, 2, other, True, 2)
        distances = ((X[:, None] - X[None]) ** 2).sum(axis=2)
        allowed = (labels[:, None] == labels[None]) ^ other
        np.fill_diagonal(allowed, False)
        distances[~allowed] = np.inf
        np.testing.assert_array_equal(rows, np.argsort(distances, axis=1, kind="stable")[:, :2])
        np.testing.assert_allclose(squared, np.sort(distances, axis=1)[:, :2])
    rows, _, owners = _core.nearest_pairs(X, near, scale, labels, None, None, 3, False, 2)
    upper = np.where(np.triu(allowed), distances, np.inf)
    best = np.argsort(upper, axis=None, kind="stable")[:3]
    np.testing.assert_array_equal(rows, np.stack(np.unravel_index(best, upper.shape), axis=1))
    assert not owners.any()


@pytest.mark.parametrize("name", [name for name, each in vars(_core).items() if isinstance(each, type)])
def test_no_object_of_the_core_is_pickled_or_copied(name: str) -> None:
    """Said by the class itself: what pickle does by default ends the process."""
    assert "__reduce_ex__" in vars(getattr(_core, name))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_options_are_neither_pickled_nor_copied(protocol: int) -> None:
    with pytest.raises(TypeError, match="PitchOptions cannot be copied or pickled"):
        pickle.dumps(_core.PitchOptions(), protocol)


def test_the_extension_is_hardened() -> None:
    """No code can be written, no table of functions either, and the bindings guard their frames."""
    data = Path(_core.__file__).read_bytes()
    if data[:6] != b"\x7fELF\x02\x01" or not sys.platform.startswith("linux"):
        pytest.skip("no ELF file of 64 bits, little-endian")
    (table,), (size, count) = struct.unpack_from("<Q", data, 32), struct.unpack_from("<HH", data, 54)
    parts = [struct.unpack_from("<IIQQQQ", data, table + size * i) for i in range(count)]
    kinds = {kind: flags for kind, flags, *_ in parts}
    assert 0x6474E552 in kinds, "PT_GNU_RELRO"
    assert not kinds[0x6474E551] & 1, "PT_GNU_STACK: the stack holds no code"
    assert not any(kind == 1 and flags & 3 == 3 for kind, flags, *_ in parts), "code that can be written"
    (begin, length), = [(part[2], part[5]) for part in parts if part[0] == 2]  # fmt: skip
    tags = dict(struct.iter_unpack("<QQ", data[begin : begin + length]))
    assert tags.get(30, 0) & 8 or tags.get(0x6FFFFFFB, 0) & 1, "BIND_NOW"
    assert 22 not in tags, "TEXTREL"
    # A sanitizer guards frames itself.
    assert any(guard in data for guard in (b"__stack_chk_fail", b"__asan_init", b"__tsan_init"))
