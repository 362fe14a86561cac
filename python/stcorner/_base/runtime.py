"""Which code runs: instruction sets, versions."""

from __future__ import annotations

import platform
import sys
from importlib import metadata

from stcorner import _core
from stcorner._base.validation import check_choice

__all__ = ["active_isa", "available_isas", "set_isa", "show_versions"]

_PACKAGES = (
    "numpy", "scipy", "scikit-learn", "soundfile", "soxr", "imageio", "av", "opencv-python-headless",
    "cyclopts", "msgspec", "jinja2", "keras", "jax", "pyarrow", "pandas", "matplotlib", "starlette",
    "uvicorn", "dask", "distributed",
)  # fmt: skip


def active_isa() -> str:
    """Return the instruction set whose kernels run now.

    Returns
    -------
    str
        One of `available_isas`. The best by default; the environment variable ``STCORNER_ISA``,
        read at import, or `set_isa` choose another.

    See Also
    --------
    set_isa : Choose another one.

    Examples
    --------
    >>> active_isa() in available_isas()
    True
    """
    return _core.active_isa()


def available_isas() -> list[str]:
    """Return the instruction sets that this processor can run, weakest first.

    Returns
    -------
    list of str
        Names for `set_isa`.

    See Also
    --------
    set_isa : Choose one of them.

    Examples
    --------
    >>> available_isas()[0]
    'baseline'
    """
    return _core.available_isas()


def set_isa(name: str) -> None:
    """Choose the instruction set of all kernels, for the whole process.

    Parameters
    ----------
    name : str
        One of `available_isas`, or ``"auto"`` for the best.

    Raises
    ------
    ValueError
        If the name is unknown or the processor cannot run it.

    See Also
    --------
    available_isas : What may be set.
    active_isa : What is set.

    Examples
    --------
    >>> set_isa("baseline")
    >>> active_isa()
    'baseline'
    >>> set_isa("auto")
    """
    _core.set_isa(check_choice("name", name, ["auto", *available_isas()]))


def show_versions() -> dict[str, object]:
    """Return what a bug report needs: versions of Python, of the packages used, and of the core.

    Packages that are not installed have the value None.

    Returns
    -------
    dict of str to object
        ``stcorner``, ``python``, ``platform``, ``core`` and ``packages``.

    See Also
    --------
    active_isa : The instruction set in use.

    Examples
    --------
    >>> sorted(show_versions())
    ['core', 'packages', 'platform', 'python', 'stcorner']
    """
    packages: dict[str, str | None] = {}
    for package in _PACKAGES:
        try:
            packages[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            packages[package] = None
    return {
        "stcorner": _core.__version__,
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "core": {
            **_core.build_config(),
            "isa": active_isa(),
            "isas": available_isas(),
            "threads": _core.effective_threads(0, 1 << 20),
        },
        "packages": packages,
    }
