from .estimator import EmotionRecognizer as EmotionRecognizer
from .modelfile import ModelFile as ModelFile
from .modelfile import read_model as read_model
from .modelfile import write_model as write_model
from .persistence import load_model as load_model
from .persistence import save_model as save_model
from .registry import shipped_models as shipped_models
from .results import clip_columns as clip_columns
