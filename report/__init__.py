"""One self-contained HTML page about a run, from its finished folder."""

from report.page import build_report

__all__ = ["build_report"]
