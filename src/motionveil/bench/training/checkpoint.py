"""What an interrupted training goes on from, as one file that is there whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ..._core.atomic_files import hidden_file, remove, take_place
from ..._core.errors import OptionError, OutputError, WeightsError

LAST = "last.ckpt"


def write_state(folder: Path, told: Mapping[str, Any], state: Mapping[str, Any]) -> None:
    """Keep a state of tensors, numbers, texts, lists and dictionaries; told: the settings that it belongs to.

    Raises OutputError where it cannot be written.
    """
    path, temporary = folder / LAST, None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        temporary = hidden_file(path)
        torch.save({"told": json.dumps(told), **state}, temporary)
        take_place(temporary, path, overwrite=True)
    except (OSError, RuntimeError) as error:  # torch gives a full disk as RuntimeError
        raise OutputError(f"{path} cannot be written ({error}); choose another place or free some space") from error
    finally:
        if temporary is not None:
            remove(temporary)


def read_state(folder: Path, told: Mapping[str, Any]) -> dict[str, Any] | None:
    """What `write_state` kept; None where there is nothing.

    Raises WeightsError where it is damaged, OptionError where it is one of other settings.
    """
    path = folder / LAST
    if not path.is_file():
        return None
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        before = json.loads(state.pop("told"))
    except Exception as error:  # damaged files raise whatever the reader stumbles over
        raise WeightsError(f"{path} is damaged; remove {folder} and train again") from error
    compare(folder, told, before)
    return state


def remove_state(folder: Path) -> None:
    """Remove it, and what was being written when power went off."""
    for path in (folder / LAST, *folder.glob(f".{LAST}.part-*")):
        remove(path)


def compare(folder: Path, told: Mapping[str, Any], before: Mapping[str, Any]) -> None:
    """Raises OptionError where a folder holds a training of other settings."""
    names = [name for name in sorted({*told, *before}) if told.get(name) != before.get(name)]
    if names:
        changes = "; ".join(f"{name} was {before.get(name)!r}, is {told.get(name)!r}" for name in names)
        raise OptionError(f"{folder} holds another training ({changes}); choose another folder, or remove it")
