"""What is measured, shown and written while the models work."""

from callbacks.checkpoints.atomic import AtomicCheckpointIO
from callbacks.checkpoints.best_and_last import BestAndLast
from callbacks.checkpoints.earlier_training import EarlierTraining
from callbacks.checkpoints.requeue import Requeue
from callbacks.checkpoints.resume import Resume
from callbacks.checkpoints.resume_hint import ResumeHint
from callbacks.figures.attributions import Attributions
from callbacks.figures.edits import Edits
from callbacks.figures.head_localisation import HeadLocalisation
from callbacks.figures.helix_figure import HelixFigure
from callbacks.figures.relaxation_grid import RelaxationGrid
from callbacks.figures.search_path import SearchPath
from callbacks.measures.chart_quality import ChartQuality
from callbacks.measures.class_distance import ClassDistance
from callbacks.measures.interpretability import Interpretability
from callbacks.measures.label_variation import LabelVariation
from callbacks.measures.manifold_distance import ManifoldDistance
from callbacks.measures.on_manifold import OnManifold
from callbacks.measures.oracle_accuracy import OracleAccuracy
from callbacks.measures.oracle_value import OracleValue
from callbacks.measures.perceptual import Perceptual
from callbacks.measures.realism import Realism
from callbacks.measures.tangent_share import TangentShare
from callbacks.measures.transition import Transition
from callbacks.progress import SearchProgress
from callbacks.ranks import Ranks
from callbacks.report import Report
from callbacks.result_writer import ResultWriter
from callbacks.tracking.dashboard import Dashboard
from callbacks.tracking.model_artifact import ModelArtifact
from callbacks.training.augment import Augment
from callbacks.training.divergence import Divergence
from callbacks.training.ema import EMA
from callbacks.training.fid import FID
from callbacks.training.first_look import FirstLook
from callbacks.training.grow import Grow
from callbacks.training.reconstructions import Reconstructions
from callbacks.training.samples import Samples
from callbacks.training.save_config import SaveConfig
from callbacks.training.spectrum import Spectrum
from callbacks.training.stored_probabilities import StoredProbabilities

__all__ = [
    "EMA",
    "FID",
    "AtomicCheckpointIO",
    "Attributions",
    "Augment",
    "BestAndLast",
    "ChartQuality",
    "ClassDistance",
    "Dashboard",
    "Divergence",
    "EarlierTraining",
    "Edits",
    "FirstLook",
    "Grow",
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
]
