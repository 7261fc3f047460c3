"""The desk's files beside the API: what is served, how it is kept, and what stays the API's."""

from dataclasses import replace
from pathlib import Path

import pytest
from werkzeug.test import Client
from werkzeug.wrappers import Response

from api.desk import serving
from infra.settings import Settings, load_settings
from tests.service import NOWHERE

ID = "0123456789abcdef" * 2


@pytest.fixture
def settings() -> Settings:
    return load_settings(NOWHERE)


@pytest.fixture
def built(tmp_path: Path) -> Path:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text('<meta content="STYLE-NONCE">the page')
    (tmp_path / "sw.js").write_text("// the worker")
    for name, content in {"a-1.js": "plain", "a-1.js.br": "brotli", "a-1.js.gz": "gzip"}.items():
        (tmp_path / "assets" / name).write_text(content)
    return tmp_path


@pytest.fixture
def client(built: Path, settings: Settings) -> Client:
    return Client(serving(Response("the API", 404), settings, built))


@pytest.mark.parametrize(
    "path", ["/", "/sign-in", "/notebooks", f"/notebooks/{ID}/pages/{ID}/history", f"/read/{ID}", "/search"]
)
def test_each_screen_is_the_page_under_a_strict_policy(client: Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    policy = answer.headers["Content-Security-Policy"]
    nonce = policy.partition("'nonce-")[2].partition("'")[0]
    assert f'content="{nonce}"' in answer.text
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert answer.headers["Cache-Control"] == "no-cache"
    assert nonce not in client.get(path).headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/nothing", "/api/v1/notebooks", "/healthz", "/notebooks/1", "/../x", "/assets/b.js"])
def test_everything_else_is_the_apis(client: Client, path: str) -> None:
    assert client.get(path).text == "the API"
    assert client.post("/").text == "the API"


@pytest.mark.parametrize(("accepted", "sent"), [("", "plain"), ("gzip", "gzip"), ("gzip, br;q=1", "brotli")])
def test_assets_are_kept_for_ever_and_sent_compressed(client: Client, accepted: str, sent: str) -> None:
    answer = client.get("/assets/a-1.js", headers={"Accept-Encoding": accepted})
    assert answer.get_data(as_text=True) == sent
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert answer.mimetype == "text/javascript"
    again = client.get("/assets/a-1.js", headers={"Accept-Encoding": accepted, "If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304
    assert client.head("/assets/a-1.js").data == b""


def test_the_worker_may_ask_its_own_origin_and_is_asked_for_anew(client: Client) -> None:
    answer = client.get("/sw.js")
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; connect-src 'self'"
    assert answer.headers["Cache-Control"] == "no-cache"


def test_pictures_may_come_from_where_they_are_redirected_to(built: Path, settings: Settings) -> None:
    elsewhere = replace(settings, s3_public_endpoint="https://pictures.example.org/bucket")
    answer = Client(serving(Response("the API"), elsewhere, built)).get("/")
    assert "img-src 'self' blob: data: https://pictures.example.org;" in answer.headers["Content-Security-Policy"]


def test_a_file_that_a_newer_build_took_away_is_not_there(client: Client, built: Path) -> None:
    (built / "assets" / "a-1.js").unlink()
    assert client.get("/assets/a-1.js").status_code == 404


@pytest.mark.parametrize("why", ["not wanted", "not built"])
def test_without_a_desk_all_is_the_apis(built: Path, settings: Settings, why: str) -> None:
    settings = replace(settings, web=why != "not wanted")
    folder = built / "nowhere" if why == "not built" else built
    assert Client(serving(Response("the API"), settings, folder)).get("/").text == "the API"
