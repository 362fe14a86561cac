__all__: list[str]

from .clips import plot_corners as plot_corners
from .clips import plot_spectrogram as plot_spectrogram
from .clips import plot_voice as plot_voice
from .learning import plot_learning as plot_learning
from .learning import plot_plane as plot_plane
from .scores import plot_abstention as plot_abstention
from .scores import plot_actors as plot_actors
from .scores import plot_confusion as plot_confusion
from .scores import plot_reliability as plot_reliability
from .style import save_figure as save_figure
