"""The page in a real browser: Chromium of the system, driven by Playwright."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from motionveil.regions import Rectangle
from motionveil.studio.project import Project
from motionveil.studio.workspace import Workspace
from motionveil.video import VideoWriter, open_source

from ..cli.test_commands import Run, run
from ..conftest import textured
from ..pipeline.test_obfuscation import write
from ..pipeline.test_shape_following import scene
from .conftest import Start, Visitor, moving

__all__ = ["run"]

playwright = pytest.importorskip("playwright.sync_api", reason="this needs playwright: pip install playwright")
pytestmark = pytest.mark.browser

SETTLED = ".stage[data-busy=false] img"
CHROMIUM = os.environ.get("MOTIONVEIL_TEST_CHROMIUM") or next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("no Chromium; install it, or name it in MOTIONVEIL_TEST_CHROMIUM")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A page on which nothing goes wrong unseen."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, accept_downloads=True)
    opened = context.new_page()
    wrong: list[str] = []
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on("console", lambda said: wrong.append(said.text) if "Content Security Policy" in said.text else None)
    opened.on("request", lambda asked: wrong.append(asked.url) if elsewhere(asked.url) else None)
    opened.set_default_timeout(60_000)
    yield opened
    context.close()
    assert wrong == []


def elsewhere(url: str) -> bool:
    return not url.startswith(("http://127.0.0.1:", "blob:http://127.0.0.1:", "data:"))


def enter(page: Any, visitor: Visitor) -> None:
    page.goto(f"{visitor.origin}/?token={visitor.token}")
    page.wait_for_selector(".drop")
    assert page.url == f"{visitor.origin}/"


def drag(page: Any, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Over the frame, in shares of its width and height."""
    box = page.locator(".stage").bounding_box()
    (x, y), (to_x, to_y) = (
        (box["x"] + box["width"] * share[0], box["y"] + box["height"] * share[1]) for share in (start, end)
    )
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(to_x, to_y, steps=4)
    page.mouse.up()


def test_five_clicks_to_a_finished_video(page: Any, start: Start, film: Path, run: Run, tmp_path: Path) -> None:
    """Open, (draw an area instead of what needs a network), make, review, download; and again by the command line."""
    studio = start()
    enter(page, studio)
    page.set_input_files("input[type=file]", str(film))
    page.wait_for_selector(SETTLED)
    page.get_by_role("button", name="Whole person").click()
    page.get_by_role("button", name="Draw an area").click()
    drag(page, (0.1, 0.1), (0.5, 0.6))
    page.wait_for_selector("text=Saved")
    page.wait_for_selector(SETTLED)
    page.get_by_role("button", name="Make the video").click()
    page.get_by_role("button", name="Review the result").click()
    with page.expect_download() as started:
        page.get_by_role("link", name="Download").click()
    assert started.value.suggested_filename == "film_veiled.mp4"
    data = Path(started.value.path()).read_bytes()
    (folder,) = (path for path in studio.folder.iterdir() if path.is_dir())
    assert data == next(folder.glob("runs/*/result.mp4")).read_bytes()
    record = json.loads((folder / "project.json").read_text("utf-8"))
    area = record["settings"]["areas"][0]
    assert record["settings"]["hide"] == []
    assert [round(area[key] / 128, 1) for key in ("x", "width")] == [0.1, 0.4]
    code, _, error = run("obfuscate", film, "-o", tmp_path / "o.mp4", "--settings", folder / "project.json")
    assert code == 0, error


def test_choices_are_saved_undone_and_kept(page: Any, start: Start, film: Path) -> None:
    studio = start(film)
    enter(page, studio)
    page.click(".card a")
    page.wait_for_selector(SETTLED)
    page.keyboard.press("1")

    def saved() -> Any:
        page.wait_for_selector("text=Saved")
        (folder,) = (path for path in studio.folder.iterdir() if path.is_dir())
        return json.loads((folder / "project.json").read_text("utf-8"))["settings"]

    page.get_by_role("button", name="Legs").click()
    page.wait_for_timeout(400)
    assert saved()["hide"] == ["head", "hand", "arm", "torso"]
    page.get_by_role("button", name="Undo").click()
    page.wait_for_timeout(400)
    assert saved()["hide"] == ["person"]
    page.keyboard.press("Control+Shift+Z")
    page.wait_for_timeout(400)
    assert saved()["hide"] == ["head", "hand", "arm", "torso"]
    # By the keyboard alone: an area, moved, and removed again.
    page.get_by_role("button", name="Draw an area").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".area.chosen")
    before = saved()["areas"][0]
    page.wait_for_timeout(100)
    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(400)
    assert saved()["areas"][0]["x"] > before["x"]
    page.keyboard.press("Delete")
    page.wait_for_timeout(400)
    assert saved()["areas"] == []
    page.reload()
    page.wait_for_selector(SETTLED)
    assert page.get_by_role("button", name="Torso").get_attribute("aria-pressed") == "true"
    assert page.get_by_role("button", name="Legs").get_attribute("aria-pressed") == "false"


def test_a_template_is_clicked_named_and_removed(page: Any, start: Start, film: Path) -> None:
    studio = start(film)
    enter(page, studio)
    page.click(".card a")
    page.wait_for_selector(SETTLED)
    page.get_by_role("button", name="Hide what looks like this").click()
    box = page.locator(".stage").bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.5)
    name = page.get_by_label("Name of the template thing")
    name.wait_for()
    page.wait_for_selector(SETTLED)
    assert "like the template thing" in page.locator(".stage img").get_attribute("alt")
    name.fill("grey coat")
    name.press("Enter")
    page.get_by_label("Name of the template grey_coat").wait_for()
    page.wait_for_timeout(400)

    def saved() -> Any:
        page.wait_for_selector("text=Saved")
        (folder,) = (path for path in studio.folder.iterdir() if path.is_dir())
        return json.loads((folder / "project.json").read_text("utf-8"))["settings"]

    (template,) = saved()["templates"]
    assert (template["name"], template["x"], template["y"]) == ("grey_coat", 64, 48)
    assert saved()["hide"] == ["person", "grey_coat"]
    # By the keyboard alone: another one, farther to the right.
    page.get_by_role("button", name="Hide what looks like this").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".aim:focus")
    for key in ("Shift+ArrowRight", "ArrowDown", "Enter"):
        page.keyboard.press(key)
    page.get_by_label("Name of the template thing").wait_for()
    page.wait_for_timeout(400)
    assert [saved()["templates"][1][key] for key in "xy"] == [70, 49]
    page.get_by_role("button", name="Remove the template grey_coat").click()
    page.wait_for_timeout(400)
    assert [each["name"] for each in saved()["templates"]] == ["thing"]
    assert saved()["hide"] == ["person", "thing"]


def test_shapes_are_drawn_follow_and_are_cut(page: Any, start: Start, tmp_path: Path, rng: np.random.Generator) -> None:
    studio = start(write(tmp_path / "thing.mp4", scene(rng, 25)))
    enter(page, studio)
    page.click(".card a")
    page.wait_for_selector(SETTLED)
    page.keyboard.press("1")
    box = page.locator(".stage").bounding_box()

    def at(x: float, y: float) -> tuple[float, float]:
        return box["x"] + box["width"] * x / 160, box["y"] + box["height"] * y / 120

    def areas() -> Any:
        page.wait_for_timeout(400)
        page.wait_for_selector("text=Saved")
        (folder,) = (path for path in studio.folder.iterdir() if path.is_dir())
        return json.loads((folder / "project.json").read_text("utf-8"))["settings"]["areas"]

    page.get_by_role("button", name="Polygon").click()
    for corner in ((20, 40), (44, 40), (44, 72), (20, 72), (20, 40)):
        page.mouse.click(*at(*corner))
    page.locator("polygon.shape").wait_for()
    (polygon,) = areas()
    assert np.allclose(polygon["points"], [[20, 40], [44, 40], [44, 72], [20, 72]], atol=1)
    page.get_by_label("Polygon 1 follows what is under it").click()
    page.wait_for_selector(".toast:has-text('from the beginning to the end')")
    (polygon,) = areas()
    assert abs(polygon["way"][-1][1] - 72) < 4
    # Later it is shown where it is then, and ends there.
    page.get_by_label("Time in the video").fill("0.4")
    page.wait_for_timeout(200)
    left = page.locator("polygon.shape").bounding_box()["x"]
    assert abs(left - at(50, 0)[0]) < 12
    page.keyboard.press("]")
    assert areas()[0]["end"] == pytest.approx(0.44, abs=0.01)
    # A brush, by hand and by the keyboard alone.
    page.keyboard.press("b")
    page.mouse.move(*at(100, 20))
    page.mouse.down()
    page.mouse.move(*at(120, 30), steps=5)
    page.mouse.move(*at(140, 20), steps=5)
    page.mouse.up()
    page.locator("polyline.shape").wait_for()
    stroke = areas()[1]
    assert stroke["radius"] >= 2
    assert np.allclose([stroke["points"][0], stroke["points"][-1]], [[100, 20], [140, 20]], atol=1.5)
    page.get_by_role("button", name="Brush", exact=True).focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".aim:focus")
    for key in ("Enter", "Shift+ArrowRight", "Enter", "Enter"):
        page.keyboard.press(key)
    assert areas()[2]["points"] == [[80, 60], [88, 60]]
    page.keyboard.press("Control+z")
    assert len(areas()) == 2


def test_somebody_who_was_missed_is_added(page: Any, start: Start, tmp_path: Path, rng: np.random.Generator) -> None:
    studio = start(write(tmp_path / "thing.mp4", scene(rng, 25)))
    enter(page, studio)
    page.click(".card a")
    page.wait_for_selector(SETTLED)
    page.get_by_role("button", name="Add somebody missed").click()
    box = page.locator(".stage").bounding_box()
    page.mouse.click(box["x"] + box["width"] * 32 / 160, box["y"] + box["height"] * 56 / 120)
    page.wait_for_selector(".area.chosen")
    page.wait_for_selector("text=Saved")
    assert page.get_by_label("Area 1 follows what is under it").is_checked()
    page.get_by_role("button", name="Remove a false find").click()
    page.mouse.click(box["x"] + 3, box["y"] + 3)
    page.wait_for_selector(".toast.bad, li:has-text('Nobody, from')")


def test_views_may_change_before_they_are_there(page: Any, start: Start, film: Path) -> None:
    studio = start(film)
    enter(page, studio)
    page.click(".card a")
    page.wait_for_selector(SETTLED)
    for key in "4321434":
        page.keyboard.press(key)
    page.wait_for_selector(SETTLED)
    assert page.locator(".stage img").count() == 2
    for key in "1213":
        page.keyboard.press(key)
    page.wait_for_selector(SETTLED)
    assert page.locator(".stage img").count() == 1


def test_a_text_is_refused_in_words(page: Any, start: Start, tmp_path: Path) -> None:
    studio = start()
    enter(page, studio)
    (tmp_path / "notes.mp4").write_text("no video at all\n" * 50)
    page.set_input_files("input[type=file]", str(tmp_path / "notes.mp4"))
    page.wait_for_selector(".toast.bad")
    assert "notes.mp4" in page.text_content(".toast.bad")
    assert page.locator(".drop").count() == 1


def test_a_run_is_cancelled(page: Any, start: Start, tmp_path: Path, rng: np.random.Generator) -> None:
    studio = start(write(tmp_path / "long.mp4", moving(rng, 900)))
    enter(page, studio)
    page.click(".card a")
    page.wait_for_selector(SETTLED)
    page.get_by_role("button", name="Whole person").click()
    page.get_by_role("button", name="Whole frame").click()
    page.get_by_role("button", name="Make the video").click()
    page.get_by_role("button", name="Cancel").click()
    page.wait_for_selector("text=Make the video")
    assert not list(studio.folder.glob("*/runs/*"))


def test_moments_are_looked_at(page: Any, start: Start, film: Path, tmp_path: Path) -> None:
    folder = tmp_path / "workspace"
    with Workspace.open(folder) as workspace:
        project = workspace.add_path(film)
        record = project.as_record()
        moments = [{"time": 0.12, "box": [20, 20, 30, 40]}, {"time": 0.32, "box": [60, 30, 30, 40]}]
        record["runs"] = [
            {
                "id": "a" * 16, "state": "done", "created": project.created, "settings": project.settings.as_record(),
                "notices": [], "moments": moments, "output": "result.mp4",
                "rows": [
                    {"start": 0, "end": 0.2, "places": [[0, 20, 20, 30, 40]]},
                    {"start": 0.28, "end": 0.4, "places": [[0.28, 60, 30, 30, 40]]},
                ],
                "audit": {"state": "done", "level": "good", "headline": "Nobody is known.", "error": None},
            }
        ]  # fmt: skip
        changed = workspace.change(project.id, lambda old: Project.from_record(record))
        place = workspace.run_folder(changed, "a" * 16)
        place.mkdir(parents=True)
        shutil.copy(film, place / "result.mp4")
    studio = start(workspace=folder)
    enter(page, studio)
    page.goto(f"{studio.origin}/#{project.id}/review")
    page.wait_for_selector(".moments img")
    page.get_by_label("Piece 2, from 0:00.28").click()
    page.wait_for_selector("svg.drawing rect.doubt")
    assert page.get_by_label("Time in the video").input_value() == "0.28"
    assert page.locator(".rows .tick").count() == 2
    assert page.get_by_role("link", name="Open the report").get_attribute("href").endswith("/audit")
    page.fill("text=Your name", "Ada")
    page.locator("h2").first.click()
    page.keyboard.press("n")
    page.wait_for_selector(".moments li.chosen")
    page.keyboard.press("f")
    page.wait_for_selector("text=1 of 2 looked at")
    page.keyboard.press("n")
    page.keyboard.press("x")  # leads to the frame, with an area where somebody was missed
    page.wait_for_selector(".area.chosen")
    page.wait_for_timeout(500)
    found = Project.from_record(json.loads((folder / project.id / "project.json").read_text("utf-8")))
    assert [(mark.moment, mark.mark, mark.who) for mark in found.marks] == [(0, "fine", "Ada"), (1, "fixed", "Ada")]
    (area,) = found.settings.areas
    assert isinstance(area, Rectangle)
    assert (area.x, area.y, area.width, area.height, area.start) == (60, 30, 30, 40, 0)


def test_what_was_chosen_survives_a_server_that_is_away(page: Any, start: Start, film: Path) -> None:
    studio = start(film)
    enter(page, studio)
    page.click(".card a")
    page.wait_for_selector(SETTLED)
    page.keyboard.press("1")
    page.route("**/settings", lambda route: route.abort())
    page.get_by_role("button", name="Torso").click()
    page.wait_for_selector(".offline")
    page.unroute("**/settings")
    page.reload()
    page.wait_for_selector("text=Saved")
    page.wait_for_timeout(500)
    (folder,) = (path for path in studio.folder.iterdir() if path.is_dir())
    assert "torso" not in json.loads((folder / "project.json").read_text("utf-8"))["settings"]["hide"]
    assert page.get_by_role("button", name="Torso").get_attribute("aria-pressed") == "false"


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize("size", [(640, 480), (1920, 1080)], ids=["640x480", "1080p"])
def test_the_time_of_a_look(
    page: Any, start: Start, data_dir: Path, tmp_path: Path, record_property: Any, size: tuple[int, int]
) -> None:
    """From a click to the changed frame, with the network: on two idle cores a second at most, and two at 1080p."""
    film = tmp_path / "film.mp4"
    with (
        open_source(data_dir / "clips" / "bedroom.mp4", end=5, size=size) as source,
        VideoWriter(film, source.info) as writer,
    ):
        for clip in source:
            writer.write(clip)
        writer.finish()
        writer.commit()
    studio = start(film)
    enter(page, studio)
    page.click(".card a")
    page.wait_for_selector(SETTLED)
    times = []
    for index in range(6):
        before = page.locator(".stage img").get_attribute("src")
        begin = time.perf_counter()
        if index % 2:
            page.get_by_role("button", name="Legs").click()
        else:
            page.keyboard.press("Shift+ArrowRight")
        page.wait_for_selector(f".stage[data-busy=false] img:not([src='{before}'])")
        times.append(time.perf_counter() - begin)
    print(f"seconds to the changed frame at {size[0]}x{size[1]}:", *(f"{seconds:.2f}" for seconds in times))
    record_property("seconds", times)
    assert np.median(times) < 6  # with room for a busy machine


def repeated(path: Path, piece: Path, times: int) -> Path:
    """A film that repeats the packets of another one."""
    import av

    with av.open(str(piece)) as source, av.open(str(path), "w") as target:
        stream = source.streams.video[0]
        added = target.add_stream_from_template(stream)
        packets = [packet for packet in source.demux(stream) if packet.pts is not None]
        # Frames are not in the order of their packets.
        times_of = [(cast(int, packet.pts), cast(int, packet.dts)) for packet in packets]
        length = max(pts for pts, _ in times_of) + cast(int, packets[1].duration)
        for turn in range(times):
            for packet, (pts, dts) in zip(packets, times_of, strict=True):
                packet.pts, packet.dts = pts + turn * length, dts + turn * length
                packet.stream = added
                target.mux(packet)
    return path


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is measured as Linux tells it")
def test_ten_minutes_of_1080p_open_soon(page: Any, tmp_path: Path, rng: np.random.Generator) -> None:
    """In three seconds on an idle machine; it takes about 800 MB once the result of a frame was looked at."""
    picture = textured(1080, 1920, rng)
    piece = write(tmp_path / "piece.mp4", np.stack([np.roll(picture, 4 * t, axis=1) for t in range(50)]))
    film = repeated(tmp_path / "long.mp4", piece, 300)
    command = [
        sys.executable,
        "-m",
        "motionveil",
        "studio",
        str(film),
        "--no-browser",
        "--workspace",
        str(tmp_path / "w"),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = next(line for line in process.stdout if "?token=" in line).split()[-1]
        try:
            page.goto(address)
            page.wait_for_selector(".card img")
            begin = time.perf_counter()
            page.click(".card a")
            page.wait_for_selector(".stage")
            page.keyboard.press("1")
            page.wait_for_selector(SETTLED)
            opened = time.perf_counter() - begin
            page.get_by_label("Time in the video").fill("590")
            page.keyboard.press("3")
            page.wait_for_timeout(200)
            page.wait_for_selector(SETTLED, timeout=200_000)
            status = Path(f"/proc/{process.pid}/status").read_text("utf-8")
            peak = int(status.split("VmHWM:")[1].split()[0]) / 1e3
        finally:
            process.terminate()
    print(f"ten minutes of 1080p: opened in {opened:.1f} s, {peak:.0f} MB at most")
    assert opened < 20  # with room for a busy machine
    assert peak < 900


@pytest.mark.data
@pytest.mark.slow
def test_a_person_is_kept_by_a_click(page: Any, start: Start, data_dir: Path) -> None:
    studio = start(data_dir / "clips" / "carphone_pristine.mp4")
    enter(page, studio)
    page.click(".card a")
    page.wait_for_selector(SETTLED)
    box = page.locator(".stage").bounding_box()
    page.get_by_role("button", name="Keep somebody visible").click()
    page.mouse.click(box["x"] + box["width"] * 0.06, box["y"] + box["height"] * 0.5)  # there is nobody
    page.wait_for_selector("text=Nobody was found there")
    assert page.locator("text=Person at").count() == 0
    page.get_by_role("button", name="Keep somebody visible").click()
    page.mouse.click(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.6)
    page.wait_for_selector("text=This person stays visible")
    assert page.locator("text=Person at").count() == 1
