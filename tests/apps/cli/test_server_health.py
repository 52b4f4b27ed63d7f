"""Whom a Prefect server lets in, and settings of Prefect's that are not safe."""

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from apps.cli import server_health
from apps.cli.server_health import server_findings, settings_findings


@pytest.fixture
def prefect(monkeypatch):
    """Starts what answers as Prefect does, with or without a password; gives its address."""
    started = []

    def start(host="127.0.0.1", *, asks=False):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.answer(200)

            def do_POST(self):
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                self.answer(401 if asks and not self.headers.get("Authorization") else 200)

            def answer(self, status):
                body = json.dumps(True).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer((host, 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        started.append(server)
        monkeypatch.setenv("PREFECT_API_URL", f"http://127.0.0.1:{server.server_port}/api")

    yield start
    for server in started:
        server.shutdown()
        server.server_close()


def warnings(root):
    return [each for each in server_findings(root) if each.status == "warning"]


def test_a_server_with_a_password_is_in_order(prefect, tmp_path):
    prefect(asks=True)
    assert [each.status for each in server_findings(tmp_path)] == ["ok"]


def test_one_without_on_the_loopback_is_open_to_this_machine(prefect, tmp_path):
    prefect()
    (only,) = warnings(tmp_path)
    assert "whoever can log in to this machine" in only.found
    assert "PREFECT_SERVER_API_AUTH_STRING" in only.remedy


def test_one_that_listens_everywhere_is_said_to_be_reached_from_outside(prefect, tmp_path, monkeypatch):
    """It is asked for at 127.0.0.1, as `millrace up --host 0.0.0.0` notes it."""
    prefect(host="0.0.0.0")  # noqa: S104
    other = [each for group in addresses().values() for each in group if each.family == socket.AF_INET]
    outside = [each.address for each in other if not each.address.startswith("127.")]
    if not outside:
        pytest.skip("this machine has its loopback only")
    (only,) = warnings(tmp_path)
    assert outside[0] in only.found


def test_a_server_of_another_machine_is_open_to_whoever_reaches_it(monkeypatch, tmp_path):
    monkeypatch.setattr(server_health, "answers", lambda _url: True)
    monkeypatch.setattr(server_health, "_lets_anybody_in", lambda _url: True)
    monkeypatch.setenv("PREFECT_API_URL", "http://team.example/api")
    (only,) = warnings(tmp_path)
    assert "whoever reaches team.example" in only.found


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({}, []),
        ({"PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1"}, []),
        ({"PREFECT_SERVER_ANALYTICS_ENABLED": "True"}, ["PREFECT_SERVER_ANALYTICS_ENABLED"]),
        ({"DO_NOT_TRACK": "0"}, ["DO_NOT_TRACK"]),
        ({"PREFECT_RESULTS_DEFAULT_SERIALIZER": "pickle"}, ["pickle"]),
        ({"PREFECT_RESULTS_DEFAULT_SERIALIZER": "compressed/pickle"}, ["compressed/pickle"]),
        ({"PREFECT_RESULTS_DEFAULT_SERIALIZER": "json"}, []),
    ],
)
def test_settings_that_are_not_safe_are_named(monkeypatch, tmp_path, variables, said):
    for name in ("PREFECT_SERVER_ANALYTICS_ENABLED", "DO_NOT_TRACK", "PREFECT_RESULTS_DEFAULT_SERIALIZER"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    found = [each.found for each in settings_findings(tmp_path)]
    assert len(found) == len(said)
    assert all(word in text for word, text in zip(said, found, strict=True))


def test_commands_set_what_is_safe(tmp_path, monkeypatch):
    from apps.cli.environment import set_variables

    set_variables(tmp_path)
    assert list(settings_findings(tmp_path)) == []


def addresses():
    import psutil

    return psutil.net_if_addrs()
