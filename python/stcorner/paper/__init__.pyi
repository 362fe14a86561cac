from .experiment import PaperResult as PaperResult
from .experiment import PaperRun as PaperRun
from .experiment import reproduce_paper as reproduce_paper
from .rows import PaperRows as PaperRows
from .rows import audio_rows as audio_rows
from .rows import fused_rows as fused_rows
from .rows import video_rows as video_rows
