"""What a page asks for, from an opened film to a reviewed result."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import motionveil
from motionveil._core.errors import InputError, OptionError, OutputError
from motionveil.studio.project import Moment, Project
from motionveil.studio.queue import Queue
from motionveil.studio.workspace import Workspace

from ..cli.test_commands import Run, run
from ..pipeline.test_obfuscation import read, write
from ..pipeline.test_shape_following import scene
from .conftest import AREA, ONLY_AN_AREA, Start, Visitor, files_in, moving

__all__ = ["run"]


def picture(data: bytes) -> Any:
    import cv2

    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert decoded is not None
    return cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB)


def test_frames_show_what_will_be(studio: Visitor, film: Path) -> None:
    project = studio.choose(studio.upload(film), **ONLY_AN_AREA)
    at = f"/api/projects/{project['id']}/frame?time=0.2&view="
    original, hidden, result = (picture(studio.ask(at + view).body) for view in ("original", "hidden", "result"))
    frames, _ = read(film)
    assert original.shape == (96, 128, 3)
    assert np.abs(original.astype(int) - frames[5]).mean() < 6
    inside, outside = (slice(10, 36), slice(10, 46)), (slice(50, 96), slice(0, 128))
    assert np.abs(result.astype(int) - original)[inside].mean() > 20
    assert np.abs(result.astype(int) - original)[outside].mean() < 3
    assert np.abs(hidden.astype(int) - original)[inside].mean() > 20
    # An area of another time is not there now.
    project = studio.choose(project, hide=[], areas=[{**AREA, "start": 0.3, "end": 0.4}], seed=7)
    assert np.abs(picture(studio.ask(at + "result").body).astype(int) - original).mean() < 3
    later = f"/api/projects/{project['id']}/frame?time=0.32&view="
    before, after = (picture(studio.ask(later + view).body).astype(int) for view in ("original", "result"))
    assert np.abs(after - before)[inside].mean() > 20


@pytest.mark.parametrize("query", ["view=all", "time=-1", "time=x", "time=nan", "time=1e9", "view=../original"])
def test_frames_that_do_not_exist(studio: Visitor, film: Path, query: str) -> None:
    project = studio.upload(film)
    assert studio.ask(f"/api/projects/{project['id']}/frame?{query}").status == 422


def test_beyond_the_end_the_last_frame_is_shown(studio: Visitor, film: Path) -> None:
    project = studio.upload(film)
    answer = studio.ask(f"/api/projects/{project['id']}/frame?time=0.5")
    assert answer.status == 200
    assert np.abs(picture(answer.body).astype(int) - read(film)[0][-1]).mean() < 6


@pytest.mark.parametrize(
    "settings",
    [
        {"hide": ["nobody"]}, {"hide": "person"}, {"hide": [1]}, {"hide": [""]}, {"fill": "none"}, {"preset": "best"},
        {"palette": 3}, {"areas": [{"x": "1%"}]}, {"areas": [{"x": 1, "y": 1, "width": 0, "height": 1}]},
        {"areas": {"x": 1}}, {"areas": [[1, 2]]}, {"masks": ["/etc/passwd"]}, {"seed": -1}, {"seed": 1.5},
        {"whole_frame": 1}, {"smallest_person": 1}, {"audio": "some"}, {"keep": [{"x": 1}]}, {"areas": [AREA] * 501},
        {"areas": [{"points": [[1, 2], [3, 4]]}]}, {"areas": [{"points": [[1, 2, 3]] * 3}]}, {"areas": [{"points": 3}]},
        {"areas": [{"points": [[1, "2"]] * 3}]}, {"areas": [{**AREA, "way": [[1, 2]]}]},
        {"areas": [{**AREA, "way": []}]},
        {"areas": [{**AREA, "way": [[1, 0, 0, 1], [1, 0, 0, 1]]}]}, {"areas": [{"points": [[1, 1]], "radius": -1}]},
        {"areas": [{**AREA, "way": [[1, 0, 0, 1]], "doubts": ["x"]}]}, {"leave_out": [{"x": 1}]},
        {"templates": [{"name": "a"}]}, {"templates": [3]}, {"hide": ["logo"]},
        {"templates": [{"name": "logo", "vector": "!", "fingerprint": "a", "origin": "b"}]},
        {"templates": [{"name": "logo", "vector": "AAAA", "fingerprint": "a", "origin": "b"}]},
        {"templates": [{"name": "logo", "vector": "AACAPw==", "fingerprint": "a", "origin": "b", "file": "c"}]},
        {"templates": [{"name": "hair", "vector": "AACAPw==", "fingerprint": "a", "origin": "b"}]},
        {"templates": [{"name": "logo", "vector": "AACAPw==", "fingerprint": "a", "origin": "b"}] * 2},
        {"areas": [{**AREA, "start": 2, "end": 1}]}, {"areas": [{**AREA, "file": "/etc"}]}, [], None, 3,
    ],
)  # fmt: skip
def test_settings_that_make_no_sense_change_nothing(studio: Visitor, film: Path, settings: Any) -> None:
    project = studio.upload(film)
    place = f"/api/projects/{project['id']}"
    answer = studio.ask(f"{place}/settings", "PUT", {"revision": 0, "settings": settings})
    assert answer.status == 422
    assert answer.json["error"]
    assert studio.ask(place).json == project


def test_a_template_is_made_from_a_place(studio: Visitor, film: Path, tmp_path: Path, run: Run) -> None:
    """It matches this place, is hidden there, and the command line hides the same."""
    project = studio.choose(studio.upload(film), hide=[], seed=7)
    place = f"/api/projects/{project['id']}"
    made = studio.ask(f"{place}/templates", "POST", {"name": "logo", "x": 60, "y": 50, "time": 0.2})
    assert made.status == 201, made.body
    template = made.json["template"]
    assert (template["name"], template["x"], template["y"], template["time"]) == ("logo", 60, 50, 0.2)
    assert 0 < made.json["share"] <= 1
    project = studio.choose(project, hide=["logo"], templates=[template], seed=7)
    assert project["settings"]["templates"] == [template]
    at = f"{place}/frame?time=0.2&view="
    original, matches, result = (
        picture(studio.ask(at + view).body).astype(int) for view in ("original", "matches&name=logo", "result")
    )
    near = (slice(45, 56), slice(55, 66))
    assert np.abs(matches - original)[near].mean() > 20
    assert np.abs(result - original)[near].mean() > 20
    assert studio.ask(at + "matches&name=other").status == 422
    studio.ask(f"{place}/runs", "POST", {})
    made = studio.wait(project["id"], "done", "failed")["runs"][0]
    assert made["state"] == "done", made["error"]
    (tmp_path / "project.json").write_bytes(studio.ask(f"{place}/file").body)
    again = tmp_path / "again.mp4"
    code, _, error = run("obfuscate", film, "-o", again, "--settings", tmp_path / "project.json")
    assert code == 0, error
    assert again.read_bytes() == studio.ask(f"{place}/runs/{made['id']}/result").body


@pytest.mark.parametrize(
    "body",
    [{}, {"name": "a b"}, {"name": "hair"}, {"name": "person"}, {"name": 3}, {"x": -5}, {"x": 1e400}, {"x": 10**400},
     {"y": "1"}, {"time": -1}, {"time": 1e8}, {"time": None}],
)  # fmt: skip
def test_templates_that_cannot_be_made(studio: Visitor, film: Path, body: Any) -> None:
    project = studio.upload(film)
    given = {"name": "logo", "x": 5, "y": 5, "time": 0.0, **body} if body else {}
    answer = studio.ask(f"/api/projects/{project['id']}/templates", "POST", given)
    assert answer.status == 422, answer.body
    assert answer.json["error"]


THING = {"x": 20, "y": 40, "width": 24, "height": 32, "start": None, "end": None}


@pytest.fixture
def thing(tmp_path: Path, rng: np.random.Generator) -> Path:
    """A film of 25 frames in which a thing of 24x32 moves by 3 pixels a frame."""
    return write(tmp_path / "thing.mp4", scene(rng, 25))


def test_an_area_follows_what_is_under_it(studio: Visitor, thing: Path, tmp_path: Path, run: Run) -> None:
    """From the page to the command line."""
    project = studio.upload(thing)
    place = f"/api/projects/{project['id']}"
    made = studio.ask(f"{place}/areas", "POST", {"time": 0.0, "area": THING})
    assert made.status == 201, made.body
    area = made.json
    assert (area["doubts"], area["start"], area["end"]) == ([], None, None)
    assert area["way"][-1][1] == pytest.approx(72, abs=4)
    project = studio.choose(project, hide=[], areas=[area], seed=7)
    assert project["settings"]["areas"] == [area]
    at = f"{place}/frame?time=0.8&view="
    original, result = (picture(studio.ask(at + view).body).astype(int) for view in ("original", "result"))
    changed = np.abs(result - original).mean(axis=2)
    assert changed[44:68, 84:100].mean() > 20  # where it is then
    assert changed[44:68, 20:40].mean() < 3
    studio.ask(f"{place}/runs", "POST", {})
    made = studio.wait(project["id"], "done", "failed")["runs"][0]
    assert made["state"] == "done", made["error"]
    (tmp_path / "project.json").write_bytes(studio.ask(f"{place}/file").body)
    again = tmp_path / "again.mp4"
    code, _, error = run("obfuscate", thing, "-o", again, "--settings", tmp_path / "project.json")
    assert code == 0, error
    assert again.read_bytes() == studio.ask(f"{place}/runs/{made['id']}/result").body


def test_where_an_area_was_lost_is_a_moment_of_doubt(studio: Visitor, thing: Path) -> None:
    project = studio.upload(thing)
    lost = {**THING, "way": [[0, 0, 0, 1], [0.4, 30, 0, 1]], "doubts": [0.4]}
    studio.choose(project, hide=[], areas=[lost], seed=7)
    studio.ask(f"/api/projects/{project['id']}/runs", "POST", {})
    made = studio.wait(project["id"], "done", "failed")["runs"][0]
    assert made["moments"] == [{"time": 0.4, "box": [50, 40, 24, 32]}]


def test_somebody_who_was_missed_is_followed(studio: Visitor, thing: Path) -> None:
    project = studio.upload(thing)
    made = studio.ask(f"/api/projects/{project['id']}/areas", "POST", {"time": 0.4, "x": 62, "y": 56})
    assert made.status == 201, made.body
    area = made.json
    assert area["x"] <= 62 <= area["x"] + area["width"]
    assert area["way"]
    studio.choose(project, areas=[area])


def test_what_is_nobody_is_left_out(studio: Visitor, thing: Path) -> None:
    """A template finds the thing; where it was clicked as nobody, it stays visible from the time on it was found."""
    project = studio.upload(thing)
    place = f"/api/projects/{project['id']}"
    answer = studio.ask(f"{place}/false", "POST", {"x": 2, "y": 2, "time": 0.6})
    assert answer.status == 422
    assert "nothing was found there" in answer.json["error"] or "nobody" in answer.json["error"]
    assert studio.ask(f"{place}/areas", "POST", {"time": 0.4, "x": 900, "y": 56}).status == 422
    for body in ({"time": 1}, {"time": 0.4, "area": {}}, {"time": 0.4, "area": {**THING, "x": 5000}}, {"area": THING}):
        assert studio.ask(f"{place}/areas", "POST", body).status == 422, body


def test_shapes_come_back_as_they_were(studio: Visitor, film: Path) -> None:
    points = [[10, 10], [60, 12], [30, 50]]
    areas = [
        {"points": points, "start": None, "end": 0.3}, {"points": points[:1], "radius": 9, "start": None, "end": None},
    ]  # fmt: skip
    keep = [{"x": 5, "y": 6, "time": 0.1, "end": 0.3}]
    project = studio.choose(studio.upload(film), areas=areas, keep=keep, leave_out=keep)
    settings = project["settings"]
    assert (settings["areas"], settings["keep"], settings["leave_out"]) == (areas, keep, keep)


def test_two_tabs_do_not_overwrite_each_other(studio: Visitor, film: Path) -> None:
    first = studio.upload(film)
    second = studio.choose(first, hide=["head"])
    answer = studio.ask(
        f"/api/projects/{first['id']}/settings", "PUT", {"revision": first["revision"], "settings": {"hide": ["hand"]}}
    )
    assert answer.status == 409
    assert studio.ask(f"/api/projects/{first['id']}").json["settings"]["hide"] == ["head"]
    studio.choose(second, hide=["hand"])


@pytest.mark.parametrize("body", [b"[]", b"{", b"\xff", b"[" * 100_000, b" " * 2_000_000])
def test_bodies_that_are_no_json(studio: Visitor, film: Path, body: bytes) -> None:
    project = studio.upload(film)
    assert studio.ask(f"/api/projects/{project['id']}/settings", "PUT", body).status in (413, 422)


def make(studio: Visitor, film: Path, **settings: Any) -> Any:
    project = studio.choose(studio.upload(film, "Böse Ärzte.mp4"), **(settings or ONLY_AN_AREA))
    answer = studio.ask(f"/api/projects/{project['id']}/runs", "POST", {"preview": True})
    assert answer.status == 201, answer.body
    return studio.wait(project["id"], "done", "failed")


def test_a_run_from_start_to_download(studio: Visitor, film: Path) -> None:
    project = make(studio, film)
    (run,) = project["runs"]
    assert run["state"] == "done", run["error"]
    assert run["frames"] == 12
    place = f"/api/projects/{project['id']}/runs/{run['id']}"
    whole = studio.ask(f"{place}/result?download=1")
    assert whole.headers["content-type"] == "video/mp4"
    assert "B%C3%B6se%20%C3%84rzte_veiled.mp4" in whole.headers["content-disposition"]
    part = studio.ask(f"{place}/result", Range="bytes=10-19")
    assert (part.status, part.body) == (206, whole.body[10:20])
    record = studio.ask(f"{place}/files/record").json
    assert record["num_frames"] == 12
    for kind in ("preview", "sheet"):
        assert len(studio.ask(f"{place}/files/{kind}").body) > 100
    assert studio.ask(f"{place}/files/../../project.json").status == 404
    assert studio.ask(f"/api/projects/{project['id']}/film").body == film.read_bytes()


def test_the_command_line_makes_the_same_bytes(studio: Visitor, film: Path, tmp_path: Path, run: Run) -> None:
    areas = [{**AREA, "start": 0.08, "end": 0.4}, {**AREA, "x": 70}]
    project = make(studio, film, hide=[], areas=areas, palette="grey", seed=11)
    made = project["runs"][0]
    result = studio.ask(f"/api/projects/{project['id']}/runs/{made['id']}/result").body
    file = tmp_path / "project.json"
    file.write_bytes(studio.ask(f"/api/projects/{project['id']}/file").body)
    code, _, error = run("obfuscate", film, "-o", tmp_path / "again.mp4", "--settings", file)
    assert code == 0, error
    assert (tmp_path / "again.mp4").read_bytes() == result


def test_moments_are_marked(studio: Visitor, film: Path) -> None:
    project = make(studio, film)
    place = studio.folder / project["id"] / "project.json"
    run = project["runs"][0]["id"]
    at = f"/api/projects/{project['id']}/runs/{run}/moments"
    assert studio.ask(f"{at}/0", "PUT", {"mark": "fine"}).status == 422
    assert studio.ask(f"{at}/0").status == 404
    record = json.loads(place.read_text("utf-8"))
    assert record["runs"][0]["moments"] == []


def test_a_result_is_audited(studio: Visitor, film: Path) -> None:
    project = make(studio, film)
    run = project["runs"][0]
    (row,) = run["rows"]
    assert (row["start"], row["end"]) == (0, 0.44)
    assert row["places"][0][0] == 0
    assert row["places"][0][1:] == pytest.approx([8, 8, 40, 30], abs=2)
    place = f"/api/projects/{project['id']}/runs/{run['id']}/audit"
    assert studio.ask(place).status == 404
    assert studio.ask(place, "POST", {}).status == 201
    end = time.monotonic() + 200
    while (audit := studio.ask(f"/api/projects/{project['id']}").json["runs"][0]["audit"])["state"] != "done":
        assert audit["state"] != "failed", audit["error"]
        assert time.monotonic() < end
        time.sleep(0.1)
    assert audit["headline"]
    report = studio.ask(place)
    assert report.headers["content-type"] == "text/html; charset=utf-8"
    policy = report.headers["content-security-policy"]
    assert "sandbox" in policy
    assert "script" not in policy
    assert audit["headline"].encode() in report.body.replace(b"&#39;", b"'")
    # It goes with its run, and may be cancelled.
    assert studio.ask(place, "POST", {}).status == 201
    assert studio.ask(place, "DELETE").json["runs"][0]["audit"] is None
    assert studio.ask(place).status == 404
    studio.ask(place.removesuffix("/audit"), "DELETE")
    assert not (studio.folder / project["id"] / "runs" / run["id"]).exists()
    assert studio.ask(place, "POST", {}).status == 404


def test_a_cancelled_run_leaves_nothing(start: Start, tmp_path: Path, rng: np.random.Generator) -> None:
    studio = start().enter()
    long = write(tmp_path / "long.mp4", moving(rng, 600))
    project = studio.choose(studio.upload(long), **ONLY_AN_AREA)
    place = f"/api/projects/{project['id']}"
    run = studio.ask(f"{place}/runs", "POST", {}).json["runs"][0]["id"]
    assert studio.ask(f"{place}/runs", "POST", {}).status == 422
    studio.wait(project["id"], "running", "done")
    studio.ask(f"{place}/runs/{run}", "DELETE")
    project = studio.wait(project["id"], "cancelled")
    assert not (studio.folder / project["id"] / "runs" / run).exists()
    # A further one is made as if nothing had been.
    studio.ask(f"{place}/runs", "POST", {})
    assert studio.wait(project["id"], "done")["runs"][-1]["frames"] == 600


def test_nothing_to_hide_is_said_at_once(studio: Visitor, film: Path) -> None:
    project = studio.choose(studio.upload(film), hide=[])
    answer = studio.ask(f"/api/projects/{project['id']}/runs", "POST", {})
    assert answer.status == 422
    assert "choose" in answer.json["error"]
    assert studio.ask(f"/api/projects/{project['id']}/frame?view=result").status == 200


def test_a_run_that_fails_says_why(studio: Visitor, film: Path) -> None:
    project = make(studio, film, hide=[], areas=[{**AREA, "start": 50, "end": 60}])
    (run,) = project["runs"]
    assert run["state"] == "failed"
    assert "outside the video" in run["error"]
    assert not (studio.folder / project["id"] / "runs" / run["id"]).exists()


def test_deleting_leaves_nothing(studio: Visitor, film: Path) -> None:
    project = make(studio, film)
    run = project["runs"][0]["id"]
    place = f"/api/projects/{project['id']}"
    assert studio.ask(f"{place}/runs/{run}", "DELETE").json["runs"] == []
    assert not (studio.folder / project["id"] / "runs" / run).exists()
    assert studio.ask(place, "DELETE").status == 204
    assert files_in(studio.folder) == set()
    assert studio.ask(place).status == 404


def test_films_of_the_command_line_stay_where_they_are(start: Start, film: Path, tmp_path: Path) -> None:
    folder = tmp_path / "films"
    folder.mkdir()
    (folder / "other.mp4").write_bytes(film.read_bytes())
    (folder / "notes.txt").write_text("no film")
    studio = start(film, folder).enter()
    (project,) = studio.ask("/api/projects").json["projects"]
    assert project["film"]["path"] == str(film.resolve())
    assert studio.ask("/api/projects").json["others"] == [{"index": 0, "name": "other.mp4"}]
    opened = studio.ask("/api/others/0", "POST", {}).json
    assert opened["film"]["name"] == "other.mp4"
    assert studio.ask("/api/others/1", "POST", {}).status == 404
    studio.ask(f"/api/projects/{opened['id']}", "DELETE")
    assert (folder / "other.mp4").exists()
    film.unlink()
    answer = studio.ask(f"/api/projects/{project['id']}/frame")
    assert answer.status == 422
    assert "open it again" in answer.json["error"]


def test_everything_is_there_after_a_restart(start: Start, film: Path, tmp_path: Path) -> None:
    """Also after an end without warning: a run that was being made is made again."""
    folder = tmp_path / "workspace"
    with Workspace.open(folder) as workspace:
        project = workspace.add_path(film)
        queue = Queue(workspace, command=lambda: [sys.executable, "-c", "import time; time.sleep(60)"])
        record = Project.from_record(project.as_record()).settings.as_record() | ONLY_AN_AREA
        settings = type(project.settings).from_record(record)
        workspace.change(project.id, lambda old: old.with_settings(settings))
        queue.add(project.id)
        while queue.progress is None:
            time.sleep(0.01)
        queue.close()
    studio = start(workspace=folder).enter()
    found = studio.wait(project.id, "done")
    assert len(found["runs"]) == 1
    assert found["settings"]["areas"] == [AREA]


def test_a_crash_of_the_worker_ends_nothing_else(film: Path, tmp_path: Path) -> None:
    with Workspace.open(tmp_path / "w") as workspace:
        project = workspace.add_path(film)
        crash = "import os; os.abort()"
        queue = Queue(workspace, command=lambda: [sys.executable, "-c", crash])
        queue.add(project.id)
        while not (found := workspace.find(project.id)).runs[0].is_over:
            time.sleep(0.02)
        assert found.runs[0].state == "failed"
        assert "ended" in str(found.runs[0].error)
        queue.close()


def test_marks_are_kept_with_who_and_when(film: Path, tmp_path: Path) -> None:
    with Workspace.open(tmp_path / "w") as workspace:
        project = workspace.add_path(film)
        record = project.as_record()
        record["runs"] = [
            {
                "id": "a" * 16, "state": "done", "created": project.created, "settings": project.settings.as_record(),
                "notices": [], "moments": [{"time": 0.2, "box": [1, 2, 30, 40]}], "output": "result.mp4",
            }
        ]  # fmt: skip
        workspace.change(project.id, lambda old: Project.from_record(record))
        changed = workspace.change(project.id, lambda old: old.with_mark("a" * 16, 0, "fine", " Ada "))
        (mark,) = changed.marks
        assert (mark.mark, mark.who, mark.time) == ("fine", "Ada", 0.2)
        assert mark.when.startswith("20")
        assert changed.with_mark("a" * 16, 0, None, "").marks == ()
        for wrong in (("b" * 16, 0, "fine"), ("a" * 16, 1, "fine"), ("a" * 16, -1, "fine"), ("a" * 16, 0, "good")):
            with pytest.raises(OptionError):
                changed.with_mark(*wrong, "")
    with Workspace.open(tmp_path / "w") as workspace:
        assert workspace.find(project.id) == changed
        assert workspace.find(project.id).runs[0].moments == (Moment(0.2, (1, 2, 30, 40)),)


def test_one_studio_to_a_workspace(start: Start, tmp_path: Path) -> None:
    start()
    with pytest.raises(OutputError, match="another motionveil studio"):
        start()


def test_old_projects_go_and_damaged_ones_stay(film: Path, tmp_path: Path) -> None:
    folder = tmp_path / "w"
    with Workspace.open(folder) as workspace:
        old, new, damaged = (workspace.add_path(film), None, None)
        for name in ("new", "damaged"):
            copy = tmp_path / f"{name}.mp4"
            copy.write_bytes(film.read_bytes())
            new, damaged = damaged, workspace.add_path(copy)
    assert new is not None
    assert damaged is not None
    record = json.loads((folder / old.id / "project.json").read_text("utf-8"))
    record["changed"] = "2020-01-01T00:00:00+00:00"
    (folder / old.id / "project.json").write_text(json.dumps(record))
    (folder / damaged.id / "project.json").write_text("{")
    with Workspace.open(folder, keep_days=0) as workspace:
        assert {project.id for project in workspace.projects()} == {old.id, new.id}
    with Workspace.open(folder, keep_days=30) as workspace:
        assert {project.id for project in workspace.projects()} == {new.id}
    assert not (folder / old.id).exists()
    assert (folder / damaged.id).exists()


def test_pictures_can_be_opened_too(studio: Visitor, film: Path, tmp_path: Path) -> None:
    from motionveil import drawing

    drawing.write_image(tmp_path / "a.png", read(film)[0][0])
    project = studio.choose(studio.upload(tmp_path / "a.png", "a.png"), **ONLY_AN_AREA)
    assert project["film"]["is_image"]
    assert studio.ask(f"/api/projects/{project['id']}/frame?view=result").status == 200
    studio.ask(f"/api/projects/{project['id']}/runs", "POST", {})
    run = studio.wait(project["id"], "done", "failed")["runs"][0]
    assert run["output"] == "result.png", run["error"]


def test_ports_and_places_that_cannot_be(start: Start, studio: Visitor, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="port"):
        start(port=studio.port, workspace=tmp_path / "other")
    with pytest.raises(InputError, match="does not exist"):
        start(tmp_path / "missing.mp4", workspace=tmp_path / "third")


@pytest.mark.data
@pytest.mark.slow
def test_people_are_hidden_in_the_look_as_in_the_result(studio: Visitor, data_dir: Path) -> None:
    project = studio.upload(data_dir / "clips" / "carphone_pristine.mp4")
    at = f"/api/projects/{project['id']}/frame?time=1&view="
    original, result = (picture(studio.ask(at + view).body).astype(int) for view in ("original", "result"))
    difference = np.abs(result - original).mean(2)
    assert difference[40:90, 60:110].mean() > 30
    assert difference[:, :30].mean() < 15
    assert motionveil.probe(data_dir / "clips" / "carphone_pristine.mp4").width == 176
