from results.naming import column, scalar


def test_names() -> None:
    assert (column("", "l2_x"), column("control", "l2_x")) == ("l2_x", "control_l2_x")
    assert (scalar("", "fid"), scalar("control", "fid")) == ("fid", "control/fid")
