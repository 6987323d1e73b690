"""The learned methods: what hides, and how it is trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .phases import Gate, Phase, Term

if TYPE_CHECKING:
    from .settings import Learning

Phases = Callable[["Learning"], tuple[Phase, ...]]


@dataclass(frozen=True)
class Method:
    """One line of the table.

    degradation: f_d where the settings name none. terms: what f_d may fight the budgets with, the usual one first;
    empty where nothing is fought. phases: of a round. needs_labels: whether f_b learns an attribute. num_budgets: how
    many f_b there are where a file does not say.
    chooses_transforms: whether inverse super-resolution picks transforms before every round.
    """

    degradation: str
    terms: tuple[Term, ...]
    phases: Phases
    needs_labels: bool = True
    num_budgets: int = 1
    chooses_transforms: bool = False


def _attack(settings: Learning) -> Phase:
    """All f_b learn until each is nearly perfect on the training clips, so that f_d never fights weak ones."""
    gate = Gate(settings.attack_accuracy, window=settings.gate_window)
    return Phase("attack", frozenset({"budget"}), settings.attack_steps, term="attack", gate=gate)


def _use(settings: Learning, *parts: str) -> Phase:
    """Recognise actions well again, until the validation clips say that it is enough, or no longer gets better."""
    gate = Gate(settings.use_accuracy, "validation", settings.gate_window, settings.use_patience)
    learns = frozenset(part for part in ("degradation", "utility") if part in parts)
    return Phase("use", learns, settings.use_steps, utility=True, gate=gate)


def _suppress(settings: Learning, *parts: str, utility: bool) -> Phase:
    learns = frozenset(part for part in ("degradation", "utility", "budget") if part in parts)
    return Phase("suppress", learns, settings.suppress_steps, utility=utility, term=settings.fought_with)


def _grl(settings: Learning) -> tuple[Phase, ...]:
    """Attackers catch up; then all parts learn at once, the gradient of the attackers reversed on its way to f_d."""
    return _attack(settings), _suppress(settings, "degradation", "utility", "budget", utility=True)


def _kbeam(settings: Learning) -> tuple[Phase, ...]:
    """f_d raises the loss of the strongest attacker; all attackers catch up; f_T and f_d recover the actions."""
    return (
        _suppress(settings, "degradation", utility=False),
        _attack(settings),
        _use(settings, "utility", "degradation"),
    )


def _entropy(settings: Learning) -> tuple[Phase, ...]:
    """f_T and f_d keep the actions while the surest attacker is made unsure; f_T recovers; attackers catch up."""
    return (
        _suppress(settings, "degradation", "utility", utility=True),
        _use(settings, "utility"),
        _attack(settings),
    )


def _spact(settings: Learning) -> tuple[Phase, ...]:
    """f_d keeps the actions and makes clips alike to a frozen f_b; then f_T recovers and f_b tells them apart again."""
    return (
        _suppress(settings, "degradation", utility=True),
        _use(settings, "utility"),
        _attack(settings),
    )


def _elr(settings: Learning) -> tuple[Phase, ...]:
    """Nothing is fought: f_T learns from what the chosen transforms and few pixels leave."""
    return (_use(settings, "utility"),)


METHODS: dict[str, Method] = {
    "grl": Method("transformation", ("reversal",), _grl),
    "kbeam": Method("transformation", ("strongest",), _kbeam, num_budgets=4),
    "entropy": Method("transformation", ("uniform", "entropy"), _entropy, num_budgets=4),
    "bdq": Method("blur_difference_quantise", ("entropy", "uniform"), _entropy),
    "spact": Method("unet", ("contrastive",), _spact, needs_labels=False),
    "elr": Method("low_resolution", (), _elr, needs_labels=False, chooses_transforms=True),
}
"""Learned methods by name: three objectives of Wu et al. (ECCV 2018, TPAMI 2020), BDQ (Kumawat and Nagahara, ECCV
2022), SPAct (Dave et al., CVPR 2022), and extreme low resolution (Ryoo et al., AAAI 2017)."""
