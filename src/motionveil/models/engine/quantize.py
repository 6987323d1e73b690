"""8-bit quantisation of the linear layers of a network, calibrated on examples.

Weights are quantised per output channel, inputs per tensor. Channels of normalised inputs that are much larger than the
others are first balanced against the weights that read them (SmoothQuant: Xiao et al., ICML 2023, Eq. 4, alpha 0.5).
The result is the same network with fake-quantisation nodes, which an engine turns into integer arithmetic.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

_TINY = 1e-8


class _Observed:
    """The range of a layer's inputs, and the maximum magnitude of each channel."""

    def __init__(self) -> None:
        self.low, self.high = 0.0, 0.0
        self.channels: Tensor | None = None

    def __call__(self, layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        values = inputs[0].detach().flatten(0, -2)
        greatest = values.abs().amax(0)
        self.channels = greatest if self.channels is None else torch.maximum(self.channels, greatest)
        self.low, self.high = min(self.low, float(values.min())), max(self.high, float(values.max()))


class _QuantisedLinear(nn.Module):
    """A linear layer with input and weights quantised to 256 levels."""

    def __init__(self, layer: nn.Linear, seen: _Observed) -> None:
        super().__init__()
        self.layer = layer
        self.step = max((seen.high - seen.low) / 255, _TINY)
        self.zero = round(-seen.low / self.step)
        self.steps = nn.Parameter((layer.weight.abs().amax(1) / 127).clamp_min(_TINY), requires_grad=False)
        self.zeros = nn.Buffer(torch.zeros(layer.out_features, dtype=torch.int32))

    def forward(self, values: Tensor) -> Tensor:
        values = torch.fake_quantize_per_tensor_affine(values, self.step, self.zero, 0, 255)
        weight = torch.fake_quantize_per_channel_affine(self.layer.weight, self.steps, self.zeros, 0, -127, 127)
        return functional.linear(values, weight, self.layer.bias)


def _observe(module: nn.Module, examples: Sequence[Any]) -> dict[str, _Observed]:
    """Run the examples, one item at a time, and record the inputs of the linear layers."""
    seen = {name: _Observed() for name, layer in module.named_modules() if isinstance(layer, nn.Linear)}
    hooks = [module.get_submodule(name).register_forward_pre_hook(observed) for name, observed in seen.items()]
    try:
        with torch.inference_mode():
            for index in range(len(examples[0])):
                module(*(torch.as_tensor(array[index : index + 1]) for array in examples))
    finally:
        for hook in hooks:
            hook.remove()
    return seen


def _balance(normalisation: nn.LayerNorm, layer: nn.Linear, seen: _Observed) -> None:
    """Divide the input channels by the factors that the weights are multiplied by; the product is unchanged."""
    assert seen.channels is not None
    scale = (seen.channels.clamp_min(_TINY) / layer.weight.abs().amax(0).clamp_min(_TINY)).sqrt().clamp_min(1e-3)
    for parameter in (normalisation.weight, normalisation.bias):
        parameter.div_(scale)
    layer.weight.mul_(scale)
    seen.channels = seen.channels / scale


@torch.no_grad()
def quantised(
    module: nn.Module, examples: Sequence[Any], normalised: Sequence[tuple[nn.LayerNorm, nn.Linear]] = ()
) -> nn.Module:
    """Quantise the linear layers of a module to 8 bits, in place. Returns the module.

    Args:
        module: The module.
        examples: One array per input, with items along the first axis.
        normalised: Pairs of (normalisation, the only layer that reads it).
    """
    seen = _observe(module, examples)
    names = {layer: name for name, layer in module.named_modules()}
    for normalisation, reader in normalised:
        _balance(normalisation, reader, seen[names[reader]])
    if normalised:
        seen = _observe(module, examples)
    for name, observed in seen.items():
        parent, _, own = name.rpartition(".")
        layer = module.get_submodule(name)
        assert isinstance(layer, nn.Linear)
        setattr(module.get_submodule(parent), own, _QuantisedLinear(layer, observed))
    return module
