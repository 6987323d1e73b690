"""motionveil template"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import numpy as np

from .. import drawing
from .._core.errors import InputError, OptionError, OutputError, TemplateError
from .._core.types import Point
from ..detection.features import PartsEncoder
from ..detection.saliency import saliency_maps
from ..detection.template_transfer import draw_found, find_templates, not_found
from ..detection.templates import (
    GROUPS,
    Template,
    TemplateLibrary,
    built_in_library,
    change_user_library,
    default_library,
    make_template,
    template_of,
    user_library_path,
)
from ..models.engine import read_vector
from ..obfuscation.factory import choose_templates
from ..pipeline.runner import Window, first_frames
from ..video import read_picture
from .networks import extractor_of, feature_options
from .numbers import SECONDS
from .options import Names, Numbers
from .terminal import say


@click.group(name="template")
def command() -> None:
    """Create and manage templates of what to hide."""


_time = click.option(
    "--time", type=SECONDS, default=0.0, metavar="SECONDS", help="Time in the video. Default: its first frame."
)


def _features(template: Template) -> str:
    """The name of the features that a template was made with."""
    return template.fingerprint.split(":")[0].removesuffix("-encoder")


def _own() -> TemplateLibrary:
    path = user_library_path()
    return TemplateLibrary.load(path) if path.exists() else TemplateLibrary()


@command.command()
@click.argument("name")
@click.option("--image", type=click.Path(path_type=Path), help="Image or video that shows it.")
@_time
@click.option("--point", type=Numbers("X,Y", "120,80"), help="A pixel on it, from the top left corner.")
@click.option(
    "--descriptor",
    type=click.Path(path_type=Path),
    help="Instead of an image: a descriptor of the published code (descriptors/NAME.pt).",
)
@click.option("--overwrite", is_flag=True, help="Overwrite a template of this name.")
@feature_options
def add(
    name: str,
    image: Path | None,
    time: float,
    point: tuple[float, float] | None,
    descriptor: Path | None,
    overwrite: bool,
    **options: Any,
) -> None:
    """Create a template from a point in an image, or from a descriptor of the published code."""
    if descriptor is None and image is not None and point is None:
        raise OptionError(
            f"where in {image.name} is it? Give --point X,Y: a pixel on it, counted from the top left corner, as "
            "picture viewers show it"
        )
    if (descriptor is None) == (image is None or point is None):
        raise OptionError("give --image and --point, or --descriptor alone")
    extractor = extractor_of(options, lambda: None if image is None else read_picture(image, time=time)[None])
    if name in default_library().made_with(extractor.fingerprint) and not overwrite:
        raise TemplateError(
            f"a template named {name!r} already exists; choose another name, or allow it with --overwrite"
        )
    picture = None
    if descriptor is not None:
        template = template_of(name, read_vector(descriptor), extractor, origin=descriptor.name)
    else:
        assert image is not None
        assert point is not None
        picture = read_picture(image, time=time)
        origin = f"{image.name} at {point[0]:g},{point[1]:g}"
        template = make_template(name, picture, Point(*point), extractor, origin=origin)
    known = [other for other in default_library().made_with(extractor.fingerprint) if other.name != name]
    change_user_library(lambda own: own.with_template(template))
    say(f"added {name} to {user_library_path()}")
    if known:
        closest = max(known, key=lambda other: float(other.vector @ template.vector))
        say(f"closest other template: {closest.name} (cosine {float(closest.vector @ template.vector):.2f})")
    if picture is None:
        return
    share = float((saliency_maps(picture, [template], extractor)[0] >= 0.5).mean())
    if share > 0.25:
        say(f"motionveil: warning: it matches {share:.0%} of this image, so it would hide much else", error=True)
    moment = f" --time {time:g}" if time else ""
    say(f"check where it matches: motionveil template show {name} --image {image}{moment} (with the same features)")


@command.command()
@click.argument("names", type=Names())
@click.option("--image", type=click.Path(path_type=Path), required=True, help="Image or video that shows the person.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Image of the matches. Default: found.png.")
@click.option("--overwrite", is_flag=True, help="Overwrite templates of these names, and an existing image.")
@feature_options
def find(names: tuple[str, ...], image: Path, output: Path | None, overwrite: bool, **options: Any) -> None:
    """Transfer templates to another feature network, by locating them in an image or video.

    NAMES are templates or groups of the embedded encoder. It locates each of them in the first seconds; the other
    network's descriptor at that point becomes the new template.
    """
    output = output or Path("found.png")
    if output.exists() and not overwrite:
        raise OutputError(f"{output} exists; choose another name with -o, or allow it with --overwrite")
    frames = first_frames(str(image), Window())
    if frames is None:
        raise InputError(f"{image} can be read only once; give a file")
    extractor, library = extractor_of(options, lambda: frames), default_library()
    if extractor.fingerprint == PartsEncoder().fingerprint:
        raise OptionError("choose the features to create templates for, such as: --features dino_vits8")
    wanted = library.names(names)
    there = [name for name in wanted if name in library.made_with(extractor.fingerprint)]
    if there and not overwrite:
        raise TemplateError(f"{', '.join(there)} already exists for these features; allow it with --overwrite")
    finder = PartsEncoder(short_side=768, levels=3)
    found = find_templates(library.made_with(finder.fingerprint).select(wanted), frames, finder, extractor)
    missing = [name for name in wanted if name not in {item.template.name for item in found}]
    if not found:
        raise not_found(missing)
    for item in found:
        say(f"{item.template.name:<16}at {item.point.x:g},{item.point.y:g} (cosine {item.similarity:.2f})")
    drawing.write_image(output, draw_found(found, frames), private=True)
    change_user_library(lambda own: own.with_templates(item.template for item in found))
    if missing:
        say(f"motionveil: warning: not found: {', '.join(missing)}", error=True)
    say(f"added to {user_library_path()}; see {output}, which shows the original")


@command.command("list")
def list_() -> None:
    """List all templates and groups."""
    own = _own()
    mine = {(template.name, template.fingerprint) for template in own}
    for template in default_library():
        kind = "yours" if (template.name, template.fingerprint) in mine else "built in"
        say(f"{template.name:<16}{kind:<10}{_features(template):<24}{template.origin}")
    for group, members in GROUPS.items():
        say(f"{group:<16}{'group':<34}{', '.join(members)}")


@command.command()
@click.argument("name")
@click.option("--image", type=click.Path(path_type=Path), required=True, help="Image or video to search.")
@_time
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Default: NAME.png.")
@click.option("--overwrite", is_flag=True, help="Overwrite an existing image.")
@feature_options
def show(name: str, image: Path, time: float, output: Path | None, overwrite: bool, **options: Any) -> None:
    """Show where a template matches an image."""
    output = output or Path(f"{name}.png")
    if output.exists() and not overwrite:
        raise OutputError(f"{output} exists; choose another name with -o, or allow it with --overwrite")
    picture = read_picture(image, time=time)
    extractor = extractor_of(options, lambda: picture[None])
    library = default_library()
    library.names([name])
    fitting = library.made_with(extractor.fingerprint)
    if not any(member in fitting for member in library.names([name])):
        raise TemplateError(
            f"no template {name!r} for these features; create it with: motionveil template find {name} "
            f"--image {image} --features …"
        )
    maps = saliency_maps(picture, choose_templates([name], extractor).templates, extractor)
    best = maps.max(axis=0)
    row, column = np.unravel_index(int(best.argmax()), best.shape)
    shown = drawing.mark_point(drawing.overlay(picture, best), Point(float(column), float(row)))
    sheet = drawing.contact_sheet(
        [("", [("input", picture), (f"{name}: max {best.max():.2f}", shown)])], height=min(picture.shape[0], 480)
    )
    drawing.write_image(output, sheet, private=True)
    share = (best >= 0.5).mean()
    say(f"{output}  (maximum similarity {best.max():.2f} at {column},{row}; at least 0.5 in {share:.1%} of the image)")


@command.command()
@click.argument("name")
@click.option("--features", help="Only the template for these features, as shown by list.")
def remove(name: str, features: str | None) -> None:
    """Remove your templates of this name."""
    own = _own()
    if features is not None:
        kept = TemplateLibrary(t for t in own if t.name != name or _features(t) != features)
        if len(kept) == len(own):
            raise TemplateError(f"you have no template named {name!r} for {features}; see: motionveil template list")
        change_user_library(lambda own: TemplateLibrary(t for t in own if t.name != name or _features(t) != features))
        say(f"removed {name} for {features}")
        return
    if name not in own and name in built_in_library():
        raise TemplateError(f"{name!r} is built in and cannot be removed; omit it from --hide instead")
    if name not in own:
        raise TemplateError(f"you have no template named {name!r}; list them with: motionveil template list")
    change_user_library(lambda own: own.without(name))
    say(f"removed {name}")


@command.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--overwrite", is_flag=True, help="Overwrite templates of the same names.")
def import_(file: Path, overwrite: bool) -> None:
    """Import templates from a file written by export."""
    incoming = TemplateLibrary.load(file)
    known = {(template.name, template.fingerprint): template for template in default_library()}
    new = []
    for template in incoming:
        there = known.get((template.name, template.fingerprint))
        if there is not None and np.array_equal(there.vector, template.vector):
            continue
        if there is not None and not overwrite:
            raise TemplateError(
                f"a template named {template.name!r} already exists for {_features(template)}; allow it with "
                "--overwrite"
            )
        new.append(template)
    change_user_library(lambda own: own.with_templates(new))
    imported = [f"{template.name} for {_features(template)}" for template in new]
    say(f"imported {', '.join(imported)}" if imported else "all templates already exist")


@command.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("names", nargs=-1)
@click.option("--overwrite", is_flag=True, help="Overwrite an existing file.")
def export(file: Path, names: tuple[str, ...], overwrite: bool) -> None:
    """Export templates to a file: those named, or all of yours.

    Your own templates take precedence over built-in ones of the same name.
    """
    if file.exists() and not overwrite:
        raise OutputError(f"{file} exists; choose another name, or allow it with --overwrite")
    own = _own()
    chosen = list(own)
    if names:
        wanted = default_library().names(names)
        mine = [template for template in own if template.name in wanted]
        others = [name for name in wanted if name not in own]
        chosen = mine + (built_in_library().select(others) if others else [])
    if not chosen:
        raise TemplateError(
            "you have no templates yet; name built-in ones, or create one with: motionveil template add"
        )
    TemplateLibrary(chosen).save(file)
    say(f"{file}  ({', '.join(f'{t.name} for {_features(t)}' for t in chosen)})")
