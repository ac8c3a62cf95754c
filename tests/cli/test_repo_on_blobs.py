"""``kyanite repo`` on a blob container: the same commands, credentials from the environment."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from kyanite.azure.signed_urls import SignedUrl
from kyanite.base.errors import Invalid
from kyanite.base.units import KIB, MIB
from kyanite.cli.repo.blob_address import split_address
from support.shared_lab import arm_client, container_access, shared_lab


@pytest.fixture(scope="module")
def container() -> SignedUrl:
    azure = shared_lab().azure
    return container_access(arm_client(azure), azure)


def _run(container: SignedUrl, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("KYANITE_", "AZURE_"))}
    environment |= {
        "KYANITE_REPOSITORY_PASSWORD": "open sesame",
        "KYANITE_STORAGE_SAS": container.secret_query,
        "KYANITE_AZURE_CA_FILE": shared_lab().azure.ca or "",
        **settings,
    }
    return subprocess.run(
        [sys.executable, "-m", "kyanite", "repo", *words],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_a_disk_goes_to_a_container_and_comes_back(container: SignedUrl, tmp_path: Path) -> None:
    address = f"{container.address}/{uuid.uuid4().hex}/folder"
    contents = bytearray(4 * MIB)
    contents[MIB : 2 * MIB + 300 * KIB] = random.Random(1).randbytes(MIB + 300 * KIB)
    image = tmp_path / "disk.img"
    image.write_bytes(contents)
    for words in (
        ("init", address),
        ("backup", address, str(image), "--label", "monday"),
        ("verify", address, "--level", "full"),
        ("restore", address, "monday", str(tmp_path / "out")),
    ):
        done = _run(container, *words)
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "out").read_bytes() == contents
    done = _run(container, "clean", address, "--delete", "monday")
    assert done.stdout.startswith("Deleted 1 packs"), done.stderr


def test_without_a_sas_the_default_chain_of_azure_identity_is_used(container: SignedUrl) -> None:
    azure = shared_lab().azure
    address = f"{container.address}/{uuid.uuid4().hex}"
    settings = {
        "KYANITE_STORAGE_SAS": "",
        "AZURE_AUTHORITY_HOST": azure.login,
        "AZURE_TENANT_ID": azure.tenant_id,
        "AZURE_CLIENT_ID": azure.client_id,
        "AZURE_CLIENT_SECRET": azure.client_secret,
    }
    done = _run(container, "init", address, **settings)
    assert done.returncode == 0, done.stderr
    done = _run(container, "list", address, **settings | {"AZURE_CLIENT_SECRET": "wrong"})
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


def test_a_credential_that_is_refused_is_one_sentence_without_the_secret(
    container: SignedUrl,
) -> None:
    secret = "sv=2024-11-04&sr=c&sp=rl&se=2020-01-01T00%3A00%3A00Z&sig=c2VjcmV0c2VjcmV0"
    done = _run(container, "list", f"{container.address}/x", KYANITE_STORAGE_SAS=secret)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "c2VjcmV0" not in done.stderr


@pytest.mark.parametrize(
    ("address", "container_url", "folder"),
    [
        (
            "https://acct.blob.core.windows.net/box/a/b/",
            "https://acct.blob.core.windows.net/box",
            "a/b",
        ),
        ("https://127.0.0.1:4/acct/box/a", "https://127.0.0.1:4/acct/box", "a"),
        ("https://localhost:4/acct/box", "https://localhost:4/acct/box", ""),
    ],
)
def test_an_address_is_split_into_container_and_folder(
    address: str, container_url: str, folder: str
) -> None:
    assert split_address(address) == (container_url, folder)


def test_an_address_without_a_container_is_refused() -> None:
    with pytest.raises(Invalid):
        split_address("https://127.0.0.1:4/acct")
