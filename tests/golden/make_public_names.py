"""Writes the public names with their signatures: python -m tests.golden.make_public_names"""

from __future__ import annotations

import inspect
from pathlib import Path

import motionveil

TARGET = Path(__file__).with_name("public_names.txt")


def _signature(what: object) -> str:
    """Parameters and their defaults, without types."""
    try:
        signature = inspect.signature(what)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return ""
    plain = [each.replace(annotation=inspect.Parameter.empty) for each in signature.parameters.values()]
    text = str(signature.replace(parameters=plain, return_annotation=inspect.Signature.empty))
    return "()" if text == "(*args, **kwargs)" else text  # inherited from a protocol


def public_names() -> str:
    """One line for each public name, and for each public method and property of a class."""
    lines = []
    for name in motionveil.__all__:
        what = getattr(motionveil, name)
        if not isinstance(what, type):
            lines.append(f"{name}{_signature(what)}" if callable(what) else name)
            continue
        if issubclass(what, BaseException):
            lines.append(f"{name}({what.__mro__[1].__name__})")
            continue
        lines.append(name if getattr(what, "_is_protocol", False) else f"{name}{_signature(what)}")
        for member, value in sorted(vars(what).items()):
            if member.startswith("_") or member in getattr(what, "__dataclass_fields__", {}):
                continue
            value = getattr(value, "__func__", value)  # of class methods
            if inspect.isfunction(value):
                lines.append(f"    {member}{_signature(value)}")
            elif isinstance(value, property) or hasattr(value, "func"):
                lines.append(f"    {member}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    TARGET.write_text(public_names(), "utf-8")
