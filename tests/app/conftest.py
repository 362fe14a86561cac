"""A running app for one test module."""

from __future__ import annotations

import time

import pytest

pytest.importorskip("starlette", reason="the app needs stcorner[app]")


@pytest.fixture
def wait():
    """Poll a job until it is done or failed."""

    def wait_for(client, job, seconds=60.0):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = client.get(f"/api/jobs/{job['id']}").json()
            if found["state"] in {"done", "failed"}:
                return found
            time.sleep(0.1)
        raise AssertionError(f"job did not end within {seconds} s: {found}")

    return wait_for
