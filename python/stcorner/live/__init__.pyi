from .recognizer import LiveRecognizer as LiveRecognizer
from .session import LiveSession as LiveSession
from .sources import CameraSource as CameraSource
from .sources import Captured as Captured
from .sources import FileSource as FileSource
from .sources import MicrophoneSource as MicrophoneSource
from .sources import Source as Source
