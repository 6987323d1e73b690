"""Parameters that a search may change, proposals for the next trial, and past results: an Optuna study in a file."""

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
"""Minimum, maximum, step. begin and width: the lower threshold, and the distance to the upper one; grain in pixels;
others as in `regions.Coverage`.
"""
_GRAIN = 6.0
"""Replaces a grain that depends on the size of the frame: its value at a short side of 240."""


def start_parameters(preset: Preset) -> dict[str, Any]:
    """The parameters of a preset that hides people. Raises OptionError if they are outside of the searched range."""
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
    """The table for `obfuscations.read_selective` with these parameters; None if they hide nothing."""
    hide = [name for name in HIDEABLE if parameters[f"hide_{name}"]]
    if not hide:
        return None
    # Rounded, because steps add up to 0.22999999999999998.
    value = {name: round(float(parameters[name]), 6) for name in RANGES}
    return {
        "preset": preset,
        "hide": hide,
        "opacity": [value["begin"], round(value["begin"] + value["width"], 6)],
        **{name: value[name] for name in ("margin", "hold", "grain")},
        "statistics": parameters["statistics"],
    }


STARTUP = 4
"""Number of initial random trials."""
_RESULT = "result"


class Proposals:
    """A study in an SQLite file: parameters to try, and the results of past trials.

    The same seed proposes the same parameters after the same results, whether or not the search was interrupted; an
    interrupted trial counts as not proposed. For one process at a time.

    Args:
        start: The parameters of the first trial.

    Raises:
        DependencyError: If Optuna is not installed.
    """

    def __init__(self, path: Path, *, seed: int, start: Mapping[str, Any]) -> None:
        self._optuna = load_optuna()
        self._seed = seed
        self._start = dict(start)
        self._asked: dict[int, Any] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        from sqlalchemy import URL  # a dependency of Optuna

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
        """The results of all completed trials, in order."""
        done = self._trials(self._optuna.trial.TrialState.COMPLETE)
        return [trial.user_attrs[_RESULT] for trial in done]

    def propose(self) -> tuple[int, dict[str, Any]]:
        """The number of the trial, and its parameters: `hide_NAME` by template, those of `RANGES`, and `statistics`."""
        states, distributions = self._optuna.trial.TrialState, self._optuna.distributions
        decided = len(self._trials(states.COMPLETE, states.PRUNED))
        if not decided and not self._trials(states.WAITING):
            self._study.enqueue_trial(self._start)
        # A new sampler for each trial, since the state of a continuing one would have to be stored too.
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
        """Record the objective of a proposal (higher is better), with `results`, JSON-serialisable."""
        # Results are stored before the trial is completed, so that each completed trial has its results.
        self._asked[number].set_user_attr(_RESULT, result)
        self._study.tell(number, value)

    def refuse(self, number: int) -> None:
        """Discard an invalid proposal. It does not count as a trial, and another one is proposed."""
        self._study.tell(number, state=self._optuna.trial.TrialState.PRUNED)

    def _trials(self, *states: Any) -> list[Any]:
        return list(self._study.get_trials(deepcopy=False, states=states))


def load_optuna() -> ModuleType:
    """Import Optuna, silent but for warnings. Raises DependencyError if it is not installed."""
    try:
        import optuna
    except ImportError as error:
        raise DependencyError("the search needs optuna; install it with: pip install 'motionveil[search]'") from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna
