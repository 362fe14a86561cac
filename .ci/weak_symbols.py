"""Fail if an object compiled for one instruction set holds a weak symbol.

The linker keeps one copy of a weak symbol for the whole extension. Were it the AVX-512 copy of an inline
function, every call of that function would end in an illegal instruction on a lesser processor. Functions of
Eigen are weak, but each instruction set has them in a namespace of its own.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def weak_symbols(build: Path) -> dict[str, list[str]]:
    """Return the weak symbols of each per-instruction-set object under `build`."""
    found = {}
    objects = sorted(p for kind in ("isa", "linear") for p in build.rglob(f"stcorner_{kind}_*.dir/**/*.o"))
    if not objects:
        raise SystemExit(f"no kernel objects under {build}")
    for path in objects:
        listed = subprocess.run(["nm", "--demangle", path], capture_output=True, text=True, check=True).stdout
        names = [line.split(maxsplit=2) for line in listed.splitlines() if not line.startswith(" " * 10)]
        weak = [f[2] for f in names if len(f) == 3 and f[1] in "WVuwv"]
        isa = str(path).split(".dir")[0].rsplit("_", 1)[1]
        own = (f"Eigen_{isa}::", "DW.ref.")
        found[str(path.relative_to(build))] = [w for w in weak if not any(part in w for part in own)]
    return found


if __name__ == "__main__":
    weak = weak_symbols(Path(sys.argv[1]))
    for name, symbols in weak.items():
        for symbol in symbols:
            print(f"{name}: weak symbol {symbol}")
    print(f"{len(weak)} kernel objects looked at")
    sys.exit(any(weak.values()))
