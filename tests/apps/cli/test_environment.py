"""The environment that commands make for Prefect."""

import json
import os
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from apps.cli.environment import home_root, prepare, running_server


@pytest.fixture
def healthy_server():
    class Health(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.path == "/api/health" else 404)
            self.end_headers()

        def log_message(self, *_arguments):
            pass

    server = HTTPServer(("127.0.0.1", 0), Health)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/api"
    server.shutdown()
    server.server_close()


def announce(home: Path, url: str) -> None:
    home.mkdir(parents=True, exist_ok=True)
    (home / "server.json").write_text(json.dumps({"url": url, "pid": 1}))


def test_the_option_beats_the_variable_beats_the_default(tmp_path, monkeypatch):
    assert home_root(None) == tmp_path / ".millrace"
    monkeypatch.setenv("MILLRACE_HOME", "/elsewhere")
    assert home_root(None) == Path("/elsewhere")
    assert home_root(tmp_path / "here") == tmp_path / "here"


def test_prefect_stays_in_the_home_and_its_folder_exists(tmp_path):
    prepare(tmp_path / "home")
    assert os.environ["PREFECT_HOME"] == str(tmp_path / "home/prefect")
    assert (tmp_path / "home/prefect").is_dir()
    assert os.environ["PREFECT_LOCAL_STORAGE_PATH"] == str(tmp_path / "home/results")
    assert os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
    assert os.environ["HF_HUB_OFFLINE"] == "1"


def test_what_the_user_set_stays(tmp_path, monkeypatch):
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "mine"))
    prepare(tmp_path / "home")
    assert os.environ["PREFECT_HOME"] == str(tmp_path / "mine")
    assert (tmp_path / "mine").is_dir()


def test_a_server_that_answers_is_used(tmp_path, healthy_server):
    announce(tmp_path, healthy_server)
    prepare(tmp_path)
    assert os.environ["PREFECT_API_URL"] == healthy_server


def test_an_explicit_address_wins(tmp_path, healthy_server, monkeypatch):
    announce(tmp_path, healthy_server)
    monkeypatch.setenv("PREFECT_API_URL", "http://team.example/api")
    prepare(tmp_path)
    assert os.environ["PREFECT_API_URL"] == "http://team.example/api"


@pytest.mark.parametrize(
    "content", ["", "{}", "[]", '{"url": 3}', '{"url": "http://127.0.0.1:9/api"}', '{"url": "file:///etc"}']
)
def test_a_stale_or_damaged_server_file_is_passed_over(tmp_path, content):
    (tmp_path / "server.json").write_text(content)
    assert running_server(tmp_path) is None
