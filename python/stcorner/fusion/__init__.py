"""Fusion of feature blocks: graphs of nearest rows, Marginal Fisher Analysis, fused vectors."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
