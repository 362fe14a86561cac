"""The paper's experiment, done over: its own protocol beside one without the leak."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
