"""Scripts without ``if __name__ == "__main__"``: one job runs in them, more say what they need."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = """
import stcorner as st

st.extract({root!r}, {out!r}, modality="audio", n_jobs={n_jobs})
print("rows")
"""
GUARDED = """
import stcorner as st

if __name__ == "__main__":
    st.extract({root!r}, {out!r}, modality="audio", n_jobs=2)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    import soundfile

    root = tmp_path / "clips"
    root.mkdir()
    time = np.arange(16000) / 16000
    for index in range(3):
        y = 0.3 * np.sign(np.sin(2 * np.pi * (110 + 20 * index) * time)) * np.sin(2 * np.pi * 3 * time)
        soundfile.write(root / f"{index}.wav", y, 16000)
    return root


def run(folder: Path, text: str, how: str) -> subprocess.CompletedProcess[str]:
    script = folder.parent / "script.py"
    script.write_text(text)
    command = {"file": [str(script)], "stdin": ["-"], "c": ["-c", text]}[how]
    return subprocess.run(
        [sys.executable, *command],
        input=text if how == "stdin" else None,
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ,
    )


@pytest.mark.parametrize(
    ("how", "n_jobs"),
    [
        ("file", None),
        *(
            pytest.param(*case, marks=pytest.mark.slow)
            for case in (("stdin", 1), ("c", None), ("stdin", None))
        ),
    ],
)
def test_one_job_runs_in_a_plain_script(folder: Path, how: str, n_jobs: int | None) -> None:
    out = folder.parent / "features.parquet"
    done = run(folder, SCRIPT.format(root=str(folder), out=str(out), n_jobs=n_jobs), how)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("rows") == 1
    assert "Traceback" not in done.stderr
    assert out.is_file()


@pytest.mark.slow
@pytest.mark.parametrize("how", ["file", "stdin"])
def test_more_jobs_work_or_name_the_guard(folder: Path, how: str) -> None:
    out = folder.parent / "features.parquet"
    done = run(folder, SCRIPT.format(root=str(folder), out=str(out), n_jobs=2), how)
    if done.returncode == 0:
        assert out.is_file()
        assert done.stdout.count("rows") == 1
        assert "Traceback" not in done.stderr
        return
    assert done.stderr.count("Traceback") <= 1  # that of the script itself, none of its children
    last = done.stderr.strip().splitlines()[-1]
    assert '__name__ == "__main__"' in last
    for misleading in ("being written by another run", "the process died", "bootstrapping phase"):
        assert misleading not in done.stderr


@pytest.mark.slow
def test_more_jobs_run_behind_the_guard(folder: Path) -> None:
    out = folder.parent / "features.parquet"
    done = run(folder, GUARDED.format(root=str(folder), out=str(out)), "file")
    assert done.returncode == 0, done.stderr
    assert out.is_file()
    assert not done.stderr.strip()
