from .corpus import make_corpus as make_corpus
from .factors import EMOTIONS as EMOTIONS
from .factors import Factors as Factors
