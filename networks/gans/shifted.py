"""Images moved by parts of a pixel."""

import torch
import torch.nn.functional as F
from torch import Tensor


def shifted(x: Tensor, pixels: Tensor, beyond: str = "border") -> Tensor:
    """Images n×C×H×W moved by (right, down) of n×2 pixels, between pixels linearly; differentiable.

    Args:
        beyond: what comes in at a border: repeated, or ``"reflection"``.
    """
    size = torch.tensor([x.shape[3], x.shape[2]], device=x.device)
    theta = torch.eye(2, 3, dtype=x.dtype, device=x.device).repeat(len(x), 1, 1)
    theta[:, :, 2] = -2 * pixels / size
    grid = F.affine_grid(theta, list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, padding_mode=beyond, align_corners=False)
