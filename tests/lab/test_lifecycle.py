"""Starting, killing and ending the lab."""

import json
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from support.lab import Azure, running_lab
from support.lab_clients import resources

pytestmark = pytest.mark.control

# Without disks, so that a lab starts in no time.
_TINY = """
tenant: {id: 11111111-1111-1111-1111-111111111111, displayName: Mine}
applications:
  - {name: a, clientId: 22222222-2222-2222-2222-222222222222,
     objectId: 33333333-3333-3333-3333-333333333333, secret: s3cret}
locations: [eastus]
subscriptions: [{id: 44444444-4444-4444-4444-444444444444, name: One}]
resourceGroups:
  - {subscription: 44444444-4444-4444-4444-444444444444, name: g, location: eastus}
roleAssignments: [{application: a, role: Owner, scope: /}]
settings: {pageSize: 1}
"""


@pytest.fixture
def tiny(tmp_path: Path) -> tuple[str, str]:
    """The arguments that start a lab from the tiny scene."""
    scene = tmp_path / "tiny.yaml"
    scene.write_text(_TINY)
    return "--scene", str(scene)


def test_a_killed_lab_comes_back_with_the_same_addresses_and_contents(
    tmp_path: Path, tiny: tuple[str, str]
) -> None:
    with running_lab(tmp_path / "lab", *tiny) as lab:
        before = lab.azure
        ca = Path(before.ca).read_bytes()
        token = before.token()
        resources(before).resource_groups.create_or_update("made", {"location": "eastus"})
        lab.kill()
        after = lab.start()
        assert after == before
        assert Path(after.ca).read_bytes() == ca
        path = f"/subscriptions/{after.subscription_ids[0]}/resourcegroups/made"
        found = after.call("GET", f"{path}?api-version=2025-04-01", token=token)
        assert found.status_code == 200


def test_every_answered_write_survives_a_kill(tmp_path: Path, tiny: tuple[str, str]) -> None:
    with running_lab(tmp_path / "lab", *tiny) as lab:
        token = lab.azure.token()
        base = f"/subscriptions/{lab.azure.subscription_ids[0]}/resourcegroups"
        for number in range(20):
            answer = lab.azure.call(
                "PUT",
                f"{base}/g{number}?api-version=2025-04-01",
                {"location": "eastus"},
                token=token,
            )
            assert answer.status_code == 201
            if number % 5 == 4:
                lab.kill()
                lab.start()
        names = [one.name for one in resources(lab.azure).resource_groups.list()]
        assert {f"g{number}" for number in range(20)} <= set(names)


def test_lab_json_holds_what_is_promised_and_only_for_its_owner(
    azure: Azure, tmp_path: Path
) -> None:
    path = Path(azure.ca).with_name("lab.json")
    found = json.loads(path.read_text())
    assert set(found) >= {
        "arm",
        "login",
        "ca",
        "tenantId",
        "subscriptionIds",
        "clientId",
        "clientSecret",
        "control",
    }
    assert len(found["subscriptionIds"]) >= 2
    assert found["control"].startswith("http://127.0.0.1:")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_printed_line_is_the_file(tmp_path: Path, tiny: tuple[str, str]) -> None:
    command = [sys.executable, "-m", "azlab", "serve", "--data", str(tmp_path / "lab"), *tiny]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert json.loads(line) == json.loads((tmp_path / "lab/lab.json").read_text())
        process.terminate()
        assert process.wait(timeout=60) == 0


def test_a_held_request_does_not_keep_the_lab_from_ending(
    tmp_path: Path, tiny: tuple[str, str]
) -> None:
    with running_lab(tmp_path / "lab", *tiny) as lab:
        lab.control.add_fault(path="metadata/endpoints", hold="before")
        url = f"{lab.azure.arm}/metadata/endpoints?api-version=2022-09-01"
        with pytest.raises(requests.Timeout):
            requests.get(url, verify=lab.azure.ca, timeout=0.3)
        assert lab.stop() == 0


def test_two_labs_cannot_share_a_directory(azure: Azure) -> None:
    directory = str(Path(azure.ca).parent)
    done = subprocess.run(
        [sys.executable, "-m", "azlab", "serve", "--data", directory],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1
    assert "Another lab is running" in done.stderr
    assert Path(directory, "lab.json").exists()


def test_a_chosen_port_is_used_and_kept(tmp_path: Path, tiny: tuple[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    with running_lab(tmp_path / "lab", "--port", str(port), *tiny) as lab:
        assert lab.azure.arm == f"https://127.0.0.1:{port}"
        assert lab.stop() == 0
        lab.arguments = ()
        assert lab.start().arm == f"https://127.0.0.1:{port}"


def test_an_own_scene_is_loaded_and_kept_for_resets(tmp_path: Path) -> None:
    scene = tmp_path / "mine.yaml"
    scene.write_text(_TINY)
    with running_lab(tmp_path / "lab", "--scene", str(scene)) as lab:
        assert lab.azure.client_secret == "s3cret"
        scene.unlink()
        client = resources(lab.azure)
        client.resource_groups.create_or_update("h", {"location": "eastus"})
        assert [one.name for one in client.resource_groups.list()] == ["g", "h"]
        lab.control.reset()
        assert [one.name for one in client.resource_groups.list()] == ["g"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("nonsense: 1", "No service knows the section 'nonsense'"),
        ("[1, 2]", "must be a JSON object"),
        ("tenant: {id: x}\napplications: []", "at least one application"),
        ("{", "cannot be read"),
    ],
)
def test_a_wrong_scene_is_refused_with_a_sentence(
    tmp_path: Path, tiny: tuple[str, str], text: str, sentence: str
) -> None:
    scene = tmp_path / "wrong.yaml"
    scene.write_text(text)
    arguments = ["serve", "--data", str(tmp_path / "lab"), "--scene", str(scene)]
    done = subprocess.run(
        [sys.executable, "-m", "azlab", *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    with running_lab(tmp_path / "lab", *tiny) as lab:
        assert lab.azure.client_secret == "s3cret"
