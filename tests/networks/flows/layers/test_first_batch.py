import torch
from torch import Tensor, nn

from networks.flows.layers.first_batch import FirstBatch, sum_over_ranks


class Counter(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first_batch, self.seen = FirstBatch(), []

    def forward(self, x: Tensor) -> None:
        self.first_batch(self.seen.append, x)


def test_the_first_batch_in_training_alone() -> None:
    counter, x = Counter(), torch.ones(2, requires_grad=True)
    counter.eval()(x)
    assert counter.seen == []
    counter.train()(x)
    counter(x)
    assert len(counter.seen) == 1 and not counter.seen[0].requires_grad


def test_it_is_part_of_the_state() -> None:
    counter, other = Counter(), Counter()
    counter(torch.ones(2))
    other.load_state_dict(counter.state_dict())
    other(torch.ones(2))
    assert other.seen == []
    counter.load_state_dict(Counter().state_dict())  # back to the start
    counter(torch.ones(2))
    assert len(counter.seen) == 2


def test_one_process_sums_itself() -> None:
    assert sum_over_ranks(torch.tensor([1.0, 2.0])).tolist() == [1.0, 2.0]
