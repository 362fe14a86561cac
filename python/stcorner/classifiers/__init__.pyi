from .discriminant import DiscriminantClassifier as DiscriminantClassifier
from .fercnn.estimator import FERCNNClassifier as FERCNNClassifier
from .temperature import TemperatureScaling as TemperatureScaling
