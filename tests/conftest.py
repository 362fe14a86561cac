"""Fixtures that every room shares."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

# Where workers share the cores, threads of BLAS wait for each other; numpy reads this when it is imported.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import pytest

import stcorner

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20220501)


@pytest.fixture(params=stcorner.available_isas())
def isa(request: pytest.FixtureRequest) -> Iterator[str]:
    """Run the test once for every instruction set of this processor."""
    stcorner.set_isa(request.param)
    yield request.param
    stcorner.set_isa("auto")


@pytest.fixture(params=[1, 2, 3])
def n_threads(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of real clips: STCORNER_DATA, or ``shared/data`` beside the checkout."""
    named = os.environ.get("STCORNER_DATA")
    folder = Path(named) if named else REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no real clips: {folder} is not a folder (set STCORNER_DATA)")
    return folder


@pytest.fixture(scope="session")
def small_corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a synthetic corpus: four actors, six emotions, two takes of each."""
    folder = tmp_path_factory.mktemp("synthetic") / "corpus"
    stcorner.make_corpus(folder, n_actors=4, n_takes=2, size=128)
    return folder
