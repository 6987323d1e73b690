"""What a search may change of a preset, what it tries next, and what it found so far: a study of Optuna's in a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from motionveil._core.errors import DependencyError, OptionError
from motionveil.detection.templates import ATTRIBUTES
from motionveil.noise import STATISTICS
from motionveil.obfuscation.presets import Preset

HIDEABLE = (*ATTRIBUTES, "other_person")
"""Templates, each of which is hidden or not."""
RANGES: Mapping[str, tuple[float, float, float]] = {
    "begin": (0.05, 0.5, 0.01),
    "width": (0.05, 0.4, 0.01),
    "margin": (0.0, 0.05, 0.005),
    "hold": (0.0, 2.0, 0.25),
    "grain": (1.0, 12.0, 0.5),
}
"""Least, greatest, step. begin and width: the saliency at which opacity begins, and over which it rises to 1; grain in
pixels; the others as in `regions.Coverage`."""
_GRAIN = 6.0
"""Stands for a grain that the frame's size decides: that of a short side of 240."""


def start_parameters(preset: Preset) -> dict[str, Any]:
    """The parameters of a preset that hides people. Raises OptionError where it lies outside what is searched."""
    coverage, filling = preset.coverage, preset.filler_options
    found = {
        **{f"hide_{name}": True for name in HIDEABLE},
        "begin": coverage.thresholds[0],
        "width": round(coverage.thresholds[1] - coverage.thresholds[0], 6),
        "margin": coverage.margin,
        "hold": coverage.hold,
        "grain": filling.get("grain", _GRAIN),
        "statistics": filling.get("statistics", "wide"),
    }
    for name, (least, greatest, _) in RANGES.items():
        if not least <= found[name] <= greatest:
            raise OptionError(
                f"start of [search] is {preset.name}, whose {name} of {found[name]:g} lies outside what is searched, "
                f"{least:g} to {greatest:g}; choose secure"
            )
    if found["statistics"] not in STATISTICS:
        raise OptionError(f"start of [search] is {preset.name}, whose noise has other statistics; choose secure")
    return found


def table_of(parameters: Mapping[str, Any], preset: str) -> dict[str, Any] | None:
    """The table of `obfuscations.read_selective` that some parameters mean; None where they hide nothing."""
    hide = [name for name in HIDEABLE if parameters[f"hide_{name}"]]
    if not hide:
        return None
    # Steps add up to 0.22999999999999998: what is written is what is meant.
    value = {name: round(float(parameters[name]), 6) for name in RANGES}
    return {
        "preset": preset,
        "hide": hide,
        "opacity": [value["begin"], round(value["begin"] + value["width"], 6)],
        **{name: value[name] for name in ("margin", "hold", "grain")},
        "statistics": parameters["statistics"],
    }


STARTUP = 4
"""Trials that are drawn at random before the others' results count."""
_RESULT = "result"


class Proposals:
    """A study in one file of SQLite: parameters to try, and the results of those that were tried.

    start: the parameters of the first trial. The same seed proposes the same parameters after the same results, whether
    or not the search was interrupted in between: what was being tried then counts as never proposed. For one process
    at a time. Raises DependencyError without Optuna.
    """

    def __init__(self, path: Path, *, seed: int, start: Mapping[str, Any]) -> None:
        self._optuna = load_optuna()
        self._seed = seed
        self._start = dict(start)
        self._asked: dict[int, Any] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        from sqlalchemy import URL  # comes with Optuna

        self._study = self._optuna.create_study(
            storage=str(URL.create("sqlite", database=str(path))),
            study_name="search",
            direction="maximize",
            load_if_exists=True,
        )
        states = self._optuna.trial.TrialState
        for trial in self._study.get_trials(deepcopy=False, states=(states.RUNNING,)):
            self._study.tell(trial.number, state=states.FAIL)

    def results(self) -> list[Any]:
        """What was told of every trial that came to its end, in their order."""
        done = self._trials(self._optuna.trial.TrialState.COMPLETE)
        return [trial.user_attrs[_RESULT] for trial in done]

    def propose(self) -> tuple[int, dict[str, Any]]:
        """A number to tell the result by, and parameters: `hide_NAME` by name of a template, those of
        `RANGES`, and `statistics`."""
        states, distributions = self._optuna.trial.TrialState, self._optuna.distributions
        decided = len(self._trials(states.COMPLETE, states.PRUNED))
        if not decided and not self._trials(states.WAITING):
            self._study.enqueue_trial(self._start)
        # A sampler of its own for every trial: one that went on would have to be kept in the file, too.
        seed = int(np.random.SeedSequence([self._seed, decided]).generate_state(1)[0])
        self._study.sampler = self._optuna.samplers.TPESampler(seed=seed, n_startup_trials=STARTUP)
        trial = self._study.ask(
            {
                **{f"hide_{name}": distributions.CategoricalDistribution([True, False]) for name in HIDEABLE},
                **{
                    name: distributions.FloatDistribution(least, greatest, step=step)
                    for name, (least, greatest, step) in RANGES.items()
                },
                "statistics": distributions.CategoricalDistribution(list(STATISTICS)),
            }
        )
        self._asked[trial.number] = trial
        return trial.number, dict(trial.params)

    def finish(self, number: int, value: float, result: Any) -> None:
        """Tell how good a proposal is, greater is better, and what `results` gives of it, as JSON can hold it."""
        # First what is told, then the end: a trial that has ended has its result.
        self._asked[number].set_user_attr(_RESULT, result)
        self._study.tell(number, value)

    def refuse(self, number: int) -> None:
        """Tell that a proposal makes no sense. It is no trial, and another one is proposed."""
        self._study.tell(number, state=self._optuna.trial.TrialState.PRUNED)

    def _trials(self, *states: Any) -> list[Any]:
        return list(self._study.get_trials(deepcopy=False, states=states))


def load_optuna() -> ModuleType:
    """Optuna, which says nothing but warnings. Raises DependencyError where it is not installed."""
    try:
        import optuna
    except ImportError as error:
        raise DependencyError("the search needs optuna; install it with: pip install 'motionveil[search]'") from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna
