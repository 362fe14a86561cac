"""One job of the app in a process of its own: ``python -m stcorner.app.worker``.

Reads its order as a line of JSON from standard input and reports as JSON lines on standard output, so that
whatever a hostile file does to a decoder ends here. Where standard input ends, the server has gone: the clip
is deleted and the process ends too.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import threading
from pathlib import Path
from typing import Any

from stcorner.app.folders import SCRATCH

__all__ = ["main"]

_FILE_BYTES = 1 << 30


def _limit(memory_bytes: int) -> None:
    """Bound memory and files, and leave no image of the memory, where the clip is, when a decoder crashes."""
    try:
        import resource
    except ImportError:
        return
    for kind, size in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_FSIZE, _FILE_BYTES),
        (resource.RLIMIT_CORE, 0),
    ):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (size, size))


def _run(order: dict[str, Any], tell: Any) -> None:
    from stcorner._base.tables import write_table
    from stcorner.errors import MediaError, MissingExtraError
    from stcorner.media import probe
    from stcorner.recognizer import load_predictor, shipped_models
    from stcorner.report import build_report

    clip, folder = Path(order["clip"]), Path(order["folder"])
    if order["sample"]:
        tell({"stage": "drawing the sample", "progress": 0.02})
        _draw_sample(clip)
    info = probe(clip)
    if info.duration is not None and info.duration > order["max_duration"]:
        raise MediaError(
            f"the clip must last at most {order['max_duration']:g} s, it lasts {info.duration:.1f} s: cut "
            "it, or run `stcorner report` on it"
        )
    names = list(shipped_models())
    model = order["model"] or (names[0] if names else None)
    recognizer = None if model is None else load_predictor(model)
    report = build_report(
        clip, folder / "report.html", recognizer=recognizer, name=order["name"],
        progress=lambda stage, share: tell({"stage": stage, "progress": share}),
    )  # fmt: skip
    assert report is not None  # a file gives the report of a clip
    for kind in ("csv", "json", "parquet") if report.features else ():
        with contextlib.suppress(MissingExtraError):
            write_table(folder / f"features.{kind}", report.features, list(report.features[0]))
    tell({"label": report.prediction["label"] if report.prediction else None})


def _draw_sample(clip: Path) -> None:
    """Write a clip of a drawn face: no recording of a person is in the package."""
    from stcorner.corpora import make_corpus

    made = make_corpus(
        clip.parent / SCRATCH / "sample", n_actors=1, n_takes=1, emotions=["surprise"], size=320, n_jobs=1
    )
    next(each.path for each in made if each.path.suffix == ".mp4").rename(clip)


def _read_order() -> dict[str, Any]:
    line = b""
    # Not through sys.stdin: its lock would be held by the thread that waits for the end.
    while not line.endswith(b"\n"):
        part = os.read(0, 1 << 16)
        if not part:
            sys.exit(1)
        line += part
    order: dict[str, Any] = json.loads(line)
    return order


def _end_with_server(clip: Path) -> None:
    """Wait for the end of standard input, and go with the server."""
    while os.read(0, 1 << 16):
        pass
    clip.unlink(missing_ok=True)
    shutil.rmtree(clip.parent / SCRATCH, ignore_errors=True)
    os._exit(1)


def main() -> int:
    """Run one order; return the exit status."""
    from stcorner.errors import StcornerError

    out = sys.stdout

    def tell(message: dict[str, Any]) -> None:
        print(json.dumps(message), file=out, flush=True)

    order = _read_order()
    clip = Path(order["clip"])
    threading.Thread(target=_end_with_server, args=(clip,), daemon=True).start()
    _limit(order["memory_bytes"])
    try:
        _run(order, tell)
    except MemoryError:
        tell(
            {
                "error": "the clip must fit into the memory of a job, and does not: send a shorter or "
                "smaller one"
            }
        )
        return 1
    except StcornerError as error:
        # The client knows its own name for the clip, and learns nothing of the server's folders.
        text = str(error).replace(str(clip), order["name"]).replace(f"{clip.parent}{os.sep}", "")
        tell({"error": text})
        return 1
    finally:
        clip.unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
