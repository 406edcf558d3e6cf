"""Counterfactuals without a search, where the classes' places are known."""

from counterfactuals.methods.closed_form.amounts import Amount, Boundary, Convincing, Reach
from counterfactuals.methods.closed_form.directions import Direction, MeanEncodings
from counterfactuals.methods.closed_form.line import Line
from counterfactuals.methods.closed_form.method import ClosedForm

__all__ = ["Amount", "Boundary", "ClosedForm", "Convincing", "Direction", "Line", "MeanEncodings", "Reach"]
