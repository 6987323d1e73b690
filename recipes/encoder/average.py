"""Average the weights of two trainings: ``python -m recipes.encoder.average A.pt B.pt --out C.pt``.

B was trained on from A. What both found is kept, and what only one of them takes for people counts half: the mean finds
more than either (Wortsman et al., Robust fine-tuning of zero-shot models, CVPR 2022).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

MODULES = ("mean_encoder", "mean_prototypes")


def averaged(first: Path, second: Path, share: float) -> dict[str, object]:
    """The second checkpoint, with the weighted mean of both in its averaged modules. share: of the second."""
    one, other = (torch.load(path, weights_only=True) for path in (first, second))
    for module in MODULES:
        for name, value in other[module].items():
            if value.is_floating_point():
                other[module][name] = torch.lerp(one[module][name], value, share)
    return dict(other)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("first", type=Path)
    parser.add_argument("second", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--share", type=float, default=0.5, help="of the second")
    options = parser.parse_args()
    torch.save(averaged(options.first, options.second, options.share), options.out)


if __name__ == "__main__":
    main()
