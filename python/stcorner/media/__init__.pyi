__all__: list[str]

from .blazeface import BlazeFaceDetector as BlazeFaceDetector
from .clips import FaceClip as FaceClip
from .clips import FaceTrack as FaceTrack
from .detectors import FaceDetector as FaceDetector
from .detectors import HaarDetector as HaarDetector
from .detectors import YuNetDetector as YuNetDetector
from .faces import crop_face as crop_face
from .faces import iter_faces as iter_faces
from .faces import track_faces as track_faces
from .info import AudioInfo as AudioInfo
from .info import MediaInfo as MediaInfo
from .info import VideoInfo as VideoInfo
from .info import probe as probe
from .picture import VideoBlock as VideoBlock
from .picture import iter_video as iter_video
from .picture import load_video as load_video
from .recording import Recording as Recording
from .remarks import MediaWarning as MediaWarning
from .sound import iter_audio as iter_audio
from .sound import load_audio as load_audio
