"""Who is let in, how much at once, and how long the server waits for anybody."""

from __future__ import annotations

import json
import socket
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("starlette", reason="the app needs stcorner[app]")

from starlette.testclient import TestClient

from served import SESSION, serving, stall, upload_head
from stcorner.app import Settings, create_app, serve
from stcorner.app.hosts import host_of, is_loopback
from stcorner.errors import ParameterError

if TYPE_CHECKING:
    from pathlib import Path

HERE = [
    "127.0.0.1", "127.0.0.2", "127.1", "127.255.255.254", "0x7f.1", "0x7f000001", "2130706433",
    "017700000001", "0177.0.0.1", "LOCALHOST", "localhost.", "app.localhost", "::1", "[::1]",
    "0:0:0:0:0:0:0:1", "::ffff:127.0.0.1",
    "0000:0000:0000:0000:0000:0000:0000:0001", "[::FFFF:7F00:1]", "::1%lo",
]  # fmt: skip
ELSEWHERE = [
    "", " ", "0.0.0.0", "0", "0x0", "::", "[::]", "*", "10.0.0.1", "128.0.0.1", "evil.example",
    "127.0.0.1.evil.example", "localhost.evil.example", "notlocalhost", "127.0.0.1 evil",
    "127.0.0.1@evil.example", "1.127.0.0", "::2",
    "::ffff:10.0.0.1", "127.0.0.256", "127.0.0.1.1", "١٢٧.0.0.1", "0x", "localhost\n",
    "127.0.0.1%evil.example", "[::1]evil.example", "[::1].evil.example", "localhost:80:80",
]  # fmt: skip


@pytest.mark.parametrize("host", HERE)
def test_every_spelling_of_this_machine_is_known(host: str, tmp_path: Path) -> None:
    assert is_loopback(host)
    shown = f"[{host.strip('[]')}]" if ":" in host else host
    with TestClient(create_app(Settings(folder=tmp_path)), base_url="http://localhost") as client:
        for header in (shown, f"{shown}:8000"):
            assert client.get("/", headers={"host": header}).status_code == 200


@pytest.mark.parametrize("host", ELSEWHERE)
def test_nothing_else_passes_for_it(host: str, tmp_path: Path) -> None:
    assert not is_loopback(host_of(host))
    with TestClient(create_app(Settings(folder=tmp_path)), base_url="http://localhost") as client:
        for header in (host, f"{host}:8000"):
            answer = client.get("/", headers={"host": header.encode("utf-8")})
            assert answer.status_code == 421


def get(address: tuple[str, int], host: str, **headers: str) -> bytes:
    with socket.create_connection(address, timeout=20) as connection:
        more = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        connection.sendall(f"GET / HTTP/1.1\r\nHost: {host}\r\n{more}Connection: close\r\n\r\n".encode())
        answer = b""
        while part := connection.recv(1 << 16):
            answer += part
    return answer


@pytest.mark.parametrize("host", ["127.0.0.2", "127.1", "LOCALHOST", "0x7f.1", "::ffff:127.0.0.1"])
def test_the_guard_is_on_wherever_only_this_machine_listens(host: str) -> None:
    with serving(options={"host": host}) as server:
        address = ("127.0.0.2" if host == "127.0.0.2" else "127.0.0.1", server.port)
        assert get(address, "evil.example").startswith(b"HTTP/1.1 421")
        shown = f"[{host}]" if ":" in host else host
        assert server.address == f"http://{shown}:{server.port}"
        assert get(address, f"{shown}:{server.port}").startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("host", ["0.0.0.0", "0", "0x0"])
def test_others_need_the_token(host: str) -> None:
    with serving(options={"host": host}) as server:
        assert "/?token=" in server.address
        token, here = server.address.split("token=")[1], ("127.0.0.1", server.port)
        assert len(token) >= 32
        for headers in ({}, {"Authorization": "Bearer guess"}, {"Cookie": "stcorner_token=guess"}):
            assert get(here, "lab.example", **headers).startswith(b"HTTP/1.1 401")
        assert get(here, "lab.example", Authorization=f"Bearer {token}").startswith(b"HTTP/1.1 200")
        assert get(here, "lab.example", Cookie=f"stcorner_token={token}").startswith(b"HTTP/1.1 200")
        status, _, answer = server.call("GET", f"/?token={token}")
        assert status == 303
        assert answer["location"] == "/"
        assert f"stcorner_token={token}; HttpOnly" in answer["set-cookie"]
        assert server.call("POST", f"/api/jobs?token={token}", b"x")[0] == 401, "not in every address"
        assert server.call("GET", "/?token=")[0] == 401
        server.process.terminate()
        assert b"others on the network can reach" in server.process.communicate()[1]


@pytest.mark.parametrize("host", ["", " ", "\t"])
def test_no_host_is_not_every_host(host: str) -> None:
    with pytest.raises(ParameterError, match="host must be a name or an address"):
        serve(host=host, port=0)


@pytest.mark.parametrize("host", ["256.0.0.1", "no such host", "a" * 300, "::1::", "é.example\0"])
def test_a_host_that_is_none(host: str) -> None:
    with pytest.raises(ParameterError, match="host and port must be an address"):
        serve(host=host, port=0)


def test_a_token_and_proxies_are_checked() -> None:
    for token in ("", "short", "with space and more", "ünïcödetokenünïcödetoken"):
        with pytest.raises(ParameterError, match="token must be at least 16"):
            serve(token=token)
    for proxy in ("*", "proxy.example", "", "10.0.0.0/40"):
        with pytest.raises(ParameterError, match="proxies must be addresses or networks"):
            serve(proxies=[proxy])


def statuses(server: Any, n: int, *names: str, **more: str) -> list[int]:
    def headers(k: int) -> dict[str, str]:
        return {name: more.get("value", "10.0.0.{k}").format(k=k) for name in names}

    return [server.call("POST", "/api/jobs?name=a.wav", b"x", **headers(k))[0] for k in range(n)]


@pytest.mark.parametrize("name", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Client-IP", "Via"])
def test_nobody_is_believed_to_be_somebody_else(name: str) -> None:
    value = "for=10.0.0.{k}" if name == "Forwarded" else "10.0.0.{k}"
    with serving({"uploads_per_minute": 2}, FORWARDED_ALLOW_IPS="*") as server:
        assert statuses(server, 4, name, value=value) == [202, 202, 429, 429]


def test_a_named_proxy_is_believed() -> None:
    with serving({"uploads_per_minute": 2}, {"proxies": ["127.0.0.0/8"]}) as server:
        assert statuses(server, 4, "X-Forwarded-For") == [202] * 4
        assert statuses(server, 3, "X-Forwarded-For", value="10.9.9.9") == [202, 202, 429]
        assert statuses(server, 3, "Forwarded", value="for=10.0.0.{k}") == [202, 202, 429]
    with serving({"uploads_per_minute": 2}, {"proxies": ["192.0.2.1"]}) as server:
        assert statuses(server, 3, "X-Forwarded-For") == [202, 202, 429]


def test_a_network_of_version_6_is_one_sender() -> None:
    from stcorner.app.hosts import network_of

    assert network_of("2001:db8::1") == network_of("2001:db8::ffff:1") != network_of("2001:db8:0:1::1")
    assert network_of("::ffff:10.0.0.1") == network_of("10.0.0.1") != network_of("10.0.0.2")
    assert network_of("testclient") == "testclient"


def test_uploads_under_way_wait_too() -> None:
    with serving({"max_waiting": 3}) as server:
        slow = [stall(server.port, upload_head(1000) + "x") for _ in range(3)]
        time.sleep(0.5)
        status, data, headers = server.call("POST", "/api/jobs", b"x")
        assert status == 503
        assert b"too many clips are waiting" in data
        assert headers["retry-after"] == "10"
        for connection in slow:
            connection.close()
        time.sleep(0.5)
        assert server.call("POST", "/api/jobs", b"x")[0] == 202


def answered(connection: socket.socket) -> bytes:
    """Read until the server closes."""
    found = b""
    try:
        while part := connection.recv(1 << 16):
            found += part
    except ConnectionResetError:
        pass
    connection.close()
    return found


def keeps_sending(connection: socket.socket, text: bytes) -> bool:
    """Send a text again and again; True once the server has cut the connection."""
    try:
        for _ in range(100):
            connection.sendall(text)
            time.sleep(0.2)
    except (ConnectionResetError, BrokenPipeError):
        return True
    return False


LIMITS = {"head_timeout": 1.0, "body_pause": 1.0}


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("", b"HTTP/1.1 408"),
        ("GET / HT", b"HTTP/1.1 408"),
        ("GET / HTTP/1.1\nHost: localhost\nX-Slow: ", b"HTTP/1.1 408"),
        ("GET /api/limits HTTP/1.1\nHost: localhost\n\nGET / HT", b"HTTP/1.1 200"),
        ("GET /api/limits HTTP/1.1\nHost: localhost\nContent-Length: 9\n\nx", b"HTTP/1.1 200"),
        (upload_head(1000), b"HTTP/1.1 408"),
        (upload_head(1000) + "x" * 999, b"HTTP/1.1 408"),
        (upload_head(10**12) + "x", b"HTTP/1.1 413"),
        (
            "POST /api/jobs HTTP/1.1\nHost: localhost\nTransfer-Encoding: chunked\n\n4\nRIFF\n",
            b"HTTP/1.1 408",
        ),
        ("DELETE /api/jobs/x HTTP/1.1\nHost: localhost\nContent-Length: 9\n\nx", b"HTTP/1.1 404"),
    ],
)
def test_nobody_is_waited_for(tmp_path: Path, text: str, answer: bytes) -> None:
    with serving({"folder": str(tmp_path), **LIMITS}) as server:
        start = time.monotonic()
        assert answered(stall(server.port, text)).startswith(answer)
        assert time.monotonic() - start < 6
        assert list(tmp_path.iterdir()) == []


def test_an_upload_by_drops_is_ended(tmp_path: Path) -> None:
    with serving({"folder": str(tmp_path), **LIMITS}) as server:
        connection = stall(server.port, upload_head(10**6))
        start = time.monotonic()
        assert keeps_sending(connection, b"x")
        assert time.monotonic() - start < 10
        connection.close()
        assert list(tmp_path.iterdir()) == []


def test_a_head_by_drops_is_ended() -> None:
    with serving(LIMITS) as server:
        connection = stall(server.port, "GET / HTTP/1.1\nHost: localhost\n")
        start = time.monotonic()
        assert keeps_sending(connection, b"X: y\r\n")
        assert time.monotonic() - start < 6
        connection.close()


def test_a_reader_that_takes_nothing_is_left() -> None:
    with serving(LIMITS) as server:
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        connection.settimeout(30)
        connection.connect(("127.0.0.1", server.port))
        ask = f"GET /assets/app.js HTTP/1.1\r\nHost: localhost\r\nCookie: stcorner_session={SESSION}\r\n\r\n"
        connection.sendall(ask.encode() * 2000)
        time.sleep(6)
        assert keeps_sending(connection, b"x" * 65536)
        connection.close()
        assert server.call("GET", "/api/limits")[0] == 200


@pytest.mark.skipif(sys.platform != "linux", reason="limits of descriptors by resource")
def test_idle_connections_leave_descriptors_to_work_with(tmp_path: Path) -> None:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (128, hard))
    try:
        context = serving({"folder": str(tmp_path), "head_timeout": 3.0})
        server = context.__enter__()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    try:
        idle = [socket.create_connection(("127.0.0.1", server.port), timeout=20) for _ in range(100)]
        time.sleep(0.5)
        assert server.call("GET", "/api/limits")[0] in (503, 200)
        for connection in idle[:-1]:
            assert answered(connection)[9:12] in (b"503", b"408")
        idle[-1].close()
        job = server.upload(b"<html>")
        assert server.until(job["id"], "failed")["error"].startswith("clip.wav ")
    finally:
        context.__exit__(None, None, None)


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "jobs").mkdir()
    app = create_app(Settings(folder=tmp_path / "jobs"))
    with TestClient(app, base_url="http://localhost") as client:
        (tmp_path / "jobs").rmdir()
        answer = client.post("/api/jobs", content=b"x")
        assert answer.status_code == 507
        assert answer.json() == {"error": "the server cannot keep the clip: No such file or directory"}
        (tmp_path / "jobs").write_text("")
        answer = client.post("/api/jobs", content=b"x")
        assert answer.status_code == 507
        assert "Not a directory" in answer.json()["error"]


@pytest.mark.parametrize(("number", "status"), [(28, 507), (30, 507), (122, 507), (24, 503), (23, 503)])
def test_what_keeps_a_folder_from_being_made_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, status: int
) -> None:
    import os

    with TestClient(create_app(Settings(folder=tmp_path)), base_url="http://localhost") as client:

        def refuse(*_: Any, **__: Any) -> None:
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr("pathlib.Path.mkdir", refuse)
        answer = client.post("/api/jobs", content=b"x")
        assert answer.status_code == status
        assert answer.json()["error"].startswith("the server ")
        monkeypatch.undo()
        assert client.post("/api/jobs", content=b"x").status_code == 202


def test_only_so_many_results_are_kept(tmp_path: Path) -> None:
    with serving({"folder": str(tmp_path), "max_kept": 2}) as server:
        jobs = []
        for _ in range(4):
            jobs.append(server.upload(b"<html>")["id"])
            server.until(jobs[-1], "failed")
        kept = json.loads(server.call("GET", "/api/jobs")[1])["jobs"]
        assert [job["id"] for job in kept] == jobs[:1:-1]
        assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(
    "text",
    [
        "HEAD / HTTP/1.1\nHost: localhost\nTransfer-Encoding: chunked\n\nzz\n",
        "GET / HTTP/1.1\nHost: localhost\nTransfer-Encoding: chunked\n\nzz\n",
        "GET / HTTP/1.1\nHost: localhost\nContent-Length: 1\nContent-Length: 2\n\nx",
        "\x00\x01\x02\n\n",
        upload_head(3) + "xxxx\n\n",
    ],
)
def test_a_broken_request_costs_no_trace(text: str) -> None:
    with serving(LIMITS) as server:
        assert answered(stall(server.port, text)).startswith(b"HTTP/1.1 ")
        assert server.call("GET", "/api/limits")[0] == 200
        server.process.terminate()
        assert b"Traceback" not in server.process.communicate()[1]
