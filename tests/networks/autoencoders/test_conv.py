import pytest
import torch
from torch import nn

from networks import InputError
from networks.autoencoders import ConvDecoder, ConvEncoder


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 28, 28), (3, 64, 64), (3, 5, 7), (1, 1, 9)])
def test_every_size_comes_back_with_values_in_0_1(shape: tuple[int, ...]) -> None:
    encoder, decoder = ConvEncoder(shape, [4, 8], 3), ConvDecoder(shape, [4, 8], 3)
    z = encoder(torch.rand(2, *shape))
    x = decoder(100 * z)
    assert z.shape == (2, 3) and x.shape == (2, *shape)
    assert x.min() >= 0 and x.max() <= 1


def test_without_an_activation_the_decoder_is_unbounded_and_otherwise_the_same() -> None:
    plain, bounded = ConvDecoder((1, 8, 8), [4], 3, nn.Identity()), ConvDecoder((1, 8, 8), [4], 3)
    plain.load_state_dict(bounded.state_dict())
    z = 10 * torch.randn(4, 3)
    assert plain(z).min() < 0 and torch.equal(plain(z).sigmoid(), bounded(z))


def test_a_code_depends_on_its_image_alone() -> None:
    encoder, decoder = ConvEncoder((1, 8, 8), [4, 8], 3), ConvDecoder((1, 8, 8), [4, 8], 3)
    x = torch.rand(5, 1, 8, 8)
    assert torch.allclose(encoder(x)[3], encoder(x[3:4])[0], atol=1e-6)
    assert torch.allclose(decoder(encoder(x))[3], decoder(encoder(x[3:4]))[0], atol=1e-6)


@pytest.mark.parametrize("half", [ConvEncoder, ConvDecoder])
def test_what_it_cannot_work_on_is_named(half: type[ConvEncoder] | type[ConvDecoder]) -> None:
    with pytest.raises(InputError, match=r"not samples of shape \(3,\): use networks.VectorAutoencoder"):
        half([3], [4], 2)
    with pytest.raises(InputError, match="at least one stage"):
        half([1, 8, 8], [], 2)
