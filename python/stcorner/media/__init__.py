"""Sound and pictures out of any media file, on one clock; faces found, followed and cropped."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
