from .run import serve as serve
from .server import create_app as create_app
from .settings import Settings as Settings
