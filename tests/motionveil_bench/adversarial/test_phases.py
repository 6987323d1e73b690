"""Gates, restarts and the order of phases, on cases with a known answer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from motionveil._core.errors import OptionError
from motionveil.learned import DEGRADATIONS, LEARNED_METHODS
from motionveil_bench.adversarial.settings import METHODS, Gate, Gatekeeper, Learning, Stopped, read_learning

SMALL = Learning("grl", utility="small_r3d", budgets=("small_resnet",))


def _passed(gate: Gate, accuracies: list[float]) -> tuple[int, Stopped]:
    """Step at which it ends, and why."""
    gatekeeper = Gatekeeper(gate)
    asked = iter(accuracies)
    for step in range(1, 1000):
        if gatekeeper.is_asked(step):
            try:
                accuracy = next(asked)
            except StopIteration:
                return step, ""
            if why := gatekeeper(accuracy):
                return step, why
    raise AssertionError


def test_an_attack_ends_when_the_training_accuracy_is_there() -> None:
    gate = Gate(0.99, window=2)
    assert _passed(gate, [1.0, 0.9, 1.0, 1.0, 1.0]) == (4, "accuracy")
    assert _passed(gate, [1.0, 0.97, 0.98]) == (4, "")
    # One good step is luck: a whole window is wanted.
    assert _passed(Gate(0.5, window=3), [1.0, 1.0, 1.0]) == (3, "accuracy")


def test_a_use_ends_when_the_validation_accuracy_is_there() -> None:
    gate = Gate(0.85, "validation", window=5, patience=10)
    assert _passed(gate, [0.5, 0.6, 0.85]) == (15, "accuracy")


def test_a_use_ends_where_nothing_is_gained_any_more() -> None:
    gate = Gate(0.85, "validation", window=5, patience=10)
    # The highest is at step 10; steps 15 and 20 gain nothing: ten steps.
    assert _passed(gate, [0.5, 0.6, 0.6, 0.4, 0.7]) == (20, "plateau")
    # A gain in time begins the count anew.
    assert _passed(gate, [0.5, 0.4, 0.6, 0.5, 0.7, 0.7, 0.6]) == (35, "plateau")
    assert _passed(replace(gate, patience=0), [0.5] * 50) == (255, "")


def test_validation_is_asked_only_now_and_then() -> None:
    gatekeeper = Gatekeeper(Gate(0.85, "validation", window=4))
    assert [step for step in range(1, 13) if gatekeeper.is_asked(step)] == [4, 8, 12]
    assert all(Gatekeeper(Gate(0.85)).is_asked(step) for step in range(1, 5))


def test_kbeam_goes_through_the_published_phases() -> None:
    phases = replace(SMALL, method="kbeam").phases()
    assert [(phase.name, phase.steps) for phase in phases] == [("suppress", 30), ("attack", 200), ("use", 30)]
    suppress, attack, use = phases
    assert suppress.learns == {"degradation"}
    assert (suppress.term, suppress.utility) == ("strongest", False)
    assert attack.learns == {"budget"}
    assert attack.term == "attack"
    assert attack.gate == Gate(0.99, "training", 5)
    assert use.learns == {"degradation", "utility"}
    assert (use.utility, use.term) == (True, "")
    assert use.gate == Gate(0.85, "validation", 5, 10)


@pytest.mark.parametrize("name", METHODS)
def test_every_method_keeps_the_actions_and_fights_what_it_names(name: str) -> None:
    settings = replace(SMALL, method=name)
    phases = settings.phases()
    assert any(phase.utility and "utility" in phase.learns for phase in phases)
    assert settings.fought_with == (*METHODS[name].terms, "")[0]
    fought = any(phase.term == settings.fought_with and "degradation" in phase.learns for phase in phases)
    assert fought == any("budget" in phase.learns for phase in phases) == settings.fights == (name != "elr")
    assert settings.degradation_name in DEGRADATIONS


def test_methods_are_those_that_files_may_hold() -> None:
    assert set(METHODS) == set(LEARNED_METHODS)


def test_budgets_take_turns() -> None:
    settings = replace(SMALL, budgets=("small_resnet", "small_bag"), num_budgets=5)
    assert [settings.budget_name(number) for number in range(5)] == [
        "small_resnet", "small_bag", "small_resnet", "small_bag", "small_resnet",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("told", "word"),
    [
        ({"method": "gan"}, "gan"),
        ({"rounds": -1}, "rounds"),
        ({"num_budgets": True}, "num_budgets"),
        ({"gamma": -1}, "gamma"),
        ({"utility": "small_two_stream"}, "sees flow"),
        ({"utility": "small_resnet"}, "single frames"),
        ({"budgets": ["small_two_stream"]}, "sees flow"),
        ({"budgets": []}, "budgets"),
        ({"budgets": "small_resnet"}, "must be a list"),
        ({"term": "anger"}, "anger"),
        # It would help the attackers.
        ({"term": "attack"}, "reversal"),
        ({"method": "entropy", "term": "reversal"}, "uniform or entropy"),
        ({"method": "elr", "term": "entropy"}, "none"),
        ({"method": "elr", "degradation": "unet"}, "belong together"),
        ({"method": "kbeam", "degradation": "low_resolution"}, "belong together"),
        ({"degradation_options": 3}, "must be a table"),
        ({"budgets": 3}, "must be a list"),
        ({"utility": 3}, "must be a text"),
        ({"method": ["grl"]}, "must be a text"),
        ({"attack_accuracy": 99}, "at most 1"),
        ({"degradation": "mask"}, "mask"),
        ({"degradation_options": {"colour": 1}}, "colour"),
        ({"wheels": 4}, "wheels"),
    ],
)
def test_what_makes_no_sense_is_refused(told: dict[str, object], word: str) -> None:
    small: dict[str, object] = {"utility": "small_r3d", "budgets": ["small_resnet"]}
    with pytest.raises(OptionError, match=rf"(?s)(?=.*\[learned\.grl\]).*{word}"):
        read_learning("grl", {**small, **told}, "[learned.grl]")


def test_several_attackers_are_several() -> None:
    small = {"utility": "small_r3d", "budgets": ["small_resnet"]}
    counts = {name: read_learning(name, small, "[learned]").num_budgets for name in METHODS}
    assert counts == {"grl": 1, "kbeam": 4, "entropy": 4, "bdq": 1, "spact": 1, "elr": 1}
