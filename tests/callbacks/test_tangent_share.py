import torch


def test_the_whole_tangent_space_holds_every_step(ran) -> None:
    """With as many singular vectors as dimensions nothing is left out, for the originals that were looked at."""
    for result in ran[1].results().values():
        share = result.columns["tangent_share"]
        assert torch.allclose(share[:4], torch.ones(4), atol=1e-3) and share[4:].isnan().all()
