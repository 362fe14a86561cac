"""Measure where a face moves, what it shows, and how a voice sounds.

The public names are declared in ``__init__.pyi`` and imported at first use, so that
``import stcorner`` stays cheap.
"""

import lazy_loader as _lazy

from stcorner._base.interpreters import refuse_other_interpreters as _refuse

_refuse()

from stcorner._core import __version__ as __version__  # noqa: E402 - it hangs elsewhere

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
__all__ = [*__all__, "__version__"]
