"""``stcorner info``."""

from __future__ import annotations

from typing import Any

__all__ = ["info"]


def info(*, json: bool = False) -> int:
    """Print versions, instruction sets and threads for a bug report.

    Parameters
    ----------
    json
        Print JSON instead of tables.
    """
    import stcorner
    from stcorner.cli._output import print_json, print_table

    versions: dict[str, Any] = stcorner.show_versions()
    if json:
        print_json(versions)
        return 0
    core = versions.pop("core")
    packages = versions.pop("packages")
    flat = {**versions, **{f"core {name}": value for name, value in core.items()}}
    print_table([{"": name, "value": _text(value)} for name, value in flat.items()])
    print_table([{"package": name, "version": value} for name, value in packages.items()])
    return 0


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
