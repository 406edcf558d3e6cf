from datamodules import Digits
from datamodules.order import Order, Shuffled


def test_what_has_been_seen_is_left_out_of_its_epoch_alone() -> None:
    """Nine samples on each of two ranks have been seen; the rest is dealt out to three, every sample once."""
    orders = [Order(range(102), 2, rank, seed=3) for rank in range(2)]
    for order in orders:
        order.set_epoch(4)
    seen = {i for order in orders for i in list(order)[:9]}
    rest: list[int] = []
    for rank in range(3):
        order = Order(range(102), 3, rank, seed=3)
        order.left_out = (4, 6)
        order.set_epoch(4)
        rest += list(order)
        order.set_epoch(5)
        assert len(list(order)) == 34
    assert len(seen) == 18 and seen.isdisjoint(rest) and seen | set(rest) == set(range(102))


def test_a_loader_goes_on_at_its_batch_without_loading_those_before(monkeypatch) -> None:
    data = Digits(batch_size=64)
    data.setup()
    whole = [batch["index"].tolist() for batch in data.train_dataloader()]
    loaded: list[list[int]] = []
    split = data.split("train")
    original = type(split).__getitems__
    monkeypatch.setattr(type(split), "__getitems__", lambda self, p: loaded.append(list(p)) or original(self, p))
    loader = data.train_dataloader()
    assert isinstance(loader, Shuffled) and loader.state_dict() == {"samples": 1078, "at_once": 64}
    loader.load_state_dict({"epoch": 0, "batches": 13})
    assert [batch["index"].tolist() for batch in loader] == whole[13:] == loaded and len(whole) == 16
