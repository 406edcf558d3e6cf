"""A CUDA device that is none: tensors that say ``cuda:0`` and hold their values on the CPU.

With it a test sees on any machine what otherwise a GPU alone shows: a tensor that was left on the CPU meets one on the
device, a generator is of the other device, ``.numpy()`` is asked of a device tensor. Every operator on such a tensor
comes to ``_run``, which refuses what CUDA refuses and lets the CPU compute the rest.

It checks devices, not numbers or speed: random numbers are the CPU's, and nothing is ever out of memory. There is one
device, without streams, graphs, TF32 or a second process; threads other than the one that entered ``pretend_gpu`` can
use its tensors but make none from nothing; what is saved there is loaded on the CPU; and ``torch.export`` and
``torch.compile`` do not work, since they need meta tensors for themselves.
"""

import copy
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace
from typing import Any, ClassVar
from unittest.mock import patch

import torch
import torch._dynamo  # optimisers import it when first used, which fails while torch is patched
from torch import Tensor, nn
from torch.optim.optimizer import _foreach_supported_types as of_optimisers
from torch.overrides import TorchFunctionMode
from torch.utils._foreach_utils import _foreach_supported_types as of_clipping
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only

CUDA, META = torch.device("cuda:0"), torch.device("meta")
aten = torch.ops.aten
#: makes the zeros of forward-mode differentiation
NO_MEMORY = aten._efficientzerotensor.default
#: (x, indices, …) of which CUDA takes the indices from the CPU, too
INDEXING = {
    *(aten.index.Tensor, aten._unsafe_index.Tensor, aten.index_put.default, aten.index_put_.default),
    *(aten._index_put_impl_.default, aten._unsafe_index_put.default),
}
#: what takes a tensor without dimensions from the CPU, beside everything pointwise
TAKES_NUMBERS = {
    *(aten.fill.Tensor, aten.fill_.Tensor, aten.masked_fill.Tensor, aten.masked_fill_.Tensor),
    *INDEXING,
}
#: by name what autocast computes in its own type, and what in float32
NARROWED = """
    linear matmul __matmul__ __rmatmul__ mm bmm mv addmm addmv baddbmm einsum conv1d conv2d conv3d conv_transpose1d
    conv_transpose2d conv_transpose3d prelu scaled_dot_product_attention
"""
WIDENED = """
    exp expm1 log log1p log2 log10 pow __pow__ rsqrt reciprocal softmax log_softmax logsumexp softplus sum prod
    cumsum cumprod norm vector_norm layer_norm group_norm cross_entropy nll_loss mse_loss l1_loss smooth_l1_loss
    huber_loss multi_margin_loss kl_div binary_cross_entropy_with_logits cdist dist cosine_similarity erfinv acos
    asin tan sinh cosh
"""
CASTS = {**dict.fromkeys(NARROWED.split()), **dict.fromkeys(WIDENED.split(), torch.float32)}


class CudaTensor(Tensor):
    """A tensor of the pretend device; ``host`` has its values.

    To torch's C++ it is a meta tensor, which runs no kernel and needs no driver. So ``meta`` is our device, too: it is
    what C++ says where it makes a tensor beside this one.
    """

    host: Tensor
    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, host: Tensor) -> "CudaTensor":
        made = Tensor._make_wrapper_subclass(cls, host.shape, strides=host.stride(), dtype=host.dtype, device=META)
        made.host = host
        return made

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})

    def numpy(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError("can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() first.")

    @property
    def data(self) -> Tensor:
        return Tensor.data.__get__(self)

    @data.setter
    def data(self, value: "CudaTensor") -> None:
        Tensor.data.__set__(self, value)
        self.host = value.host

    def tolist(self) -> Any:
        return self.host.tolist()

    def data_ptr(self) -> int:
        return self.host.data_ptr()

    def new_tensor(self, data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
        return torch.tensor(data, dtype=dtype or self.dtype, device=device or CUDA, requires_grad=requires_grad)

    def __deepcopy__(self, memo: dict[int, Any]) -> "CudaTensor":
        made = CudaTensor(self.host.clone()).requires_grad_(self.requires_grad)
        made = nn.Parameter(made, self.requires_grad) if isinstance(self, nn.Parameter) else made
        made.grad = copy.deepcopy(self.grad, memo)
        return memo.setdefault(id(self), made)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.host.__reduce_ex__(protocol)

    def __repr__(self, **kwargs: Any) -> str:
        return f"{self.host!r} on {CUDA}"

    def __format__(self, spec: str) -> str:
        return format(self.item() if self.dim() == 0 else str(self), spec)


class CudaGenerator(torch.Generator):
    """What ``torch.Generator`` is meanwhile; for the device, its numbers are a CPU generator's."""

    #: addresses of those of the device: all that an operator can tell a generator by
    living: ClassVar[set[int]] = set()
    device = property(lambda self: CUDA)  # type: ignore[assignment]

    def __new__(cls, device: Any = "cpu") -> Any:
        if not _is_cuda(device):
            return torch._C.Generator(device)
        made = super().__new__(cls)
        cls.living.add(made._cdata)
        return made

    def __del__(self) -> None:
        self.living.discard(self._cdata)


class CudaMode(TorchDispatchMode):
    """Brings the operators that are given no tensor of the device, but the device."""

    _mode_key = torch._C._TorchDispatchModeKey.FAKE  # or C++ would look for a driver first

    @classmethod
    def _should_skip_dynamo(cls) -> bool:  # torch would wrap the method below, and take longer for every operator
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})


class Casts(TorchFunctionMode):
    """Autocast on the device; torch's own asks C++ for the device."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if (name := getattr(func, "__name__", "")) in CASTS and torch.is_autocast_enabled("cuda"):
            dtype = CASTS[name] or torch.get_autocast_dtype("cuda")
            args, kwargs = tree_map_only(Tensor, lambda x: _cast(x, dtype), (args, kwargs))
        return func(*args, **kwargs or {})


def _cast(x: Tensor, dtype: torch.dtype) -> Tensor:
    return x.to(dtype) if x.is_cuda and x.is_floating_point() and x.dtype != torch.float64 else x


def _is_cuda(device: Any) -> bool:
    return device is not None and torch.device(device).type in ("cuda", "meta")


def _run(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """An operator, computed on the CPU: on the device if an input is, or if ``device`` says so."""
    there: list[CudaTensor] = []
    here: list[Tensor] = []
    on_host = [_on_host(a, there, here) if isinstance(a, (Tensor, list, tuple)) else a for a in args]
    on_cuda = bool(there)
    if kwargs:
        kwargs = {key: _on_host(value, there, here) for key, value in kwargs.items()}
        device = kwargs.get("device")
        on_cuda = bool(there) if device is None else _is_cuda(device)
        if device is not None and (on_cuda or there):
            kwargs |= {"device": torch.device("cpu")}
        kwargs.pop("pin_memory", None)
        _check_generator(kwargs.get("generator"), on_cuda)
    if there and here:
        _check_devices(func, args, here)
    if func is NO_MEMORY:  # where a convolution of the CPU would look
        func = aten.zeros.default
    result = func(*on_host, **kwargs)
    return _wrap(result, there, here) if on_cuda else result


def _on_host(value: Any, there: list[CudaTensor], here: list[Tensor]) -> Any:
    """``value`` with the host's tensors for the device's; every tensor in it goes to ``there`` or ``here``."""
    if isinstance(value, CudaTensor):
        there.append(value)
        return value.host
    if isinstance(value, Tensor):
        here.append(value)
    elif isinstance(value, (list, tuple)):
        return [_on_host(v, there, here) for v in value]
    return value


def _wrap(result: Any, there: list[CudaTensor], here: list[Tensor]) -> Any:
    """``result`` on the device; what was written in place stays the tensor that was given."""
    if isinstance(result, Tensor):
        for given in there:
            if given.host is result:
                return _shaped_as(result, given)
        return result if here and any(given is result for given in here) else CudaTensor(result)
    return type(result)(_wrap(r, there, here) for r in result) if isinstance(result, (list, tuple)) else result


def _shaped_as(host: Tensor, given: CudaTensor) -> CudaTensor:
    """``given``, and C++ knows it where the operator has changed its shape in place."""
    if given.shape != host.shape or given.stride() != host.stride():
        with torch._C._DisableTorchDispatch():
            given.as_strided_(host.shape, host.stride(), 0)
    return given


def _check_generator(generator: Any, on_cuda: bool) -> None:
    if generator is not None and (generator._cdata in CudaGenerator.living) != on_cuda:
        expected, found = ("cuda", "cpu") if on_cuda else ("cpu", "cuda")
        raise RuntimeError(f"Expected a '{expected}' device type for generator but found '{found}'")


def _check_devices(func: Any, args: tuple[Any, ...], here: list[Tensor]) -> None:
    """Tensors of both devices meet: CUDA lets them where they are copied, indices, or numbers that are only read."""
    if func in (aten.copy_.default, aten._to_copy.default):
        return
    if func in INDEXING and isinstance(args[0], CudaTensor):
        here = [t for t in here if all(t is not index for index in args[1])]
    written = args[0] if func._schema.is_mutable else None
    if torch.Tag.pointwise in func.tags or func in TAKES_NUMBERS:
        here = [t for t in here if t.dim() > 0 or t is written]
    if here:
        found = "Expected all tensors to be on the same device, but found at least two devices, cuda:0 and cpu!"
        raise RuntimeError(f"{found} ({func})")


@contextmanager
def pretend_gpu() -> Iterator[None]:
    """This machine has one GPU inside, and is what it was afterwards."""
    lifts = torch._C._only_lift_cpu_tensors()
    with ExitStack() as stack:
        for owner, patches in _patches():
            for name, value in patches.items():
                stack.enter_context(patch.object(owner, name, value))
        for kinds in (of_optimisers, of_clipping):  # what on a GPU is computed for a list at once
            kinds.append(CudaTensor)
            stack.callback(kinds.remove, CudaTensor)
        stack.callback(torch._C._set_only_lift_cpu_tensors, lifts)
        torch._C._set_only_lift_cpu_tensors(True)  # torch.tensor makes all on the CPU, and moves it by an operator
        stack.enter_context(CudaMode())
        yield


def _patches() -> list[tuple[Any, dict[str, Any]]]:
    """What a GPU changes in torch: (where, {name: value})."""
    properties = SimpleNamespace(name="pretend", total_memory=80 << 30, major=9, minor=0, multi_processor_count=1)
    nothing = lambda *args, **kwargs: None  # noqa: E731
    cuda = {
        "is_available": lambda: True,
        "is_bf16_supported": lambda including_emulation=True: True,
        "is_current_stream_capturing": lambda: False,
        "device_count": lambda: 1,
        "current_device": lambda: 0,
        "get_device_name": lambda device=None: properties.name,
        "get_device_capability": lambda device=None: (properties.major, properties.minor),
        "get_device_properties": lambda device=None: properties,
        "get_rng_state": lambda device=None: torch.get_rng_state(),
        **dict.fromkeys(("set_device", "set_rng_state", "empty_cache", "synchronize"), nothing),
    }
    accelerator = {"current_stream": lambda device=None: SimpleNamespace(is_capturing=lambda: False)}
    return [
        (torch.cuda, cuda),
        (torch.accelerator, accelerator),
        (torch, {"Generator": CudaGenerator}),
        (Tensor, _of_tensors()),
        (nn.Module, {"_apply": _moving(nn.Module._apply)}),
        (torch.utils, {"swap_tensors": _swap}),
        (torch.autocast, _of_autocast()),
    ]


def _of_tensors() -> dict[str, Any]:
    """For tensors of every class: those inside vmap or jvp are plain ones around ours, and meta tensors themselves."""
    to, device, is_meta = Tensor.to, Tensor.device.__get__, Tensor.is_meta.__get__

    def to_any(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """C++ would look up which CUDA device is the current one."""
        if _is_cuda(kwargs.get("device")):
            kwargs["device"] = META
        if args and isinstance(args[0], (str, torch.device)) and _is_cuda(args[0]):
            args = (META, *args[1:])
        return to(self, *args, **kwargs)

    return {
        "to": to_any,
        "cuda": lambda self, *args, **kwargs: to(self, META),
        "pin_memory": lambda self, device=None: self,
        "device": property(lambda self: CUDA if is_meta(self) else device(self)),
        "is_cuda": property(is_meta),
        "is_meta": property(lambda self: False),
    }


def _moving(apply: Callable[..., nn.Module]) -> Callable[..., nn.Module]:
    """``.to`` and the like keep a module's parameters the same objects, as they do with a real GPU."""

    def moving(self: nn.Module, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> nn.Module:
        with patch.object(torch.__future__, "get_swap_module_params_on_conversion", lambda: True):
            return apply(self, fn, recurse)

    return moving


def _swap(a: Tensor, b: Tensor) -> None:
    """As torch's, which refuses tensors that a graph in C++ still refers to."""
    a.__class__, b.__class__ = b.__class__, a.__class__
    a.__dict__, b.__dict__ = b.__dict__, a.__dict__
    torch._C._swap_tensor_impl(a, b)


def _of_autocast() -> dict[str, Any]:
    enter, leave = torch.autocast.__enter__, torch.autocast.__exit__

    def entering(self: torch.autocast) -> Any:
        entered = enter(self)
        if self.device == "cuda" and self._enabled:
            self.casts = Casts().__enter__()
        return entered

    def leaving(self: torch.autocast, *error: Any) -> Any:
        if (casts := vars(self).pop("casts", None)) is not None:
            casts.__exit__(*error)
        return leave(self, *error)

    return {"__enter__": entering, "__exit__": leaving}
