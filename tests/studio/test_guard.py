"""Nobody gets in but the browser with the key, and nothing of it leaks."""

from __future__ import annotations

import pytest

from .conftest import Start, Visitor

ROUTES = [
    ("GET", "/"), ("GET", "/app.js"), ("GET", "/api/options"), ("GET", "/api/projects"), ("GET", "/api/events"),
    ("POST", "/api/projects?name=a.mp4"), ("DELETE", "/api/projects/0123456789abcdef"), ("GET", "/nothing"),
    ("PUT", "/api/projects/0123456789abcdef/settings"), ("GET", "/api/projects/0123456789abcdef/film"),
]  # fmt: skip


def test_without_the_key_everything_is_refused(start: Start) -> None:
    visitor = start()
    for method, path in ROUTES:
        answer = visitor.ask(path, method, b"x" if method != "GET" else None)
        assert (answer.status, path) == (403, path)
        assert b"terminal" in answer.body
    for token in ("", "x", visitor.token[:-1], visitor.token.swapcase(), "%00", "%ff"):
        assert visitor.ask(f"/?token={token}").status == 403
    visitor.cookie = f"motionveil_studio_{visitor.port}={visitor.token}"
    assert visitor.ask("/").status == 403


def test_the_token_is_good_for_one_visit(start: Start) -> None:
    visitor = start()
    answer = visitor.ask(f"/?token={visitor.token}")
    assert answer.status == 303
    assert answer.headers["location"] == "/"
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert visitor.token not in answer.headers["set-cookie"]
    assert visitor.ask(f"/?token={visitor.token}").status == 403
    # Whoever has the cookie already is led to the page, and another browser gets a token of its own.
    visitor.cookie = answer.headers["set-cookie"].split(";")[0]
    assert visitor.ask(f"/?token={visitor.token}").status == 303
    assert visitor.ask("/").status == 200
    other = Visitor(visitor.port, visitor.said[-1].split("token=")[1], visitor.folder, [])
    assert other.enter().ask("/api/options").status == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1", "127.0.0.1:1", "", "[::1]"])
def test_other_names_of_this_computer_are_refused(studio: Visitor, host: str) -> None:
    answer = studio.ask("/api/options", Host=host or "x")
    assert answer.status == 403


def test_other_sites_are_refused(studio: Visitor) -> None:
    for origin in ("http://evil.example", "null", "http://127.0.0.1:1", f"https://127.0.0.1:{studio.port}"):
        assert studio.ask("/api/options", Origin=origin).status == 403
        assert studio.ask("/api/projects?name=a.mp4", "POST", b"x", Origin=origin).status == 403
    assert studio.ask("/api/projects?name=a.mp4", "POST", b"x", Origin="").status == 403
    for site in ("cross-site", "same-site"):
        assert studio.ask("/api/options", Sec_Fetch_Site=site).status == 403
    assert studio.ask("/api/options", Sec_Fetch_Site="same-origin", Origin=studio.origin).status == 200


def test_every_answer_is_strict(studio: Visitor) -> None:
    for path in ("/", "/app.js", "/api/options", "/nothing", "/api/projects/0123456789abcdef"):
        headers = studio.ask(path).headers
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'")
        assert "unsafe" not in policy
        assert "http:" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert headers["referrer-policy"] == "no-referrer"
        assert "server" not in headers
        assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize(
    "path",
    [
        "/../../etc/passwd", "/..%2f..%2fetc%2fpasswd", "/static/app.js", "/manifest.json", "/%2e%2e/project.json",
        "/api/projects/..", "/api/projects/..%2f..", "/api/projects/%2e%2e%2f%2e%2e%2fetc/film",
        "/api/projects/0123456789abcdef/runs/..%2f../result", "/api/projects/0123456789ABCDEF",
    ],
)  # fmt: skip
def test_no_way_leads_out_of_the_workspace(studio: Visitor, path: str) -> None:
    assert studio.ask(path).status == 404


def test_the_token_is_never_logged(start: Start, capfd: pytest.CaptureFixture[str]) -> None:
    visitor = start()
    token = visitor.token
    visitor.enter()
    visitor.ask("/api/projects?secret=words")
    visitor.ask(f"/?token={token}x")
    told = capfd.readouterr()
    assert token not in told.out + told.err
    assert "secret" not in told.out + told.err
