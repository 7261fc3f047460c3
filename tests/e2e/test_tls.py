"""An nginx with TLS before the service, as deploy/nginx-tls.conf has it: what a browser gets through both."""

import io
import json
import re
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.e2e.running import CHECKOUT, Running, free_port, wait_for
from tests.e2e.tour import take_the_tour
from tests.integration.drawing import photograph
from tests.integration.operate.test_doctor import certificate
from tests.service import PASSWORD

PROGRAM = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin")
# A client that is not the proxy which is trusted; all of 127.0.0.0/8 is this machine.
STRANGER = "127.0.0.2"


@dataclass
class Front:
    """``secure`` and ``plain`` are addresses; ``pem`` is what signs for the first."""

    service: Running
    secure: str
    plain: str
    pem: Path

    def client(self) -> httpx.Client:
        trusting = ssl.create_default_context(cafile=str(self.pem))
        transport = httpx.HTTPTransport(verify=trusting, local_address=STRANGER)
        return httpx.Client(base_url=self.secure, transport=transport, timeout=30)


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    if PROGRAM is None:
        pytest.skip("nginx is not here")
    folder = tmp_path_factory.mktemp("front")
    pem = certificate(folder, 5)
    secure, plain = free_port(), free_port()
    with Running(folder / "var", TRUSTED_PROXIES="127.0.0.1") as service:
        text = (CHECKOUT / "deploy" / "nginx-tls.conf").read_text()
        text = re.sub(r"/etc/letsencrypt/live/write\.example\.org/\w+\.pem", str(pem), text)
        text = re.sub(r"\n *listen \[::\].*", "", text).replace("listen 80", f"listen 127.0.0.1:{plain}")
        text = text.replace("listen 443", f"listen 127.0.0.1:{secure}").replace(":5001;", f":{service.port};")
        whole = f"daemon off; pid {folder}/pid; events {{}} http {{ access_log off; {text} }}"
        (folder / "nginx.conf").write_text(whole)
        command = [PROGRAM, "-p", str(folder), "-e", "stderr", "-c", str(folder / "nginx.conf")]
        process = subprocess.Popen(command)
        try:
            made = Front(service, f"https://127.0.0.1:{secure}", f"http://127.0.0.1:{plain}", pem)
            wait_for(lambda: answers(made.plain), 10, "nginx")
            yield made
        finally:
            process.terminate()
            process.wait(30)


def answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code == 301
    except httpx.TransportError:
        return False


def signed_in(client: httpx.Client, name: str) -> httpx.Response:
    account = {"username": name, "email": f"{name}@example.org", "password": PASSWORD}
    assert client.post("/api/v1/auth/register", json=account).status_code == 201
    asked = {"email": account["email"], "password": PASSWORD, "cookie": True}
    answer = client.post("/api/v1/auth/login", json=asked, headers={"Origin": str(client.base_url).rstrip("/")})
    client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
    return answer


def test_the_tour_of_the_readme_leads_through_it(front: Front) -> None:
    take_the_tour(front.secure, CURL_CA_BUNDLE=str(front.pem))


def test_what_comes_without_tls_is_sent_to_it(front: Front) -> None:
    answer = httpx.get(f"{front.plain}/api/v1/search?q=a", headers={"Host": "write.example.org"})
    assert (answer.status_code, answer.headers["Location"]) == (301, "https://write.example.org/api/v1/search?q=a")


def test_every_answer_says_that_it_comes_over_tls_only(front: Front) -> None:
    with front.client() as client:
        for path in ("/", "/docs", "/healthz", "/api/v1/notebooks?public=true", "/api/v1/nothing", "/internal/login"):
            answer = client.get(path)
            assert answer.headers["Strict-Transport-Security"] == "max-age=31536000", path
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert "Content-Security-Policy" in answer.headers


def test_cookies_are_for_tls_alone_and_the_session_renews_itself_with_one(front: Front) -> None:
    with front.client() as client:
        answer = signed_in(client, "cookies")
        cookie = answer.headers["Set-Cookie"]
        assert {"Secure", "HttpOnly", "SameSite=Strict"} <= {each.strip() for each in cookie.split(";")}
        del client.headers["Authorization"]
        for origin, status in ((front.secure, 200), ("https://elsewhere.example", 403), (front.secure, 200)):
            assert client.post("/api/v1/auth/refresh", headers={"Origin": origin}).status_code == status, origin


def test_addresses_lead_back_through_it(front: Front) -> None:
    with front.client() as client:
        signed_in(client, "addresses")
        made = client.post("/api/v1/notebooks", json={"title": "Walks"})
        assert made.status_code == 201
        assert client.get(made.headers["Location"]).json()["id"] == made.json()["id"]
        client.post("/api/v1/notebooks", json={"title": "More"})
        listed = client.get("/api/v1/notebooks?per_page=1")
        # httpx joins an address like a browser: one of another scheme, host or port would not come back here.
        assert client.get(listed.links["next"]["url"]).json()["page"] == 2
        sent = client.post("/api/v1/uploads/images", files={"file": ("boat.jpg", photograph(size=(500, 400)))})
        assert sent.status_code == 201
        shown = client.get(sent.json()["url"])
        assert (shown.status_code, shown.headers["Content-Type"]) == (200, "image/jpeg")
        assert "immutable" in shown.headers["Cache-Control"]
        del client.headers["Authorization"]
        asked = client.get("/internal/rq")
        assert (asked.status_code, client.get(asked.headers["Location"]).status_code) == (302, 200)


def test_who_asks_is_known_and_can_not_say_otherwise(front: Front) -> None:
    with front.client() as client:
        client.post(
            "/api/v1/notebooks", json={}, headers={"X-Request-ID": "who-asks", "X-Forwarded-For": "203.0.113.9"}
        )
    log = front.service.var / "log" / "api.log"
    wait_for(lambda: "who-asks" in log.read_text(), 10, "the line of the request")
    line = next(json.loads(each) for each in log.read_text().splitlines() if '"who-asks"' in each and "address" in each)
    assert line["address"] == STRANGER


def test_figures_and_the_state_of_parts_stay_inside(front: Front) -> None:
    with front.client() as client:
        assert [client.get(path).status_code for path in ("/metrics", "/readyz", "/healthz")] == [404, 404, 200]
    passed_on = httpx.get(f"{front.service.url}/metrics", headers={"X-Forwarded-For": STRANGER})
    assert (passed_on.status_code, httpx.get(f"{front.service.url}/metrics").status_code) == (401, 200)


def test_what_is_too_large_is_refused_in_json_at_both_doors(front: Front) -> None:
    with front.client() as client:
        signed_in(client, "large")
        for size in (11_500_000, 12_900_000):
            answer = client.post("/api/v1/uploads/images", files={"file": ("big.jpg", io.BytesIO(bytes(size)))})
            assert (answer.status_code, answer.json()["status"]) == (413, 413)
            assert answer.headers["Content-Type"] == "application/problem+json"


def test_while_nobody_listens_it_says_when_to_come_again(front: Front) -> None:
    """The last test: the service is stopped."""
    front.service.stop()
    with front.client() as client:
        answer = client.get("/api/v1/notebooks?public=true")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert answer.headers["Content-Type"] == "application/problem+json"
