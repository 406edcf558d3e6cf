"""What is measured, shown and written while the models work."""

from callbacks.best_and_last import BestAndLast
from callbacks.chart_quality import ChartQuality
from callbacks.class_distance import ClassDistance
from callbacks.dashboard import Dashboard
from callbacks.divergence import Divergence
from callbacks.earlier_training import EarlierTraining
from callbacks.ema import EMA
from callbacks.fid import FID
from callbacks.first_look import FirstLook
from callbacks.head_localisation import HeadLocalisation
from callbacks.helix_figure import HelixFigure
from callbacks.interpretability import Interpretability
from callbacks.label_variation import LabelVariation
from callbacks.manifold_distance import ManifoldDistance
from callbacks.model_artifact import ModelArtifact
from callbacks.on_manifold import OnManifold
from callbacks.oracle_accuracy import OracleAccuracy
from callbacks.oracle_value import OracleValue
from callbacks.perceptual import Perceptual
from callbacks.progress import SearchProgress
from callbacks.ranks import Ranks
from callbacks.realism import Realism
from callbacks.reconstructions import Reconstructions
from callbacks.relaxation_grid import RelaxationGrid
from callbacks.report import Report
from callbacks.requeue import Requeue
from callbacks.result_writer import ResultWriter
from callbacks.resume import Resume
from callbacks.resume_hint import ResumeHint
from callbacks.samples import Samples
from callbacks.save_config import SaveConfig
from callbacks.search_path import SearchPath
from callbacks.spectrum import Spectrum
from callbacks.stored_probabilities import StoredProbabilities
from callbacks.tangent_share import TangentShare
from callbacks.transition import Transition
from callbacks.whole_checkpoints import WholeCheckpoints

__all__ = [
    "EMA",
    "FID",
    "BestAndLast",
    "ChartQuality",
    "ClassDistance",
    "Dashboard",
    "Divergence",
    "EarlierTraining",
    "FirstLook",
    "HeadLocalisation",
    "HelixFigure",
    "Interpretability",
    "LabelVariation",
    "ManifoldDistance",
    "ModelArtifact",
    "OnManifold",
    "OracleAccuracy",
    "OracleValue",
    "Perceptual",
    "Ranks",
    "Realism",
    "Reconstructions",
    "RelaxationGrid",
    "Report",
    "Requeue",
    "ResultWriter",
    "Resume",
    "ResumeHint",
    "Samples",
    "SaveConfig",
    "SearchPath",
    "SearchProgress",
    "Spectrum",
    "StoredProbabilities",
    "TangentShare",
    "Transition",
    "WholeCheckpoints",
]
