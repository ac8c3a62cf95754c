"""Code generators take the published documents as they are, and what they make works."""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from openapi_spec_validator import validate

from kyanite.http.provide import Provisions
from kyanite.server.app import build
from support.contract_walk import routes
from support.databases import ON_SQLITE
from support.inhabited import ADMIN, PASSWORD, Inhabited

TOOLS = Path(sys.executable).parent
DOCUMENTS = pytest.mark.parametrize("name", ["contract", "additions"])


@pytest.fixture(scope="module")
def documents() -> dict[str, dict[str, Any]]:
    application = build(Provisions())
    return {"contract": application.openapi(), "additions": application.own_openapi()}


@DOCUMENTS
def test_a_document_is_valid(documents: dict[str, dict[str, Any]], name: str) -> None:
    validate(documents[name])


@DOCUMENTS
def test_a_document_says_who_must_sign_in_and_that_errors_are_problems(
    documents: dict[str, dict[str, Any]], name: str
) -> None:
    document = documents[name]
    assert document["components"]["securitySchemes"] == {
        "Bearer": {"type": "http", "scheme": "bearer"}
    }
    for item in document["paths"].values():
        for operation in item.values():
            route = routes().get(operation["operationId"])
            is_open = route is not None and route.right is None
            assert operation["security"] == ([] if is_open else [{"Bearer": []}])
            for status, answer in operation["responses"].items():
                if status >= "400":
                    assert list(answer["content"]) == ["application/problem+json"]
            assert "422" not in operation["responses"]


@pytest.mark.parametrize(
    ("path", "name"), [("openapi-v8.1.json", "contract"), ("openapi.json", "additions")]
)
@ON_SQLITE
def test_the_appliance_serves_its_documents(
    home: Inhabited,
    shared_headers: dict[str, str],
    documents: dict[str, dict[str, Any]],
    path: str,
    name: str,
) -> None:
    served = home.client.get(f"/api/kyanite/v1/{path}", headers=shared_headers)
    assert served.status_code == 200
    assert served.json() == documents[name]
    assert home.client.get(f"/api/kyanite/v1/{path}").status_code == 401


def _run(*command: str, folder: Path) -> None:
    path = f"{TOOLS}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [str(TOOLS / command[0]), *command[1:]],
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "warning" not in said.lower(), said


@pytest.fixture(scope="module")
def clients(tmp_path_factory: pytest.TempPathFactory, documents: dict[str, dict[str, Any]]) -> Path:
    """A folder with a client of each document, made by openapi-python-client."""
    folder = tmp_path_factory.mktemp("clients")
    for name, document in documents.items():
        (folder / f"{name}.json").write_text(json.dumps(document))
        _run(
            *("openapi-python-client", "generate", "--path", f"{name}.json", "--meta", "none"),
            *("--output-path", f"{name}_client", "--fail-on-warning"),
            folder=folder,
        )
    return folder


@pytest.mark.slow
def test_every_operation_is_in_the_generated_clients(
    clients: Path, documents: dict[str, dict[str, Any]]
) -> None:
    for name, document in documents.items():
        made = [one for one in clients.glob(f"{name}_client/api/*/*.py") if one.stem != "__init__"]
        assert len(made) == sum(len(item) for item in document["paths"].values())
        for file in clients.glob(f"{name}_client/**/*.py"):
            compile(file.read_text(), str(file), "exec")


@pytest.mark.slow
@ON_SQLITE
def test_a_generated_client_signs_in_and_lists_sessions(
    clients: Path, home: Inhabited, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(clients)
    client = importlib.import_module("contract_client.client")
    models = importlib.import_module("contract_client.models")
    sign_in = importlib.import_module("contract_client.api.login.login_authenticate")
    sessions = importlib.import_module(
        "contract_client.api.job_sessions.job_sessions_get_job_sessions"
    )
    check = importlib.import_module("contract_client.api.repository.repository_password_is_correct")
    mail = importlib.import_module("additions_client.api.email.email_get_settings")
    address = "https://appliance.example.org"
    over = {"transport": httpx.ASGITransport(home.app)}

    async def use() -> None:
        guest = client.Client(address, httpx_args=over, raise_on_unexpected_status=True)
        async with guest:
            login = models.LoginFromClient(username=ADMIN, password=PASSWORD)
            pair = await sign_in.asyncio(client=guest, body=login)
            wrong = models.LoginFromClient(username=ADMIN, password="wrong")
            refused = await sign_in.asyncio(client=guest, body=wrong)
        assert isinstance(refused, models.ProblemDetailsTraceId)
        known = client.AuthenticatedClient(
            address, pair.access_token, httpx_args=over, raise_on_unexpected_status=True
        )
        async with known:
            status = [models.JobStatus.PENDING, models.JobStatus.RUNNING]
            page = await sessions.asyncio(client=known, status=status, limit=1)
            assert isinstance(page, models.PageOfJobSession)
            assert page.total_count >= 1
            assert [str(one.id) for one in page.results]
            nowhere = await check.asyncio("nowhere", client=known, body="a password")
            assert isinstance(nowhere, models.ProblemDetails404)
            settings = await mail.asyncio_detailed(client=known)
            assert settings.status_code == 200
            assert settings.parsed is not None

    asyncio.run(use())


@pytest.mark.slow
@DOCUMENTS
def test_models_are_generated_from_a_document(
    tmp_path: Path,
    documents: dict[str, dict[str, Any]],
    name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module = f"models_of_{name}"
    (tmp_path / "document.json").write_text(json.dumps(documents[name]))
    _run(
        *("datamodel-codegen", "--input", "document.json", "--input-file-type", "openapi"),
        *("--output", f"{module}.py", "--output-model-type", "pydantic_v2.BaseModel"),
        *("--target-python-version", "3.11", "--formatters", "builtin"),
        folder=tmp_path,
    )
    monkeypatch.syspath_prepend(tmp_path)
    found = importlib.import_module(module)
    for schema in documents[name]["components"]["schemas"]:
        assert hasattr(found, schema)
