from .harris import HarrisStream as HarrisStream
from .harris import corner_harris_3d as corner_harris_3d
from .harris import structure_tensor_3d as structure_tensor_3d
from .points import Stips as Stips
from .stips import corner_peaks_3d as corner_peaks_3d
from .stips import detect_stips as detect_stips
from .texture import texture_map_histogram as texture_map_histogram
from .texture import texture_map_names as texture_map_names
