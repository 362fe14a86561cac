from .discriminant import DiscriminantClassifier as DiscriminantClassifier
from .fercnn.estimator import FERCNNClassifier as FERCNNClassifier
from .mel_cnn.estimator import MelCNNClassifier as MelCNNClassifier
from .temperature import TemperatureScaling as TemperatureScaling
