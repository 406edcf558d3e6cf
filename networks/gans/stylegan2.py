"""StyleGAN2 (Karras et al. 2020, arXiv 1912.04958), 64 to 1024 pixels, with the names of the published networks' parts.

The layers are those of the paper's configuration F without path length regularisation: modulated and demodulated
convolutions, skip connections to the image, noise, a residual discriminator, and low-pass filters at every change of
size.
"""

from collections.abc import Sequence
from itertools import pairwise
from math import sqrt

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from networks.checks import each, whole, within
from networks.errors import InputError
from networks.gans.equalised import EqualConv2d, EqualLinear, MinibatchDeviation, PixelNorm
from networks.gans.generator import Critic, Generator, check_widths
from networks.weights import load_weights

GAIN = sqrt(2)
FILTER = (1.0, 3.0, 3.0, 1.0)  # low-pass, per axis


class ModulatedConv2d(nn.Module):
    """A convolution whose input channels each image scales by its style, and whose outputs have variance 1 again (2.2).

    w′_ijk = s_i w_ijk, w″_ijk = w′_ijk / √(Σ_ik w′²_ijk + ε): since both factors stand before sums over one of the
    channels alone, images are scaled in place of weights, and no image has weights of its own.

    Args:
        c_in, c_out: channels.
        style_dim: of w.
        kernel: side, odd.
        demodulate: whether outputs are scaled back; not in layers to the image.
        up: whether height and width are doubled, with a low-pass filter.

    Shapes:
        x of B×``c_in``×H×W, w of B×``style_dim`` → B×``c_out``×H×W, or ×2H×2W.
    """

    def __init__(
        self, c_in: int, c_out: int, style_dim: int, kernel: int = 3, demodulate: bool = True, up: bool = False
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(c_out, c_in, kernel, kernel))
        self.style = EqualLinear(style_dim, c_in, bias=1.0)
        self.scale, self.padding, self.demodulate, self.up = 1 / sqrt(c_in * kernel**2), kernel // 2, demodulate, up

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        weight, style = self.scale * self.weight, self.style(w)
        x = x * style[:, :, None, None]
        if self.up:
            out = low_pass(F.conv_transpose2d(x, weight.transpose(0, 1), stride=2), gain=4.0, padding=(1, 1))
        else:
            out = F.conv2d(x, weight, padding=self.padding)
        if not self.demodulate:
            return out
        squares = style.square() @ weight.square().sum((2, 3)).T  # B×c_out
        return out * torch.rsqrt(squares + 1e-8)[:, :, None, None]


class Noise(nn.Module):
    """Adds noise of a learned strength, the same for all channels: hair where it happens to lie.

    In evaluation the noise is a constant of each layer, so that decode(z) is a function; in training it is drawn anew.

    Shapes:
        B×C×H×W → the same.
    """

    noise: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.strength = nn.Parameter(torch.zeros(1))
        self.register_buffer("noise", torch.randn(1, 1, size, size))

    def forward(self, x: Tensor) -> Tensor:
        noise = torch.randn_like(x[:, :1]) if self.training else self.noise.to(x)
        return x + self.strength * noise


class StyledConv(nn.Module):
    """A modulated convolution, noise, a bias and a leaky rectifier.

    Shapes:
        x of B×``c_in``×H×W, w of B×``style_dim`` → B×``c_out``×``size``×``size``.
    """

    def __init__(self, c_in: int, c_out: int, style_dim: int, size: int, up: bool = False) -> None:
        super().__init__()
        self.conv = ModulatedConv2d(c_in, c_out, style_dim, up=up)
        self.noise, self.bias = Noise(size), nn.Parameter(torch.zeros(1, c_out, 1, 1))

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        return GAIN * F.leaky_relu(self.noise(self.conv(x, w)) + self.bias, 0.2)


class ToImage(nn.Module):
    """One 1×1 modulated convolution, added to what the smaller sizes have made (skip connections, Fig. 7b).

    Shapes:
        x of B×``c_in``×H×W, w of B×``style_dim``, skip of B×C×H/2×W/2 or none → B×C×H×W.
    """

    def __init__(self, c_in: int, c_out: int, style_dim: int) -> None:
        super().__init__()
        self.conv = ModulatedConv2d(c_in, c_out, style_dim, 1, demodulate=False)
        self.bias = nn.Parameter(torch.zeros(1, c_out, 1, 1))

    def forward(self, x: Tensor, w: Tensor, skip: Tensor | None) -> Tensor:
        image = self.conv(x, w) + self.bias
        return image if skip is None else image + upsampled(skip)


class Mapping(nn.Module):
    """z → w: pixel normalisation and ``depth`` linear layers, whose learning rate is a hundredth.

    Attributes:
        mean: of w over the training's z, a running mean; what truncation goes to.

    Shapes:
        z of B×D → w of B×``style_dim``.
    """

    mean: Tensor

    def __init__(self, dim: int, style_dim: int, depth: int = 8, momentum: float = 0.998) -> None:
        super().__init__()
        layers = [
            nn.Sequential(EqualLinear(c_in, c_out, rate=0.01), nn.LeakyReLU(0.2))
            for c_in, c_out in pairwise([dim, *[style_dim] * depth])
        ]
        self.normalise, self.layers, self.momentum = PixelNorm(), nn.ModuleList(layers), momentum
        self.register_buffer("mean", torch.zeros(style_dim))

    def forward(self, z: Tensor) -> Tensor:
        w = self.normalise(z)
        for layer in self.layers:
            w = GAIN * layer(w)
        if self.training:
            self.mean.lerp_(w.detach().float().mean(0), 1 - self.momentum)
        return w


class Synthesis(nn.Module):
    """A learned constant of 4×4, and two styled convolutions and one to the image for every doubling.

    Args:
        recompute: see ``StyleGenerator``.

    Attributes:
        num_styles: S, how many w one image takes: the first at 4×4, two at every further size, and the last one's.

    Shapes:
        w of B×S×``style_dim`` → B×C×H×W, without bounds.
    """

    def __init__(self, shape: Sequence[int], widths: Sequence[int], style_dim: int, recompute: bool = False) -> None:
        super().__init__()
        sizes = [4 * 2**i for i in range(len(widths))]
        self.constant = nn.Parameter(torch.randn(1, widths[0], 4, 4))
        self.start = StyledConv(widths[0], widths[0], style_dim, 4)
        self.doubling = nn.ModuleList(
            StyledConv(c_in, c_out, style_dim, size, up=True)
            for size, (c_in, c_out) in zip(sizes[1:], pairwise(widths), strict=True)
        )
        self.keeping = nn.ModuleList(
            StyledConv(width, width, style_dim, size) for size, width in zip(sizes[1:], widths[1:], strict=True)
        )
        self.to_image = nn.ModuleList(ToImage(width, shape[0], style_dim) for width in widths)
        self.num_styles, self.recompute = 2 * len(widths), recompute

    def forward(self, w: Tensor) -> Tensor:
        x = self.start(self.constant.expand(len(w), -1, -1, -1), w[:, 0])
        image = self.to_image[0](x, w[:, 1], None)
        again = self.recompute and torch.is_grad_enabled()
        for i in range(len(self.doubling)):
            stage = (i, x, image, w)
            x, image = checkpoint(self._doubled, *stage, use_reentrant=False) if again else self._doubled(*stage)
        return image

    def _doubled(self, i: int, x: Tensor, image: Tensor, w: Tensor) -> tuple[Tensor, Tensor]:
        """The i-th doubling of what there is of layers and image."""
        x = self.keeping[i](self.doubling[i](x, w[:, 2 * i + 1]), w[:, 2 * i + 2])
        return x, self.to_image[i + 1](x, w[:, 2 * i + 3], image)


class StyleGenerator(Generator):
    """Mapping and synthesis.

    Args:
        shape: ``[C, H, W]``, square, with a side of four times a power of two.
        latent_dim: of z.
        style_dim: of w.
        widths: channels at 4×4, 8×8, … pixels.
        num_classes: see ``Generator``.
        depth: layers of the mapping.
        truncation: ψ: w is moved to ψ w + (1 − ψ) E[w] (StyleGAN, B); 1 for none. In training there is none.
        recompute: keep of every size its input alone, and compute the rest again for the gradient: six tenths of
            the memory at 1024 pixels for half again the time.
        weights: file with its state dict; published ones are written by ``networks.gans.published``.

    Shapes:
        z of B×D → B×C×H×W in [0, 1] but for what overshoots.

    Raises:
        InputError: another size of image, not as many widths as sizes, a number out of its range, or weights of another
            network.
    """

    reads_files = ("weights",)  #: left out when a checkpoint is built again: its own weights count

    def __init__(
        self,
        shape: Sequence[int],
        latent_dim: int = 512,
        style_dim: int = 512,
        widths: Sequence[int] = (512, 512, 512, 512, 256),
        num_classes: int | None = None,
        depth: int = 8,
        truncation: float = 1.0,
        recompute: bool = False,
        weights: str | None = None,
    ) -> None:
        super().__init__(shape, latent_dim, num_classes)
        InputError.collect(
            each(whole, 1, widths=widths)
            + whole(1, style_dim=style_dim, depth=depth)
            + within(0, 1, truncation=truncation)
        )
        check_widths(shape, widths)
        self.mapping = Mapping(self.dim, style_dim, depth)
        self.synthesis = Synthesis(shape, widths, style_dim, recompute)
        self.style_dim, self.truncation = style_dim, truncation
        if weights is not None:
            load_weights(self, weights, "StyleGenerator")

    @property
    def num_styles(self) -> int:
        """S of ``Synthesis``."""
        return self.synthesis.num_styles

    def style(self, z: Tensor) -> Tensor:
        """w of z of B×D, truncated outside of training; B×``style_dim``."""
        w = self.mapping(z)
        return w if self.training or self.truncation == 1 else torch.lerp(self.mapping.mean, w, self.truncation)

    def image(self, w: Tensor) -> Tensor:
        """x of one w an image, B×``style_dim``, or of one for every layer, B×S×``style_dim``."""
        each_layer = w[:, None].expand(-1, self.num_styles, -1) if w.ndim == 2 else w
        return (self.synthesis(each_layer) + 1) / 2

    def forward(self, z: Tensor) -> Tensor:
        return self.image(self.style(z))


class InW(nn.Module):
    """w as coordinates: the generator behind its mapping, which is where search is straighter (StyleGAN, 4.2).

    Args:
        generator: whose w these are.
        plus: one w for every layer (W+): further from what the generator was trained on, and nearer to any image.

    Attributes:
        shape, dim: of x and of the coordinates; S·``style_dim`` in W+.

    Shapes:
        B×``dim`` → B×C×H×W.
    """

    def __init__(self, generator: StyleGenerator, plus: bool = False) -> None:
        super().__init__()
        self.generator, self.plus, self.shape = generator, plus, generator.shape
        self.dim = generator.style_dim * (generator.num_styles if plus else 1)

    def draw(self, n: int, y: Tensor | None = None, generator: torch.Generator | None = None) -> Tensor:
        """n w of the generator's z, n×``dim``; on its device."""
        z = self.generator.draw(n, y, generator).to(self.generator.mapping.mean)
        w = self.generator.style(z)
        return w.repeat(1, self.generator.num_styles) if self.plus else w

    def forward(self, w: Tensor) -> Tensor:
        return self.generator.image(w.unflatten(1, (-1, self.generator.style_dim)) if self.plus else w)


class StyleDiscriminator(nn.Module):
    """Residual blocks that halve height and width, the batch's deviation, and two linear layers (Fig. 7c).

    Args:
        shape, widths, num_classes: as of the generator.

    Shapes:
        x of B×C×H×W in [0, 1], y of B int64 where it is conditional → B logits, positive where x seems real.
    """

    def __init__(
        self, shape: Sequence[int], widths: Sequence[int] = (512, 512, 512, 512, 256), num_classes: int | None = None
    ) -> None:
        super().__init__()
        check_widths(shape, widths)
        self.shape = tuple(shape)
        self.from_image = nn.Sequential(EqualConv2d(shape[0], widths[-1], 1, GAIN), nn.LeakyReLU(0.2))
        self.blocks = nn.ModuleList(_Halving(c_in, c_out) for c_in, c_out in pairwise(reversed(widths)))
        self.end = nn.Sequential(
            MinibatchDeviation(),
            EqualConv2d(widths[0] + 1, widths[0], gain=GAIN),
            nn.LeakyReLU(0.2),
            nn.Flatten(),
            EqualLinear(16 * widths[0], widths[0], gain=GAIN),
            nn.LeakyReLU(0.2),
        )
        self.critic = Critic(widths[0], num_classes, EqualLinear)

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        h = self.from_image(2 * x - 1)
        for block in self.blocks:
            h = block(h)
        return self.critic(self.end(h), y)


class _Halving(nn.Module):
    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.first, self.second = EqualConv2d(c_in, c_in, gain=GAIN), EqualConv2d(c_in, c_out, gain=GAIN)
        self.skip = EqualConv2d(c_in, c_out, 1)

    def forward(self, x: Tensor) -> Tensor:
        h = F.leaky_relu(self.second(halved(F.leaky_relu(self.first(x), 0.2))), 0.2)
        return (self.skip(halved(x)) + h) / sqrt(2)


def low_pass(x: Tensor, gain: float = 1.0, padding: tuple[int, int] = (1, 2), stride: int = 1) -> Tensor:
    """x of B×C×H×W filtered along both axes by (1, 3, 3, 1)/8, ``gain`` times, padded before and after."""
    taps = torch.tensor(FILTER, dtype=x.dtype, device=x.device)
    kernel = gain * torch.outer(taps, taps) / taps.sum() ** 2
    padded = F.pad(x, (*padding, *padding))
    return F.conv2d(padded, kernel.expand(x.shape[1], 1, 4, 4), stride=stride, groups=x.shape[1])


def upsampled(x: Tensor) -> Tensor:
    """Height and width doubled: zeros between the pixels, then the filter."""
    b, c, height, width = x.shape
    sparse = x.new_zeros(b, c, height, 2, width, 2)
    sparse[:, :, :, 0, :, 0] = x
    return low_pass(sparse.view(b, c, 2 * height, 2 * width), gain=4.0, padding=(2, 1))


def halved(x: Tensor) -> Tensor:
    """Height and width halved: the filter, then every other pixel."""
    return low_pass(x, padding=(1, 1), stride=2)
