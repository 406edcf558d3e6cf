"""The workspace's layout; saving needs a server, and what it says without one."""

import sys
from typing import Any

import pytest
import wandb

from callbacks.tracking import workspace as module
from networks import InputError

REASON = "wandb-workspaces is an extra: pip install -e '.[workspaces]'"


def panels(view: Any) -> dict[str, list[dict[str, Any]]]:
    """The panels of every section, as they would be sent."""
    spec = view._to_model().spec.model_dump(by_alias=True, exclude_none=True)
    return {s["name"]: s["panels"] for s in spec["section"]["panelBankConfig"]["sections"]}


def test_every_number_stands_beside_the_controls() -> None:
    pytest.importorskip("wandb_workspaces", reason=REASON)
    found = panels(module.workspace("me", "project"))
    assert list(found) == ["Explanations", "Trainings"]
    bars = [p["config"]["metrics"] for p in found["Explanations"] if p["viewType"] == "Bar Chart"]
    assert bars == [
        *([f"cf/{n}", f"cf/control/{n}", f"cf/paper_control/{n}"] for n in module.EXPLANATION + module.VALUES),
        list(module.CERTIFICATE),
    ]
    lines = [p["config"] for p in found["Trainings"] if p["viewType"] == "Run History Line Plot"]
    assert [line["metrics"] for line in lines] == [[name] for name in module.TRAINING]
    assert {line["xAxis"] for line in lines} == {"trainer/global_step"}
    for section, key in (
        ("Explanations", "cf/gallery"),
        ("Explanations", "cf/report"),
        ("Explanations", "cf/values"),
        ("Trainings", "val/samples"),
    ):
        assert key in str(found[section]), key
    assert all("spectrum/mean_sorted_table" in str(section) for section in found.values())


def test_saving_goes_to_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    internal = pytest.importorskip("wandb_workspaces.workspaces.internal", reason=REASON)
    interface = pytest.importorskip("wandb_workspaces.workspaces.interface", reason=REASON)
    sent: list[Any] = []
    response = {"upsertView": {"view": {"name": "nw-abc-v", "id": "1"}}}
    monkeypatch.setattr(internal, "upsert_view2", lambda view: sent.append(view) or response)
    monkeypatch.setattr(interface, "get_app_url", lambda api: "https://wandb.ai")
    monkeypatch.setattr(wandb, "Api", lambda: None)
    assert module.save("me/project") == "https://wandb.ai/me/project?nw=abc"
    assert (sent[0].entity, sent[0].project, sent[0].display_name) == ("me", "project", "OnManifold")


def test_without_a_login_there_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    internal = pytest.importorskip("wandb_workspaces.workspaces.internal", reason=REASON)

    def refused(view: Any) -> None:
        raise wandb.errors.UsageError("No API key configured. Use `wandb login` to log in.")

    monkeypatch.setattr(internal, "upsert_view2", refused)
    with pytest.raises(InputError, match=r"workspace of me/project: No API key .* Run `wandb login` once"):
        module.save("me/project")


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wandb_workspaces.workspaces", None)
    with pytest.raises(InputError, match=r"pip install 'onmanifold\[workspaces\]'"):
        module.save("me/project")


@pytest.mark.parametrize("path", ["project", "/project", "me/", "a/b/c"])
def test_a_path_that_names_no_project(path: str) -> None:
    with pytest.raises(InputError, match=r"names no project\. usage: python -m callbacks\.workspace ENTITY/PROJECT"):
        module.save(path)


def test_the_command_line_prints_errors_alone() -> None:
    for args, said in (([], "usage: "), (["--help"], "usage: "), (["project"], "error: 'project' names no project")):
        with pytest.raises(SystemExit) as stop:
            module.main(args)
        assert str(stop.value.code).startswith(said)
