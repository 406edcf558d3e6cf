from pathlib import Path

from callbacks.tracking.late_csv import LateCSV


def test_an_earlier_table_is_there_until_there_is_a_number(tmp_path: Path) -> None:
    table = tmp_path / "csv" / "metrics.csv"
    table.parent.mkdir()
    table.write_text("earlier")
    logger = LateCSV(tmp_path, "csv", "")
    _ = logger.experiment
    logger.log_hyperparams({"lr": 0.1})
    logger.finalize("failed")
    assert table.read_text() == "earlier"
    logger.log_metrics({"loss": 2.0}, 3)
    logger.save()
    assert table.read_text().split() == ["loss,step", "2.0,3"]
    assert "lr: 0.1" in (tmp_path / "csv" / "hparams.yaml").read_text()


def test_its_folder_may_be_moved_before_there_is_one(tmp_path: Path) -> None:
    """As a new training moves an earlier one's; Lightning saves hyper-parameters before that."""
    (tmp_path / "csv").mkdir()
    (tmp_path / "csv" / "metrics.csv").write_text("earlier")
    logger = LateCSV(tmp_path, "csv", "")
    _ = logger.experiment
    logger.log_hyperparams({"lr": 0.1})
    logger.save()
    (tmp_path / "csv").rename(tmp_path / "earlier")
    logger.log_metrics({"loss": 2.0}, 3)
    logger.save()
    assert (tmp_path / "csv" / "metrics.csv").read_text().split() == ["loss,step", "2.0,3"]
    assert (tmp_path / "earlier" / "metrics.csv").read_text() == "earlier"
