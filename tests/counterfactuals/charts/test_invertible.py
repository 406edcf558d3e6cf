import torch

from counterfactuals import InvertibleChart
from networks import GaussianMixture, InvertibleClassifier, VectorRealNVP


def test_it_is_the_classifiers_latent_space_with_the_classes_own_density() -> None:
    torch.manual_seed(0)
    flow = VectorRealNVP([1, 4, 4], 3, [16])
    for p in flow.parameters():
        p.data += 0.05 * torch.randn_like(p)
    classifier = InvertibleClassifier(flow.eval(), lambda dim: GaussianMixture(dim, 2, 6.0)).requires_grad_(False)
    chart, x = InvertibleChart(classifier), torch.rand(5, 1, 4, 4)
    z, log_prob = chart.encode_with_log_prob(x)
    assert chart.exact and torch.equal(z, chart.encode(x))
    assert torch.allclose(chart.decode(z), x, atol=1e-5)
    assert torch.allclose(log_prob, classifier.classified(x).log_prob)
    drawn = chart.draw(200, torch.Generator().manual_seed(0))
    said = classifier.head(drawn).argmax(1)
    assert (said == torch.arange(200) % 2).float().mean() > 0.98, "drawn from the classes in turn"
