"""Fuzz one target: ``python fuzz/run.py TARGET [SECONDS]``, or all of them in turn with ``all``.

Inputs that reach new code go to ``build/fuzz/TARGET`` and serve the next run. One that fails is printed, kept
as ``build/fuzz/TARGET-crash-*``, and ends the run; once its cause is mended, put it into
``fuzz/corpus/TARGET``, which the tests replay. Needs atheris, which ``nox -s fuzz`` installs.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
LIMIT_MIB = 3072


def fuzz(target: str, seconds: int) -> None:
    """Run a target until the time is over or an input fails; does not return."""
    import resource

    import atheris

    sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
    with atheris.instrument_imports(include=["stcorner", "fuzz"]):
        import stcorner  # noqa: F401
        from fuzz.targets import TARGETS

    # What a caller asks for in vain must be a MemoryError, not the end of the machine.
    resource.setrlimit(resource.RLIMIT_AS, (LIMIT_MIB << 20, LIMIT_MIB << 20))
    found, kept = ROOT / "build" / "fuzz" / target, ROOT / "fuzz" / "corpus" / target
    found.mkdir(parents=True, exist_ok=True)
    kept.mkdir(parents=True, exist_ok=True)
    limits = [f"-max_total_time={seconds}", "-timeout=120", "-rss_limit_mb=0", "-max_len=2048"]
    prefix = f"-artifact_prefix={found.parent / target}-"
    atheris.Setup(
        [sys.argv[0], *limits, prefix, "-print_final_stats=1", str(found), str(kept)], TARGETS[target]
    )
    atheris.Fuzz()


def main() -> int:
    """Run the command line."""
    if len(sys.argv) not in (2, 3):
        print(__doc__)
        return 2
    target, seconds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) == 3 else 60
    if target != "all":
        fuzz(target, seconds)
        return 0
    sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
    from fuzz.targets import TARGETS

    each = max(1, seconds // len(TARGETS))
    failed = [
        name for name in TARGETS if subprocess.run([sys.executable, __file__, name, str(each)]).returncode
    ]
    print(f"{len(TARGETS)} targets, {each} s each; failed: {', '.join(failed) or 'none'}")
    return len(failed)


if __name__ == "__main__":
    sys.exit(main())
