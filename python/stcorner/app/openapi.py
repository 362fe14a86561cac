"""Description of the app's JSON API, version 3.1 of OpenAPI."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stcorner._core import __version__
from stcorner.app.folders import RESULTS

if TYPE_CHECKING:
    from stcorner.app.settings import Settings

__all__ = ["openapi"]

_JOB = {
    "type": "object",
    "required": [
        "id",
        "name",
        "state",
        "stage",
        "progress",
        "error",
        "label",
        "results",
        "created",
        "finished",
    ],
    "additionalProperties": False,
    "properties": {
        "id": {"type": "string"},
        "name": {"type": "string", "maxLength": 120},
        "state": {"enum": ["waiting", "running", "done", "failed"]},
        "stage": {"type": "string", "description": "what is being done, for people"},
        "progress": {"type": "number", "minimum": 0, "maximum": 1},
        "error": {"type": ["string", "null"]},
        "label": {"type": ["string", "null"], "description": "the most probable emotion, where there is one"},
        "results": {"type": "array", "items": {"enum": RESULTS}, "description": "what can be fetched"},
        "created": {"type": "number", "description": "seconds since 1970"},
        "finished": {"type": ["number", "null"], "description": "seconds since 1970"},
    },
}
_PROBLEM = {
    "type": "object",
    "required": ["error"],
    "additionalProperties": False,
    "properties": {"error": {"type": "string"}},
}


def _json(description: str, schema: str) -> dict[str, Any]:
    return {
        "description": description,
        "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}},
    }


def _problem(description: str) -> dict[str, Any]:
    return _json(description, "Problem")


_ID = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
_ALWAYS = {
    "401": _problem("The server asks for the token that its address carried, as cookie or as bearer."),
    "421": _problem("Asked under a host name that is not this machine's own."),
}
_WRITE = {**_ALWAYS, "403": _problem("The request comes from a page of another site.")}


def openapi(settings: Settings) -> dict[str, Any]:
    """Return the description; the limits in it are those of `settings`."""
    upload = {
        "summary": "Upload a clip; the body is the file itself",
        "description": (
            f"At most {settings.max_upload_bytes} bytes and {settings.max_duration:g} seconds. The answer's "
            "cookie names the session: only requests that carry it see the job."
        ),
        "parameters": [
            {"name": "name", "in": "query", "schema": {"type": "string"}, "description": "file name"}
        ],
        "requestBody": {
            "required": True,
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        },
        "responses": {
            "202": _json("The clip waits for its turn.", "Job"),
            "400": _problem("The body is empty."),
            "408": _problem("The upload paused too long, or came too slowly."),
            "413": _problem("The file is too large."),
            "429": _problem("Too many uploads in a minute."),
            "503": _problem("Too many clips are waiting or on their way."),
            "507": _problem("The server cannot keep the clip: its disk is full, or its folder has gone."),
            **_WRITE,
        },
    }
    job_path = {
        "get": {
            "summary": "State of a job",
            "parameters": [_ID],
            "responses": {"200": _json("The job.", "Job"), "404": _problem("No such job."), **_ALWAYS},
        },
        "delete": {
            "summary": "Delete a job and its files; one that runs is ended first",
            "parameters": [_ID],
            "responses": {
                "204": {"description": "Deleted."},
                "404": _problem("No such job."),
                **_WRITE,
            },
        },
    }
    kind = {
        "name": "kind",
        "in": "path",
        "required": True,
        "schema": {"enum": RESULTS},
    }
    result = {
        "summary": "A finished job's report or features",
        "parameters": [_ID, kind, {"name": "download", "in": "query", "schema": {"type": "string"}}],
        "responses": {
            "200": {
                "description": "The file.",
                "content": {
                    media: {}
                    for media in (
                        "text/html", "text/csv", "application/json", "application/vnd.apache.parquet",
                    )
                },
            },
            "404": _problem("No such result."),
            "409": _problem("The job is not done."),
            **_ALWAYS,
        },
    }  # fmt: skip
    return {
        "openapi": "3.1.0",
        "info": {"title": "stcorner", "version": __version__, "description": "One clip in, one report out."},
        "paths": {
            "/health": {
                "get": {
                    "summary": "Whether another clip would be taken; asks for no token",
                    "responses": {
                        "200": _json("It would.", "Health"),
                        "503": _json("Too many clips are waiting.", "Health"),
                        "421": _ALWAYS["421"],
                    },
                }
            },
            "/api/limits": {
                "get": {
                    "summary": "What an upload may be",
                    "responses": {"200": _json("The limits.", "Limits"), **_ALWAYS},
                }
            },
            "/api/model": {
                "get": {
                    "summary": "Which model decides",
                    "responses": {"200": _json("The model.", "Model"), **_ALWAYS},
                }
            },
            "/api/samples": {
                "post": {
                    "summary": "Take a clip of a drawn face, to try the page",
                    "responses": {
                        "202": _json("The clip waits for its turn.", "Job"),
                        "429": _problem("Too many uploads in a minute."),
                        "503": _problem("Too many clips are waiting or on their way."),
                        "507": _problem("The server cannot keep the clip: its disk is full."),
                        **_WRITE,
                    },
                }
            },
            "/api/jobs": {
                "get": {
                    "summary": "Jobs of this session, newest first",
                    "responses": {"200": _json("The jobs.", "Jobs"), **_ALWAYS},
                },
                "post": upload,
            },
            "/api/jobs/{id}": job_path,
            "/api/jobs/{id}/{kind}": {"get": result},
        },
        "components": {
            "schemas": {
                "Job": _JOB,
                "Jobs": {
                    "type": "object",
                    "required": ["jobs"],
                    "properties": {"jobs": {"type": "array", "items": {"$ref": "#/components/schemas/Job"}}},
                },
                "Health": {
                    "type": "object",
                    "required": ["status", "waiting", "running"],
                    "additionalProperties": False,
                    "properties": {
                        "status": {"enum": ["ok", "busy"]},
                        "waiting": {"type": "integer"},
                        "running": {"type": "integer"},
                    },
                },
                "Limits": {
                    "type": "object",
                    "required": ["max_upload_bytes", "max_duration"],
                    "properties": {
                        "max_upload_bytes": {"type": "integer"},
                        "max_duration": {"type": "number"},
                    },
                },
                "Model": {
                    "type": "object",
                    "required": ["name", "classes"],
                    "properties": {
                        "name": {"type": ["string", "null"]},
                        "classes": {"type": "array", "items": {"type": "string"}},
                    },
                },
                "Problem": _PROBLEM,
            }
        },
    }
