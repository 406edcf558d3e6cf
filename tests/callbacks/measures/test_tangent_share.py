import pytest
import torch

from callbacks.measures.tangent_share import share_within


def test_the_whole_tangent_space_holds_every_step(ran) -> None:
    """With as many singular vectors as dimensions nothing is left out, for the originals that were looked at."""
    for result in ran[1].results().values():
        share = result.columns["tangent_share"]
        assert torch.allclose(share[:4], torch.ones(4), atol=1e-3) and share[4:].isnan().all()


def test_the_scale_has_a_bottom_and_a_top(ran) -> None:
    """All 64 of 64 directions: a random step lies within them, and so does that to any real image."""
    summary = ran[0].summary
    assert summary["tangent_share_random"] == 1
    assert summary["tangent_share_real"] == pytest.approx(1, abs=1e-3) and summary["rows"]["tangent_share_real"] == 4


def test_a_random_direction_has_k_of_p() -> None:
    torch.manual_seed(0)
    u = torch.linalg.qr(torch.randn(2000, 12, 3))[0]
    share = share_within(u, torch.randn(2000, 1, 3, 4))
    assert float(share.mean()) == pytest.approx(3 / 12, abs=0.01)
    assert share_within(u[:1], (u[:1] @ torch.ones(3)).view(1, 1, 3, 4)).item() == pytest.approx(1)
    assert share_within(u[:1], torch.zeros(1, 1, 3, 4)).isnan().item()
