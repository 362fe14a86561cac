from .estimator import FERCNNClassifier as FERCNNClassifier
from .inference import forward as forward
from .network import fercnn as fercnn
