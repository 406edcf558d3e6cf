"""The table of bad values judges by what was said, not by taste."""

from benchmarks.robustness.bad_values import CASES, Case, expected, judge, names, read_cases


def test_the_list_can_be_read() -> None:
    cases = read_cases(CASES.read_text())
    assert len(cases) > 450 and len({case.name for case in cases}) == len(cases)
    assert {case.section for case in cases} >= {"explain", "callbacks", "config", "fit", "images", "python"}
    by_name = {case.name: case for case in cases}
    assert by_name["step_neg"].words == ["step_size", "-0.05"] and by_name["step_huge"].accept
    assert by_name["cb_realism_k0"].words == ["k", "0"]


def test_what_an_answer_must_name() -> None:
    assert expected("explain", "--model.slots=-3") == ["slots", "-3"]
    assert expected("config", "{model: {method: {class_path: a.B, init_args: {clip: [1, 2]}}}}") == [
        "method|clip",
        "[1, 2]",
    ]
    assert names("--model.step_size must be positive; got -0.05", "-0.050") and names("predict limit", "predict_limit")
    assert not names("something is wrong", "slots")


def test_verdicts() -> None:
    bad, good = Case("a", "explain", "", False, ["slots", "-3"]), Case("b", "explain", "", True, [])
    assert judge(bad, None, "") == ("hang", "")
    assert judge(bad, 0, "report: x")[0] == "silent" and judge(good, 0, "report: x")[0] == "accepted"
    assert judge(good, 1, "error: no")[0] == "refused"
    assert judge(bad, 1, "Seed set to 0\nerror: --model.slots must be positive; got -3")[0] == "clear"
    assert judge(bad, 1, "error: --model.slots must be positive")[0] == "unclear", "it does not quote the value"
    assert judge(bad, 1, "error: --model.slots -3: Expected a <class 'int'>")[0] == "unclear"
    assert judge(bad, 1, "error: slots -3" + "\n- and this" * 9)[0] == "unclear"
    assert judge(bad, 1, "Traceback (most recent call last):\nValueError: -3")[0] == "traceback"
    assert judge(bad, -9, "")[0] == "traceback", "killed by a signal"
