"""One job of the app in a process of its own: ``python -m stcorner.app.worker``.

Reads its order as JSON from standard input and reports as JSON lines on standard output, so that
whatever a hostile file does to a decoder ends here.
"""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path
from typing import Any

__all__ = ["main"]


def _limit_memory(n_bytes: int) -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (n_bytes, n_bytes))


def _plain_name(name: str) -> str:
    """Return the name of the file that is decoded.

    Decoders look at names as well as at bytes; the real ending helps with raw streams. It is reduced to
    letters and digits, so that no name leaves the folder.
    """
    ending = "".join(c for c in Path(name).suffix.lower() if c.isalnum())[:8]
    return f"clip.{ending}" if ending else "clip"


def _run(order: dict[str, Any], tell: Any) -> None:
    from stcorner._base.files import write_table
    from stcorner.errors import MediaError, MissingExtraError
    from stcorner.media import probe
    from stcorner.recognizer import load_model, shipped_models
    from stcorner.report import build_report

    upload, folder = Path(order["upload"]), Path(order["folder"])
    clip = upload.with_name(_plain_name(order["name"]))
    upload.rename(clip)
    try:
        info = probe(clip)
        if info.duration is not None and info.duration > order["max_duration"]:
            raise MediaError(f"the clip may last {order['max_duration']:g} s, it lasts {info.duration:.1f} s")
        names = list(shipped_models())
        model = order["model"] or (names[0] if names else None)
        recognizer = None if model is None else load_model(model)
        report = build_report(
            clip, folder / "report.html", recognizer=recognizer, name=order["name"],
            progress=lambda stage, share: tell({"stage": stage, "progress": share}),
        )  # fmt: skip
        assert report is not None  # a file gives the report of a clip
        for kind in ("csv", "json", "parquet") if report.features else ():
            with contextlib.suppress(MissingExtraError):
                write_table(folder / f"features.{kind}", report.features, list(report.features[0]))
        tell({"label": report.prediction["label"] if report.prediction else None})
    finally:
        clip.unlink(missing_ok=True)


def main() -> int:
    """Run one order; return the exit status."""
    from stcorner.errors import StcornerError

    out = sys.stdout

    def tell(message: dict[str, Any]) -> None:
        print(json.dumps(message), file=out, flush=True)

    order = json.load(sys.stdin)
    _limit_memory(order["memory_bytes"])
    try:
        _run(order, tell)
    except MemoryError:
        tell({"error": "the clip needs more memory than a job may have"})
        return 1
    except StcornerError as error:
        # The client knows its own name for the clip, and learns nothing of the server's folders.
        hidden = f"{order['folder']}/{_plain_name(order['name'])}"
        tell({"error": str(error).replace(hidden, order["name"]).replace(f"{order['folder']}/", "")})
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
