"""Every shipped config on a GPU that is pretended, and what that GPU refuses."""

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import optimizer
from torch.utils import _foreach_utils

from benchmarks import gpu as benchmark
from benchmarks.speed import engine_speed
from callbacks import Reconstructions, Report, StoredProbabilities
from callbacks.training import stored_probabilities
from counterfactuals import Ascent, Diverse, FeatureL2, PixelChart, RunnerUp
from datamodules import Digits
from lightning_modules import CounterfactualModule, from_data
from metrics import localisation
from networks import CNN, MLP
from tests.lightning_modules import test_hierarchical_vae as vaex
from tests.programs.test_configs import ALL, run_group
from tests.support.collect import Collect
from tests.support.pretend_gpu import CUDA, CudaTensor, pretend_gpu

ON_GPU = ("--trainer.accelerator=gpu", "--trainer.devices=1")


@pytest.fixture
def gpu() -> Iterator[None]:
    with pretend_gpu():
        yield


@pytest.mark.parametrize("names", ALL.values(), ids=ALL)
def test_runs(names: list[str], gpu: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(from_data.WIDTHS, "cuda", [4, 4])
    # What has left the device for good is tested without it; it would take a fifth of the time.
    monkeypatch.setattr(Report, "on_predict_end", lambda *args: None)
    monkeypatch.setattr(localisation, "REPEATS", 1)
    run_group(names, tmp_path, *ON_GPU, "--trainer.precision=32-true")


def test_a_classifier_comes_along_whose_answers_are_cached(
    gpu: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As for the second training with it, and for every rank but the first."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(stored_probabilities, "fingerprint", lambda network: "")  # a pretended tensor has its own class
    network = vaex.classifier()
    for judge in (copy.deepcopy(network), network):
        settings = {"max_epochs": 1, "limit_train_batches": 1, "limit_val_batches": 1, "default_root_dir": tmp_path}
        fit = vaex.trainer(StoredProbabilities(judge), Reconstructions(4), accelerator="gpu", devices=1, **settings)
        fit.fit(vaex.module(), datamodule=Digits())


def test_autocast_trains_a_flow_that_recomputes(gpu: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run_group(["image_folder/glow_64.yaml"], tmp_path, *ON_GPU, "--trainer.precision=bf16-mixed")


def test_networks_that_methods_hold_come_along(gpu: None) -> None:
    """No config ships one; Lightning moves what is a module's attribute, and these are not."""
    features, other = CNN([1, 8, 8], 10, widths=[4]), CNN([1, 8, 8], 10, widths=[4])
    module = CounterfactualModule(
        MLP([1, 8, 8], 10),
        PixelChart([1, 8, 8]),
        RunnerUp(),
        method=Diverse(Ascent(0.02, 2, distance=FeatureL2(features)), members=2),
        others={"liu": Diverse(Ascent(0.02, 2, distance=FeatureL2(other)), members=2)},
    )
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    collect = Collect()
    trainer = pl.Trainer(accelerator="gpu", devices=1, inference_mode=False, callbacks=[collect], **quiet)
    trainer.predict(module, datamodule=Digits(predict_limit=4))
    assert {name: len(e.index) for name, e in collect.results().items()} == {"": 8, "liu": 8}


def test_the_benchmark_runs(gpu: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its parts that differ by device; the demo runs above, and torch exports programs on the CPU."""
    for module in (benchmark, engine_speed):
        monkeypatch.setattr(module, "DEVICE", CUDA)
    monkeypatch.setattr(benchmark, "PRECISIONS", ("float32", "tf32", "bf16"))
    for name, answer in (("mem_get_info", (0, 2**30)), ("max_memory_allocated", 0), ("reset_peak_memory_stats", None)):
        monkeypatch.setattr(torch.cuda, name, lambda *device, answer=answer: answer)
    parts = ["machine", "charts", "glow_64"]
    with pytest.raises(SystemExit) as end:
        benchmark.main(["--tiny", "--parts", *parts, "--out", str(tmp_path / "gpu.json")])
    assert end.value.code == 0, (tmp_path / "gpu.json").read_text()
    assert len(json.loads((tmp_path / "gpu.json").read_text())["charts"]["rows"]) == 12


def mixes() -> dict[str, Callable[[Tensor, Tensor], object]]:
    """By name what a device tensor x and a CPU tensor y, both 4×4, are done to."""
    return {
        "add": lambda x, y: x + y,
        "add in place": lambda x, y: x.add_(y),
        "to the CPU in place": lambda x, y: y.add_(x),
        "a number of the CPU in place": lambda x, y: torch.tensor(1.0).add_(x[0, 0]),
        "where": lambda x, y: torch.where(x > 0, x, y),
        "matmul": lambda x, y: x @ y,
        "linear": F.linear,
        "conv": lambda x, y: F.conv2d(x[None, None], y[None, None]),
        "cat": lambda x, y: torch.cat([x, y]),
        "cat a number": lambda x, y: torch.stack([x[0, 0], torch.tensor(1.0)]),
        "gather": lambda x, y: x.gather(1, y.long()),
        "embedding": lambda x, y: F.embedding(y.long(), x),
        "index the CPU's": lambda x, y: y[x > 0],
        "put": lambda x, y: x.index_put_((x > -9,), y.flatten()),
        "masked_fill": lambda x, y: x.masked_fill(y > 0, 1.0),
        "lerp": lambda x, y: torch.lerp(x, x, y),
        "loss": F.mse_loss,
        "solve": torch.linalg.solve,
        "foreach": lambda x, y: torch._foreach_add([x], [y]),
        "vmap": lambda x, y: torch.func.vmap(lambda row: row @ y)(x),
    }


@pytest.mark.parametrize("mix", mixes().values(), ids=mixes())
def test_refuses_tensors_of_both_devices(mix: Callable[[Tensor, Tensor], object], gpu: None) -> None:
    with pytest.raises(RuntimeError, match="Expected all tensors to be on the same device"):
        mix(torch.randn(4, 4, device="cuda"), torch.randn(4, 4))


def test_takes_numbers_and_indices_from_the_cpu(gpu: None) -> None:
    x, one = torch.randn(4, 4, device="cuda"), torch.tensor(1.0)
    rows = torch.tensor([2, 0])
    assert torch.equal((x + one).cpu(), x.cpu() + 1) and (one * x).device == CUDA
    assert torch.equal(x[rows].cpu(), x.cpu()[rows])
    x[x > 0] = one
    x.masked_fill_(x < 0, -one)
    x[0] = torch.zeros(4)  # a copy
    assert x.cpu()[0].tolist() == [0] * 4 and x.max().item() == 1


def test_generators_belong_to_a_device(gpu: None) -> None:
    of_cpu, of_cuda = torch.Generator(), torch.Generator("cuda")
    assert (of_cpu.device.type, of_cuda.device) == ("cpu", CUDA)
    with pytest.raises(RuntimeError, match="Expected a 'cuda' device type for generator but found 'cpu'"):
        torch.randn(2, device="cuda", generator=of_cpu)
    with pytest.raises(RuntimeError, match="Expected a 'cpu' device type for generator but found 'cuda'"):
        torch.randperm(2, generator=of_cuda)
    with pytest.raises(RuntimeError, match="generator"):
        torch.empty(2, device="cuda").normal_(generator=of_cpu)
    first, again = (torch.randn(2, device="cuda", generator=of_cuda.manual_seed(3)) for _ in range(2))
    assert first.device == CUDA and first.tolist() == again.tolist()


def test_tensors_are_where_they_are_made(gpu: None) -> None:
    x = torch.tensor([[1.0, 2.0]], device="cuda")
    made = [
        *(torch.zeros(2, device=device) for device in ("cuda", "cuda:0", torch.device("cuda"), x.device)),
        *(torch.zeros_like(x), x.new_zeros(2), x.new_tensor([1]), torch.ones(1, 2).to(x), x.cpu().cuda()),
        *(F.one_hot(torch.arange(2, device="cuda")), torch.nn.Parameter(x), torch.as_tensor([1], device="cuda")),
    ]
    assert all(t.device == CUDA and t.is_cuda and not t.is_meta for t in made)
    for t in (torch.zeros(2), torch.zeros_like(x, device="cpu"), x.cpu(), x.to("cpu"), x.to(torch.ones(1))):
        assert type(t) is Tensor and t.device.type == "cpu"
    assert x.to("cuda") is x and x.to(device=CUDA) is x and x.cuda() is x
    assert torch.func.vmap(lambda row: row.new_zeros(1) if row.device == CUDA else row)(x).shape == (1, 1)


def test_values_come_back_by_way_of_the_cpu(gpu: None) -> None:
    x = torch.tensor([1.0, 2.0], device="cuda")
    for ask in (x.numpy, x.__array__):
        with pytest.raises(TypeError, match="can't convert cuda:0 device type tensor to numpy"):
            ask()
    assert x.cpu().numpy().tolist() == x.tolist() == [1, 2]
    assert x[1].item() == 2 and bool(x[0] == 1) and f"{x[1]:.1f}" == "2.0"


class Holder(nn.Module):
    """x + what a module should have registered."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.forgotten = nn.Linear(2, 2), torch.ones(2)
        self.register_buffer("kept", torch.ones(2))

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x) + self.kept + self.forgotten


def test_modules_move_what_they_have_registered(gpu: None) -> None:
    module = Holder()
    weight = module.layer.weight
    module.to("cuda")
    assert module.kept.is_cuda and module.layer.weight is weight and weight.is_cuda and weight.requires_grad
    assert not module.forgotten.is_cuda
    with pytest.raises(RuntimeError, match="same device"):
        module(torch.ones(1, 2, device="cuda"))
    module.double().cpu()
    assert type(weight) is nn.Parameter and weight.dtype == torch.float64 and module(torch.ones(1, 2).double()).sum()


@pytest.mark.parametrize("make", [torch.optim.Adam, torch.optim.SGD])
def test_learns_what_the_cpu_learns(make: Callable[..., torch.optim.Optimizer], gpu: None) -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(18, 1))
    twin, x = copy.deepcopy(net).to("cuda"), torch.randn(3, 1, 5, 5)
    for network, batch in ((net, x), (twin, x.cuda())):
        chosen = make(network.parameters(), lr=0.1)
        for _ in range(2):
            chosen.zero_grad()
            network(batch).square().sum().backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            chosen.step()
    assert all(p.grad.device == CUDA for p in twin.parameters())
    for ours, theirs in zip(twin.cpu().state_dict().values(), net.state_dict().values(), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_differentiates_forwards_and_per_sample(gpu: None) -> None:
    conv, x = nn.Conv2d(1, 2, 3), torch.randn(3, 1, 5, 5)
    there = copy.deepcopy(conv).to("cuda")
    torch.testing.assert_close(
        torch.func.jvp(there, (x.cuda(),), (x.cuda(),))[1].cpu(), torch.func.jvp(conv, (x,), (x,))[1]
    )
    of_rows = torch.func.vmap(torch.func.jacrev(lambda row: there(row[None])[0]))(x.cuda())
    torch.testing.assert_close(of_rows.cpu(), torch.func.vmap(torch.func.jacrev(lambda row: conv(row[None])[0]))(x))


def test_copies_and_files(gpu: None, tmp_path: Path) -> None:
    net = nn.Linear(2, 1).to("cuda")
    twin = copy.deepcopy(net)
    assert isinstance(twin.weight, nn.Parameter) and type(twin.weight) is CudaTensor
    assert twin.weight is not net.weight and torch.equal(twin.weight, net.weight)
    torch.save(net.state_dict(), tmp_path / "net.pt")
    state = torch.load(tmp_path / "net.pt", map_location="cpu")
    assert all(type(t) is Tensor and t.device.type == "cpu" for t in state.values())
    nn.init.zeros_(twin.weight)
    twin.load_state_dict(state)
    assert twin.weight.is_cuda and torch.equal(twin.weight, net.weight)


def test_autocast(gpu: None) -> None:
    net, x = nn.Sequential(nn.Linear(2, 2), nn.Softmax(1)).to("cuda"), torch.ones(1, 2, device="cuda")
    with torch.autocast("cuda", torch.bfloat16):
        assert (net[0](x).dtype, (x @ x.mT).dtype, net(x).dtype) == (torch.bfloat16, torch.bfloat16, torch.float32)
        assert (torch.ones(1, 2) @ torch.ones(2, 1)).dtype == torch.float32  # it is the device's autocast
        with torch.autocast("cuda", enabled=False):
            assert net[0](x).dtype == torch.float32
    net(x).sum().backward()
    assert net[0](x).dtype == net[0].weight.grad.dtype == torch.float32


def test_changes_in_place(gpu: None) -> None:
    x = torch.arange(6.0, device="cuda").view(2, 3)
    row, square = x[1].unsqueeze_(0), torch.eye(2, device="cuda")
    row.add_(1)
    square[0, 1] = 2
    square.t_()
    assert row.shape == (1, 3) and x.tolist() == [[0, 1, 2], [4, 5, 6]] and (square @ x).tolist()[1] == [4, 7, 10]
    x.data = square
    assert x.add(1).tolist() == [[2, 1], [3, 2]]


def state_of_torch() -> list[object]:
    places = (torch, torch.cuda, torch.accelerator, torch.utils, torch.__future__, torch.autocast, nn.Module, Tensor)
    foreach = (optimizer._foreach_supported_types, _foreach_utils._foreach_supported_types)
    mode = torch._C._get_dispatch_mode(torch._C._TorchDispatchModeKey.FAKE)
    return [*(dict(vars(p)) for p in places), *map(list, foreach), mode, torch._C._only_lift_cpu_tensors()]


def test_leaves_torch_as_it_was() -> None:
    def use() -> None:
        with pretend_gpu():
            nn.Linear(2, 2).to("cuda")(torch.ones(1, 2, device="cuda")).sum().backward()
            assert torch.cuda.is_available()
            raise ZeroDivisionError

    for _ in range(2):  # the first may import parts of torch
        before = state_of_torch()
        with pytest.raises(ZeroDivisionError):
            use()
    assert state_of_torch() == before
    assert torch.ones(1).device.type == "cpu" and torch.empty(1, device="meta").is_meta
    assert type(torch.Generator()) is torch.Generator and type(torch.tensor([1.0]).to("cpu")) is Tensor
