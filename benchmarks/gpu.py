"""One prepared run on a machine with a GPU: what works there, how fast, and how exactly. Eight minutes at most.

    python -m benchmarks.gpu --out gpu.json

- ``machine``: card, versions, and what a large product reaches in float32, TF32 and bfloat16.
- ``gans``: a search step of StyleGAN2 at 1024×1024 behind a reduction to 64×64, by slots, beside one that keeps the
  weights' gradients, too; a training step of StyleGAN2 at 64×64.
- ``charts``: a training step and ten search steps of Glow (K = 32, L = 4), continuous flow, VAE and VAEX at 64×64×3.
- ``numerics``: round trips in float32, TF32 and bfloat16, a row alone against the same row in a batch, and the
  gradients of Glow under bf16-mixed, with and without activations rebuilt through the inverse, against float32's.
- ``engine``: the search against the one-image loop of the reference system.
- ``glow_64``: configs/image_folder/glow_64.yaml by train.py, in 32-true and bf16-mixed, in a process group of one rank.
- ``strangers``: an exported program with constants and a method that holds a network.
- ``demo``: the commands of ``make demo`` in this process, with their seconds and the results.

The JSON holds every number and, of a part that failed, its traceback; a table for docs/results/gpu.md is printed last.
Without a GPU everything runs on the CPU: take ``--tiny`` then.

On a bare machine (Python 3.12; torch, torchvision, pytorch-lightning, torchmetrics, timm and the scientific stack are
there; nothing can be downloaded) the rest travels as wheels. Where pip works, with WANTED the names and versions that
are missing there:

    python3 -m pip download --no-deps --only-binary=:all: --python-version 3.12 --implementation cp \\
      --platform manylinux_2_28_x86_64 --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64 -d .whl WANTED
    python3 -m pip wheel --no-deps -w .whl FrEIA==0.2    # published as source alone

and there, from the project's root:

    python3 -m pip install -q --no-index --no-deps --target /tmp/site .whl/*.whl
    PYTHONPATH=/tmp/site:$PWD python3 -m benchmarks.gpu --out gpu.json

WANTED is, as a rule, jsonargparse, docstring-parser, typeshed-client, torchdiffeq, wandb, and of wandb's needs those
that ``python3 -m pip show`` does not know there. The project itself need not be installed.
"""

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from functools import partial
from importlib import metadata
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.distributed as dist
from PIL import Image
from torch import Tensor, nn

import explain
import train
from benchmarks.speed import engine_speed
from counterfactuals import (
    Adam,
    Ascent,
    AutoencoderChart,
    Chart,
    FeatureL2,
    FlowChart,
    GeneratorChart,
    HierarchicalChart,
    Momentum,
    PixelChart,
    ReachClass,
)
from counterfactuals import explain as explain_one
from counterfactuals.engine import Problem, run
from counterfactuals.freeze import frozen
from counterfactuals.methods.ascent import RowOptimizer
from lightning_modules import FlowMatchingModule, GANModule
from metrics import bits_per_dim
from networks import (
    CNN,
    Adapter,
    ContinuousFlow,
    ConvNet,
    ConvVAE,
    Exported,
    Gaussian,
    Glow,
    HierarchicalVAE,
    NonSaturating,
    StyleDiscriminator,
    StyleGenerator,
    VelocityUNet,
)
from networks.flows import dequantize
from networks.precision import exact, with_tf32

ROOT = Path(__file__).parents[1]
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
PRECISIONS = ("float32", "tf32", "bf16") if DEVICE.type == "cuda" else ("float32", "bf16")
Rows = Iterator[dict[str, Any]]


class Size(NamedTuple):
    """How large everything is.

    Attributes:
        side: of the images, in pixels.
        glow: K and the width of its sub-networks.
        widths: of the U-Net, and of the autoencoders' stages.
        batch: of a training step.
        slots: searches in a step.
        steps: of a search.
        repeats: of what is timed.
    """

    side: int = 64
    glow: tuple[int, int] = (32, 512)
    widths: tuple[int, ...] = (128, 256, 256)
    batch: int = 16
    slots: int = 64
    steps: int = 10
    repeats: int = 3


TINY = Size(16, (1, 8), (8, 8), 2, 3, 2, 1)


class Candidate(NamedTuple):
    """A chart, and how the model behind it is trained: x → loss."""

    model: nn.Module
    chart: Chart
    loss: Callable[[Tensor], Tensor]


def synchronize() -> None:
    if DEVICE.type == "cuda":
        torch.cuda.synchronize()


def median_seconds(function: Callable[[], Any], repeats: int) -> float:
    """After one call to warm up."""
    times = []
    for _ in range(repeats + 1):
        synchronize()
        start = time.perf_counter()
        function()
        synchronize()
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


def images(n: int, size: Size) -> Tensor:
    """Blurred noise in [0, 1], n×3×side×side."""
    coarse = torch.rand(n, 3, size.side // 4, size.side // 4, generator=torch.Generator().manual_seed(n))
    return nn.functional.interpolate(coarse, size=(size.side, size.side), mode="bilinear").to(DEVICE)


def classifier(size: Size) -> nn.Module:
    torch.manual_seed(0)
    return CNN([3, size.side, size.side], 2, widths=[32, 64, 128, 256][: len(size.widths) + 1]).eval().to(DEVICE)


def glow(size: Size, affine: bool = False) -> Glow:
    """The paper's for CelebA and Mall, its ActNorm set; affine with a quarter of the steps."""
    torch.manual_seed(0)
    steps, width = size.glow[0] // (4 if affine else 1) or 1, size.glow[1]
    flow = Glow([3, size.side, size.side], steps, 4, partial(ConvNet, width=width), affine=affine, n_bits=5)
    awake(flow.to(DEVICE))
    with torch.no_grad():
        flow.train()(dequantize(images(size.batch, size), 256, None, 5))
    return flow


def awake(model: nn.Module) -> None:
    """Layers that start at zero make couplings and velocities that do nothing: give them small weights."""
    for parameter in model.parameters():
        if parameter.dim() > 1 and not parameter.any():
            nn.init.normal_(parameter, std=3e-3)


def glow_loss(flow: Glow, x: Tensor) -> Tensor:
    """Bits per dimension, of dequantised x."""
    return bits_per_dim(flow.log_prob(x), flow.dim, 256, 5).mean()


def candidates(size: Size, predictor: nn.Module) -> dict[str, Callable[[], Candidate]]:
    shape = [3, size.side, size.side]

    def of_glow() -> Candidate:
        flow = glow(size)
        return Candidate(flow, FlowChart(flow), lambda x: glow_loss(flow, dequantize(x, 256, None, 5)))

    def of_continuous_flow() -> Candidate:
        flow = ContinuousFlow(VelocityUNet(shape, size.widths)).to(DEVICE)
        awake(flow)
        module = FlowMatchingModule(flow).to(DEVICE)
        return Candidate(flow, FlowChart(flow), lambda x: module(x).mean())

    def of_vae() -> Candidate:
        vae = ConvVAE(shape, [32, 64, *size.widths], latent_dim=128, features=512, likelihood=Gaussian()).to(DEVICE)

        return Candidate(vae, AutoencoderChart(vae), lambda x: -vae.elbo_terms(x).elbo.mean())

    def of_vaex() -> Candidate:
        vae = HierarchicalVAE(shape, 2, [32, 48, 64, 96], [1, 4, 16, 64], patch=2).to(DEVICE)
        chart = HierarchicalChart(vae)
        chart.explaining(predictor)

        return Candidate(vae, chart, lambda x: -vae.elbo_terms(x, x.new_zeros(len(x), 1)).elbo.mean())

    return {"Glow": of_glow, "ContinuousFlow": of_continuous_flow, "ConvVAE": of_vae, "VAEX": of_vaex}


def machine(size: Size) -> Rows:
    n = 512 if size == TINY else 8192
    a = torch.randn(n, n, device=DEVICE)
    with exact(DEVICE):
        row = {"product_float32_tflops": 2 * n**3 / median_seconds(lambda: a @ a, 5) / 1e12}
    b = a.bfloat16()
    row["product_bf16_tflops"] = 2 * n**3 / median_seconds(lambda: b @ b, 5) / 1e12
    if DEVICE.type == "cuda":
        row |= {"card": torch.cuda.get_device_name(), "memory_gib": torch.cuda.mem_get_info()[1] / 2**30}
    packages = ("torch", "pytorch-lightning", "torchmetrics", "torchvision", "timm", "FrEIA", "jsonargparse", "wandb")
    yield {**row, "python": platform.python_version(), **{p: metadata.version(p) for p in packages}}


def charts(size: Size) -> Rows:
    predictor = classifier(size)
    for name, make in candidates(size, predictor).items():
        for precision in PRECISIONS:
            torch.manual_seed(0)
            candidate = make()
            row: dict[str, Any] = {"chart": name, "precision": precision, "batch": size.batch, "slots": size.slots}
            row["parameters"] = sum(p.numel() for p in candidate.model.parameters())
            row |= measured("train", lambda c=candidate, p=precision: train_step(c, size, p), size.repeats)
            candidate.model.eval()
            search = partial(searched, predictor, candidate.chart, images(size.slots, size), precision, size.steps)
            row |= measured("search", search, size.repeats)
            row["search_step_ms"] = row.pop("search_ms") / size.steps
            yield row


def measured(name: str, function: Callable[[], Any], repeats: int) -> dict[str, float]:
    if DEVICE.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    found = {f"{name}_ms": 1e3 * median_seconds(function, repeats)}
    if DEVICE.type == "cuda":
        found[f"{name}_peak_gib"] = torch.cuda.max_memory_allocated() / 2**30
    return found


def train_step(candidate: Candidate, size: Size, precision: str) -> float:
    candidate.model.train().zero_grad()
    optimizer = torch.optim.Adam(candidate.model.parameters(), lr=0.0)
    with exact(DEVICE) if precision == "float32" else nullcontext():
        with torch.autocast(DEVICE.type, torch.bfloat16, enabled=precision == "bf16"):
            loss = candidate.loss(images(size.batch, size))
        loss.backward()
    optimizer.step()
    return float(loss.detach())


def gans(size: Size) -> Rows:
    """Random weights of the published widths; the predictor sees 64×64 pixels, as in Dombrowski et al., IV.B."""
    side = 16 if size == TINY else 1024
    widths = [512, 512, 512, 512, 512, 256, 128, 64, 32][: (side // 4).bit_length()] if size != TINY else [8, 8, 8]
    torch.manual_seed(0)
    generator = StyleGenerator([3, side, side], widths=widths).eval().to(DEVICE)
    predictor = Adapter(classifier(size), size=size.side)
    weights = {"parameters": sum(p.numel() for p in generator.parameters()), "side": side}
    chart = GeneratorChart(generator, Somewhere())
    for slots in (1, 4, 16, 32)[: 1 if size == TINY else 4]:
        x = torch.rand(slots, 3, side, side, device=DEVICE)
        row: dict[str, Any] = {"slots": slots, **weights}
        row |= measured("search", partial(searched, predictor, chart, x, "float32", size.steps), size.repeats)
        row["search_step_ms"] = row.pop("search_ms") / size.steps
        z = generator.draw(slots).to(DEVICE)
        yield row | measured("keeping_all", partial(kept, predictor, generator, z), size.repeats)
    yield {"side": size.side, "batch": 64, **measured("train", gan_step(size), size.repeats)}


class Somewhere:
    """An inversion that looks at nothing: of random weights there is no z of x."""

    def encode(self, generator: nn.Module, x: Tensor) -> Tensor:
        return generator.draw(len(x), None, torch.Generator().manual_seed(0)).to(x)  # type: ignore[operator]


def kept(predictor: nn.Module, generator: nn.Module, z: Tensor) -> None:
    """One step as a plain loop takes it: every weight's gradient, too."""
    with exact(DEVICE):
        z = z.requires_grad_()
        predictor(generator(z).clamp(0, 1)).log_softmax(1)[:, 1].sum().backward()
    for part in (generator, predictor):
        part.zero_grad()


def gan_step(size: Size) -> Callable[[], None]:
    """Both losses of a step of ``GANModule`` without the penalty, and Adam."""
    widths = (8, 8, 8) if size == TINY else (256, 256, 256, 128, 64)
    shape = [3, size.side, size.side]
    module = GANModule(StyleGenerator(shape, widths=widths), StyleDiscriminator(shape, widths), NonSaturating(0.0))
    module.to(DEVICE).train()
    optimizer = torch.optim.Adam(module.parameters(), 0.0, betas=(0.0, 0.99))
    x = images(4 if size == TINY else 64, size)
    module.log = module.log_dict = lambda *args, **kwargs: None  # type: ignore[assignment]  # nobody trains it

    def step() -> None:
        optimizer.zero_grad()
        module.training_step({"x": x}, 0).backward()
        optimizer.step()

    return step


def searched(
    predictor: nn.Module,
    chart: Chart,
    x: Tensor,
    precision: str,
    steps: int,
    optimizer: RowOptimizer | None = None,
    slots: int | None = None,
) -> Tensor:
    """z′ after so many steps towards the other class, which nobody reaches."""
    problem = Problem(predictor, chart, ReachClass(1 - 1e-9))
    method = Ascent(5e-3, steps - 1, optimizer=optimizer, bf16=precision == "bf16", tf32=precision == "tf32")
    with frozen(predictor, chart), exact(DEVICE):
        target = 1 - predictor(x).argmax(1)
        finished = list(run(method, problem, x, target, slots or len(x)))
    order = torch.cat([f.rows for f in finished]).argsort()
    return torch.cat([f.counterfactuals.z_prime for f in finished])[order]


@torch.no_grad()
def numerics(size: Size) -> Rows:
    predictor, x = classifier(size), images(size.slots, size)
    for name, make in list(candidates(size, predictor).items())[:2]:
        chart = make().chart.eval()
        for precision in PRECISIONS:
            yield {"chart": name, "precision": precision, **round_trip(chart, x, precision)}
        for optimizer in (Adam(), Momentum()):
            both = (searched(predictor, chart, x[:8], "float32", size.steps, optimizer, slots) for slots in (1, 8))
            alone, together = both
            what = f"search by {type(optimizer).__name__} in 1 slot against 8"
            yield {"chart": name, "what": what, "max_z": float((alone - together).abs().max())}
    yield from gradients(size)


def round_trip(chart: Chart, x: Tensor, precision: str) -> dict[str, float]:
    """decode(encode(x)) − x, and a row decoded alone against the same in its batch."""

    def both() -> tuple[Tensor, Tensor, Tensor]:
        z = chart.encode(x)
        return z, chart.decode(z), chart.decode(z[:1])

    strict = exact(DEVICE) if precision == "float32" else nullcontext()
    with strict, torch.autocast(DEVICE.type, torch.bfloat16, enabled=precision == "bf16"):
        z, back, alone = both()
    error = (back - x).float()
    found = {"rms": error.square().mean().sqrt(), "max": error.abs().max(), "alone": (alone - back[:1]).abs().max()}
    return {name: float(value) for name, value in found.items()} | {"z_std": float(z.float().std())}


@torch.enable_grad()
def gradients(size: Size) -> Rows:
    """‖g − g₃₂‖ / ‖g₃₂‖ of Glow's loss, over all parameters."""
    for affine in (False, True):
        flow = glow(size, affine)
        x = dequantize(images(size.batch, size), 256, torch.Generator(DEVICE).manual_seed(0), 5)
        reference: Tensor | None = None
        for precision, recompute in product(PRECISIONS, (False, True)):
            for part in flow.modules():
                if hasattr(part, "recompute") and part is not flow.layers:
                    part.recompute = recompute
            flow.zero_grad()
            with with_tf32() if precision == "tf32" else exact(DEVICE):
                with torch.autocast(DEVICE.type, torch.bfloat16, enabled=precision == "bf16"):
                    loss = glow_loss(flow, x)
                loss.backward()
            g = torch.cat([p.grad.flatten() for p in flow.parameters() if p.grad is not None])
            reference = g if reference is None else reference
            error = float((g - reference).norm() / reference.norm())
            what = f"{'affine' if affine else 'additive'}{', recompute' if recompute else ''}"
            yield {"chart": "Glow", "what": f"gradients, {what}", "precision": precision, "relative": error}


def engine(size: Size) -> Rows:
    if size == TINY:  # the reference loop has one size, which is no tiny one
        yield {"skipped": "needs the paper's size: leave --tiny out"}
        return
    predictor, flow = engine_speed.models()
    x = torch.rand(size.slots, 3, 64, 64, device=DEVICE)
    engine_speed.loop(predictor, flow, x[:1], 1)
    one = median_seconds(lambda: engine_speed.loop(predictor, flow, x[:1], size.steps), 2) / size.steps
    yield {"what": "reference loop", "seconds_per_image_and_step": one}
    for name, bf16 in (("engine", False), ("engine, bf16 gradients", True)):
        many = (
            median_seconds(partial(engine_speed.engine, predictor, flow, x, size.steps, bf16), 2) / size.steps / len(x)
        )
        yield {"what": name, "slots": size.slots, "seconds_per_image_and_step": many, "ratio": one / many}


def glow_64(size: Size) -> Rows:
    pixels = (images(48, Size(batch=1)) * 255).byte().permute(0, 2, 3, 1).cpu().numpy()
    for i, image in enumerate(pixels):
        file = Path("images", str(i % 2), f"{i:03d}.png")
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.asarray(image)).save(file)
    for precision in ("32-true", "bf16-mixed"):
        start = time.perf_counter()
        train.main(
            [
                "fit",
                f"--config={ROOT / 'configs/image_folder/glow_64.yaml'}",
                "--data.root=images",
                f"--trainer.precision={precision}",
                f"--trainer.default_root_dir=runs/glow_64/{precision}",
                "--trainer.max_steps=6",
                "--trainer.max_epochs=-1",
                f"--data.batch_size={min(size.batch, 8)}",
                f"--model.init_args.flow.init_args.num_steps={min(size.glow[0], 8)}",
                f"--model.init_args.flow.init_args.subnet.init_args.width={size.glow[1]}",
                "--trainer.limit_val_batches=1",
                "--trainer.devices=1",
                *([] if size == TINY else ["--trainer.strategy=ddp"]),
                *quiet(size),
            ]
        )
        yield {"precision": precision, "seconds": time.perf_counter() - start}
    if dist.is_initialized():
        dist.destroy_process_group()


class WithConstants(nn.Module):
    """Logits that need tensors which nothing registers, and devices that an export writes into its program."""

    def __init__(self) -> None:
        super().__init__()
        self.linear, self.weight = nn.Linear(64, 3), torch.linspace(0, 1, 64)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x.flatten(1) * self.weight + torch.arange(64, device=x.device) / 64)


def strangers(size: Size) -> Rows:
    """What people bring: an exported program, and a method that holds a network; as from a notebook."""
    torch.manual_seed(0)
    own = WithConstants().eval()
    batch = {"x": {0: torch.export.Dim.AUTO}}
    torch.export.save(torch.export.export(own, (torch.rand(2, 1, 8, 8),), dynamic_shapes=batch), "program.pt2")
    x = torch.rand(8, 1, 8, 8)
    program, features = Exported("program.pt2").to(DEVICE), CNN([1, 8, 8], 3, widths=[4, 8]).to(DEVICE)
    chart = PixelChart([1, 8, 8])
    error = float((program(x.to(DEVICE)).cpu() - own(x)).abs().max().detach())
    target = ((own(x).argmax(1) + 1) % 3).to(DEVICE)
    method = Ascent(0.05, 200, None, distance=FeatureL2(features), distance_weight=1e-3)
    cf = explain_one(program, chart, x.to(DEVICE), target, method, ReachClass(0.5))
    yield {"exported_error": error, "flipped": int(cf.flipped.sum()), "of": len(x)}


def quiet(size: Size) -> list[str]:
    """Without bars; without W&B where it is only to be seen that all of it runs."""
    bars = ["--trainer.enable_progress_bar=false", "--trainer.enable_model_summary=false"]
    return [*bars, "--trainer.logger=false"] if size == TINY else bars


MODELS = ("classifier", "svm", "oracle", "oracle_noise", "features", "autoencoders", "flow")
SHORT = ["--trainer.max_epochs=1", "--trainer.limit_train_batches=2", "--trainer.check_val_every_n_epoch=1"]
SHORT_SEARCH = [
    "--data.predict_limit=6",
    *(f"--model.{m}.init_args.max_steps=5" for m in ("method", "control", "paper_control")),
]


def demo(size: Size) -> Rows:
    tiny = size == TINY
    for job in (*MODELS, "explain_4_to_9", "explain"):
        start, config = time.perf_counter(), f"--config={ROOT / f'configs/digits/{job}.yaml'}"
        row: dict[str, Any] = {"command": job}
        if job.startswith("explain"):
            explain.main([config, *quiet(size), *(SHORT_SEARCH if tiny else [])])
            row |= results(json.loads(Path(f"runs/digits/{job}/summary.json").read_text()))
        else:
            train.main(["fit", config, *quiet(size), *(SHORT if tiny else [])])
        yield {**row, "seconds": time.perf_counter() - start}


def results(summary: dict[str, Any]) -> dict[str, Any]:
    names = ("flip_rate", "oracle_accuracy", "fid", "l2_x", "l2_z", "median_steps", "reconstruction_error")
    control = {f"control_{name}": summary["control"][name] for name in names[:3]}
    return {"n": summary["n"], **{name: summary[name] for name in names}, **control}


PARTS = {part.__name__: part for part in (machine, strangers, numerics, gans, glow_64, charts, engine, demo)}


def table(name: str, rows: list[dict[str, Any]]) -> str:
    """Markdown, for docs/results/gpu.md."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    lines = [[_cell(row.get(column, "")) for column in columns] for row in rows]
    body = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"\n### {name}\n\n| {' | '.join(columns)} |\n|{'---|' * len(columns)}\n{body}"


def _cell(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def main(args: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("gpu.json"))
    parser.add_argument("--minutes", type=float, default=8, help="no part begins after this")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--tiny", action="store_true", help="small enough for a CPU, to see that all of it runs")
    given = parser.parse_args(args)
    size, start, out = TINY if given.tiny else Size(), time.perf_counter(), given.out.resolve()
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        before = Path.cwd()
        os.chdir(folder)
        try:
            for name in given.parts:
                over = time.perf_counter() - start > 60 * given.minutes
                late = {"rows": [], "error": f"not begun: {given.minutes:g} minutes are over"}
                for part in [late] if over else growing(PARTS[name], size):
                    found[name] = part
                    out.write_text(json.dumps(found, indent=2))  # what is there survives whatever comes
        finally:
            os.chdir(before)
    for name, part in found.items():
        print(table(name, part["rows"]) if part["rows"] else f"\n### {name}", part.get("error", ""), sep="\n")
    failed = [name for name, part in found.items() if "error" in part]
    raise SystemExit(f"failed: {', '.join(failed)}" if failed else 0)


def growing(part: Callable[[Size], Rows], size: Size) -> Iterator[dict[str, Any]]:
    """What a part has found so far, after every row and at its end."""
    start, found = time.perf_counter(), dict[str, Any](rows=[])
    try:
        for row in part(size):
            found["rows"].append(row)
            yield found | {"seconds": time.perf_counter() - start}
    except Exception:  # the other parts have something to say, too
        found["error"] = traceback.format_exc()
    yield found | {"seconds": time.perf_counter() - start}


if __name__ == "__main__":
    main()
