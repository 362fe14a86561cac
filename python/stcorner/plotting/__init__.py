"""Figures by matplotlib (the extra ``plot``): each function returns one, `save_figure` writes it."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
