import torch

from metrics import OracleAccuracy, agrees


def test_counts_over_uneven_batches() -> None:
    logits, target = torch.randn(50, 4), torch.randint(4, (50,))
    metric = OracleAccuracy()
    for part in (slice(0, 7), slice(7, 30), slice(30, 50)):
        metric.update(logits[part], target[part])
    assert float(metric.compute()) == float(agrees(logits, target).float().mean())


def test_nothing_counted_is_not_a_number() -> None:
    metric = OracleAccuracy()
    metric.update(torch.randn(0, 4), torch.zeros(0, dtype=torch.long))
    assert metric.compute().isnan()
