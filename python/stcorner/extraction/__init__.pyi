from .blocks import Block as Block
from .clipfeatures import ClipFeatures as ClipFeatures
from .codebook import columns as columns
from .describe import FailedInput as FailedInput
from .featuretable import FeatureTable as FeatureTable
from .finding import list_media as list_media
from .run import Extraction as Extraction
from .run import extract as extract
