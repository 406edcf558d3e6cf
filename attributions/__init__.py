"""Where a model looks: attribution maps, by captum, and what makes objects of them.

Needs the extra ``attributions``: pip install 'onmanifold[attributions]'.
"""

from attributions.attribution import Attribution, Saliency
from attributions.grad_cam import GradCAM
from attributions.gradients import GradientTimesInput, IntegratedGradients, SmoothGrad
from attributions.lrp import LRP
from attributions.saliency import ProbabilisticSaliency

__all__ = [
    "LRP",
    "Attribution",
    "GradCAM",
    "GradientTimesInput",
    "IntegratedGradients",
    "ProbabilisticSaliency",
    "Saliency",
    "SmoothGrad",
]
