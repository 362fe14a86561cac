from .features import ClipFeatures as ClipFeatures
from .rows import FailedInput as FailedInput
from .run import Extraction as Extraction
from .run import extract as extract
from .work import list_media as list_media
