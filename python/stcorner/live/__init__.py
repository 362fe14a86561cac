"""A recording while it is made: emotion probabilities over sliding windows, with the latency measured."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
