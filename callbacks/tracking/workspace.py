"""A saved W&B workspace for trainings and explain runs: ``python -m callbacks.workspace ENTITY/PROJECT``."""

import sys
from typing import Any

from wandb.errors import Error as WandbError

from networks.errors import InputError
from results.naming import CONTROLS, scalar

USAGE = "usage: python -m callbacks.workspace ENTITY/PROJECT, as in the address https://wandb.ai/ENTITY/PROJECT"
TRAINING = ("val/bpd", "val/loss", "val/accuracy", "val/fid", "spectrum/effective_dimension")
EXPLANATION = ("flip_rate", "oracle_accuracy", "oracle_gain", "fid", "l2_x", "l2_z", "median_steps")
VALUES = ("oracle_share",)  # of searches for values alone
CERTIFICATE = ("cf/certificate/green", "cf/certificate/amber", "cf/certificate/red")


def workspace(entity: str, project: str) -> Any:
    """The ``wandb_workspaces.workspaces.Workspace`` as it would be saved; asks no server.

    Raises:
        InputError: wandb-workspaces is not installed.
    """
    try:
        import wandb_workspaces.workspaces as ws  # noqa: PLC0415  # an extra
    except ImportError as error:
        raise InputError(
            "a saved workspace needs wandb-workspaces: pip install 'onmanifold[workspaces]', or from a checkout "
            "pip install -e '.[workspaces]'"
        ) from error
    sections = [("Explanations", _explanation_panels()), ("Trainings", _training_panels())]
    return ws.Workspace(
        entity=entity,
        project=project,
        name="OnManifold",
        sections=[ws.Section(name=name, panels=panels, is_open=True) for name, panels in sections],
    )


def _explanation_panels() -> list[Any]:
    """Every number beside the controls', then what it looks like."""
    import wandb_workspaces.reports.v2 as wr  # noqa: PLC0415

    wide = wr.Layout(w=24, h=14)
    return [
        *(wr.BarPlot(title=name, metrics=_of_results(name)) for name in EXPLANATION + VALUES),
        wr.BarPlot(title="certificate", metrics=list(CERTIFICATE)),
        _spectrum(),
        wr.MediaBrowser(title="search path", media_keys=["cf/path"]),
        wr.MediaBrowser(title="heads", media_keys=["cf/heads"]),
        wr.WeavePanelSummaryTable(table_name="cf/values"),
        wr.WeavePanelSummaryTable(table_name="cf/gallery", layout=wide),
        wr.MediaBrowser(title="report", media_keys=["cf/report"], num_columns=1, layout=wide),
    ]


def _of_results(name: str) -> list[str]:
    return [f"cf/{scalar(result, name)}" for result in ("", *CONTROLS)]


def _training_panels() -> list[Any]:
    import wandb_workspaces.reports.v2 as wr  # noqa: PLC0415

    return [
        *(wr.LinePlot(title=name, x="trainer/global_step", y=[name]) for name in TRAINING),
        _spectrum(),
        wr.MediaBrowser(title="samples", media_keys=["val/samples"], num_columns=2),
    ]


def _spectrum() -> Any:
    """What ``wandb.plot.line`` logs as ``spectrum/mean_sorted``."""
    import wandb_workspaces.reports.v2 as wr  # noqa: PLC0415

    return wr.CustomChart(
        query={"summaryTable": {"tableKey": "spectrum/mean_sorted_table"}},
        chart_name="wandb/line/v0",
        chart_fields={"x": "i", "y": "sigma"},
        chart_strings={"title": "mean σᵢ of ∂g/∂z"},
    )


def save(path: str) -> str:
    """Save the workspace of ``ENTITY/PROJECT`` as a new view; returns its address.

    Raises:
        InputError: another kind of path, no wandb-workspaces, no login, no such project, or no server.
    """
    entity, _, project = path.partition("/")
    if not entity or not project or "/" in project:
        raise InputError(f"{path!r} names no project. {USAGE}")
    view = workspace(entity, project)
    try:
        return view.save().url
    except WandbError as error:
        raise InputError(
            f"W&B did not save the workspace of {path}: {error} Run `wandb login` once, and check that the project is "
            "there (`wandb sync` and `--wandb.offline false` make it)"
        ) from error


def main(args: list[str]) -> None:
    """Run the command line."""
    if len(args) != 1 or args[0].startswith("-"):
        sys.exit(USAGE)
    try:
        print(save(args[0]))
    except InputError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main(sys.argv[1:])
