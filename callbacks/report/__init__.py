"""One self-contained HTML page about a run."""

from callbacks.report.callback import Report
from callbacks.report.command import rebuild
from callbacks.report.page import build_report

__all__ = ["Report", "build_report", "rebuild"]
