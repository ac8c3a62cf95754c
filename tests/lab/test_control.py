"""The control interface: faults, holds, clock, stats, reset."""

import threading
import time
from collections.abc import Callable

import pytest
import requests

from support.lab import Azure, Control
from support.lab_clients import resources
from support.waiting import eventually

pytestmark = pytest.mark.control

_LONGEST_ANSWER_SECONDS = 20.0


@pytest.fixture(autouse=True)
def _fresh(fresh: Control) -> None:
    """Every test starts from the scene."""


@pytest.fixture
def groups(azure: Azure) -> str:
    return f"/subscriptions/{azure.subscription_ids[0]}/resourcegroups"


class _Background:
    """One request in a thread of its own."""

    def __init__(self, call: Callable[[], requests.Response]) -> None:
        self.answer: requests.Response | None = None
        self.error: Exception | None = None
        self._call = call
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.answer = self._call()
        except requests.RequestException as error:
            self.error = error

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def wait(self) -> requests.Response:
        self._thread.join(_LONGEST_ANSWER_SECONDS)
        assert self.answer is not None, self.error
        return self.answer


def _held(control: Control) -> list[object]:
    held: list[object] = []
    for fault in control.faults():
        found = fault["held"]
        assert isinstance(found, list)
        held += found
    return held


def test_an_error_strikes_as_often_as_told_and_passes_what_it_skips(
    azure: Azure, control: Control, groups: str
) -> None:
    control.add_fault(
        method="GET", path="RESOURCEGROUPS$", skip=1, times=2, status=429, retryAfter=7
    )
    token = azure.token()
    path = f"{groups}?api-version=2025-04-01"
    answers = [azure.call("GET", path, token=token) for _ in range(4)]
    assert [one.status_code for one in answers] == [200, 429, 429, 200]
    assert answers[1].headers["Retry-After"] == "7"
    assert answers[1].json()["error"]["code"] == "TooManyRequests"
    fault = control.faults()[0]
    assert (fault["matched"], fault["struck"]) == (4, 2)


def test_a_fault_on_another_path_or_method_does_not_strike(
    azure: Azure, control: Control, groups: str
) -> None:
    control.add_fault(method="PUT", status=500)
    control.add_fault(path="nothing-here", status=500)
    assert azure.call("GET", f"{groups}?api-version=2025-04-01").status_code == 200
    assert [one["struck"] for one in control.faults()] == [0, 0]


def test_an_error_is_not_applied(azure: Azure, control: Control, groups: str) -> None:
    control.add_fault(method="PUT", path="groups/new$", times=1, status=503, code="ServerBusy")
    path = f"{groups}/new?api-version=2025-04-01"
    assert azure.call("PUT", path, {"location": "westeurope"}).status_code == 503
    assert azure.call("GET", path).status_code == 404
    assert azure.call("PUT", path, {"location": "westeurope"}).status_code == 201


def test_a_delay_is_waited(azure: Azure, control: Control, groups: str) -> None:
    token = azure.token()
    control.add_fault(path="resourcegroups$", times=1, delaySeconds=0.5)
    started = time.monotonic()
    assert azure.call("GET", f"{groups}?api-version=2025-04-01", token=token).status_code == 200
    assert time.monotonic() - started >= 0.5


def test_a_dropped_answer_breaks_in_the_middle(azure: Azure, control: Control, groups: str) -> None:
    token = azure.token()
    control.add_fault(method="GET", path="resourcegroups$", times=1, drop=True)
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        azure.call("GET", f"{groups}?api-version=2025-04-01", token=token)
    assert azure.call("GET", f"{groups}?api-version=2025-04-01", token=token).status_code == 200


def test_a_dropped_upload_is_not_applied(azure: Azure, control: Control, groups: str) -> None:
    token = azure.token()
    path = f"{groups}/new?api-version=2025-04-01"
    control.add_fault(method="PUT", path="groups/new$", times=1, drop=True)
    with pytest.raises(requests.ConnectionError):
        azure.call("PUT", path, {"location": "westeurope"}, token=token)
    assert azure.call("GET", path, token=token).status_code == 404


def test_a_request_held_before_is_applied_when_it_is_let_go(
    azure: Azure, control: Control, groups: str
) -> None:
    token = azure.token()
    path = f"{groups}/new?api-version=2025-04-01"
    control.add_fault(method="PUT", path="groups/new$", hold="before")
    put = _Background(lambda: azure.call("PUT", path, {"location": "westeurope"}, token=token))
    eventually(lambda: len(_held(control)) == 1)
    assert _held(control) == [{"method": "PUT", "path": f"{groups}/new", "hold": "before"}]
    assert azure.call("GET", path, token=token).status_code == 404
    assert put.running
    control.clear_faults()
    assert put.wait().status_code == 201
    assert azure.call("GET", path, token=token).status_code == 200


def test_a_request_held_after_is_applied_and_answered_late(
    azure: Azure, control: Control, groups: str
) -> None:
    token = azure.token()
    path = f"{groups}/new?api-version=2025-04-01"
    control.add_fault(method="PUT", path="groups/new$", hold="after")
    put = _Background(lambda: azure.call("PUT", path, {"location": "westeurope"}, token=token))
    eventually(lambda: azure.call("GET", path, token=token).status_code == 200)
    eventually(lambda: len(_held(control)) == 1)
    assert put.running
    control.clear_faults()
    assert put.wait().status_code == 201


@pytest.mark.parametrize("late", [False, True])
def test_a_held_request_whose_client_died_is_applied_only_if_asked_for(
    azure: Azure, control: Control, groups: str, late: bool
) -> None:
    token = azure.token()
    path = f"{groups}/new?api-version=2025-04-01"
    control.add_fault(path="groups/new$", hold="before", applyAfterDisconnect=late)

    def put_and_give_up() -> requests.Response:
        return requests.put(
            azure.arm + path,
            json={"location": "westeurope"},
            headers={"Authorization": f"Bearer {token}"},
            verify=azure.ca,
            timeout=0.5,
        )

    put = _Background(put_and_give_up)
    eventually(lambda: not put.running)
    assert isinstance(put.error, requests.Timeout)
    assert len(_held(control)) == 1
    control.clear_faults()

    def finished() -> bool:
        found = control.get("requests").json()["requests"]
        return any(one["method"] == "PUT" for one in found)

    eventually(finished)
    assert azure.call("GET", path, token=token).status_code == (200 if late else 404)


def test_a_reset_lets_held_requests_go(azure: Azure, control: Control, groups: str) -> None:
    token = azure.token()
    path = f"{groups}/new?api-version=2025-04-01"
    control.add_fault(path="groups/new$", hold="after")
    put = _Background(lambda: azure.call("PUT", path, {"location": "westeurope"}, token=token))
    eventually(lambda: len(_held(control)) == 1)
    control.reset()
    assert put.wait().status_code == 201
    assert azure.call("GET", path, token=token).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {"path": "("},
        {"hold": "sometimes"},
        {"times": -1},
        {"times": "3"},
        {"colour": 1},
        {"status": 200},
        {"latencyMs": -1},
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(control: Control, body: dict[str, object]) -> None:
    answer = requests.post(f"{control.url}/faults", json=body, timeout=10)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].endswith(".")
    assert control.faults() == []


def test_the_control_interface_says_what_it_does_not_know(control: Control) -> None:
    for method, path, status in (
        ("GET", "nothing", 501),
        ("PUT", "clock", 405),
        ("GET", "stats?colour=red", 400),
        ("GET", "disk-bytes", 400),
        ("DELETE", "faults?id=unknown", 404),
    ):
        answer = requests.request(method, f"{control.url}/{path}", timeout=10)
        assert answer.status_code == status
        assert answer.json()["error"]["message"]


def test_the_clock_moves_on_and_only_on(control: Control) -> None:
    before = control.get("clock").json()
    assert before["aheadSeconds"] == 0
    control.advance(3600)
    assert 3599 < control.get("clock").json()["aheadSeconds"] < 3601
    for wrong in ({"advanceSeconds": -1}, {}, {"advanceSeconds": "1"}, {"advanceSeconds": 1e300}):
        answer = requests.post(f"{control.url}/clock", json=wrong, timeout=10)
        assert answer.status_code == 400


def test_the_stats_count_requests_errors_and_bytes(
    azure: Azure, control: Control, groups: str
) -> None:
    token = azure.token()
    control.call("DELETE", "stats")
    azure.call("PUT", f"{groups}/new?api-version=2025-04-01", {"location": "mars"}, token=token)
    answer = azure.call("GET", f"{groups}?api-version=2025-04-01", token=token)
    put = control.operation("resources", "resourceGroups.put")
    assert (put["requests"], put["errors"], put["bytesIn"]) == (1, 1, len('{"location": "mars"}'))
    listed = control.operation("resources", "resourceGroups.list")
    assert (listed["requests"], listed["errors"]) == (1, 0)
    assert listed["bytesOut"] == len(answer.content)
    assert listed["maxConcurrent"] == 1
    assert control.get("stats").json()["since"]


def test_the_stats_show_what_ran_at_once(azure: Azure, control: Control, groups: str) -> None:
    token = azure.token()
    control.add_fault(path="groups/new", hold="before")
    puts = [
        _Background(
            lambda number=number: azure.call(  # type: ignore[misc]
                "PUT",
                f"{groups}/new{number}?api-version=2025-04-01",
                {"location": "westeurope"},
                token=token,
            )
        )
        for number in range(3)
    ]
    eventually(lambda: len(_held(control)) == 3)
    control.clear_faults()
    assert [one.wait().status_code for one in puts] == [201] * 3
    assert control.operation("resources", "resourceGroups.put")["maxConcurrent"] == 3


def test_a_reset_goes_back_to_the_scene_and_its_time(azure: Azure, control: Control) -> None:
    client = resources(azure)
    client.resource_groups.create_or_update("extra", {"location": "westeurope"})
    client.resource_groups.begin_delete("backup").result()
    control.advance(10)
    control.settings(pageSize=1)
    control.reset()
    names = [one.name for one in client.resource_groups.list()]
    assert "backup" in names
    assert "extra" not in names
    assert control.get("clock").json()["aheadSeconds"] == 0
    assert control.get("settings").json()["pageSize"] == 100
