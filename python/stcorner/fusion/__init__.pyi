from .graphs import graph_laplacian as graph_laplacian
from .graphs import intrinsic_graph as intrinsic_graph
from .graphs import penalty_graph as penalty_graph
from .mfa import MarginalFisherAnalysis as MarginalFisherAnalysis
from .modality import ModalityFusion as ModalityFusion
from .rows import ParquetRows as ParquetRows
