"""The paper's convolutional network over 162 features: built and trained by Keras, run by numpy.

``stcorner.fercnn`` is both this room and the function that builds the network (see
`stcorner.fercnn.network.fercnn`): the module can be called.
"""

import sys as _sys
import types as _types
from typing import Any as _Any

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)


class _CallableRoom(_types.ModuleType):
    def __call__(self, *args: _Any, **kwargs: _Any) -> _Any:
        from stcorner.fercnn.network import fercnn

        return fercnn(*args, **kwargs)


# ``stcorner.fercnn`` means the function in the public API, yet importing this package binds the same
# name to the module, and a function in its place would break ``import stcorner.fercnn.network as x``.
# One callable module makes every spelling work in any order of imports.
fercnn = _sys.modules[__name__]
fercnn.__class__ = _CallableRoom
