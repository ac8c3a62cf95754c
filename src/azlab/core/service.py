"""The lab as its services see it, and how a service becomes part of it.

A service is a folder `azlab/services/<name>/`, named in the list of `azlab/services/__init__.py`:

    routes.py    `register(lab: Lab) -> None`: adds types and routes. Called at every start, before
                 anything is answered; there may be state from before.
    scene.py     (optional) `SECTIONS: tuple[str, ...]` and
                 `load(lab: Lab, tx: Transaction, scene: JsonObject) -> None`: makes what a scene
                 file describes in these top-level members. Services load in the order of the list.
    state.py, errors.py, ...

A whole service with one type of resource:

    from azlab.core.arm import ArmCall, ArmType
    from azlab.core.http import Response, json_response
    from azlab.core.json_types import text_at
    from azlab.core.operations import PROVISIONED
    from azlab.core.service import Lab

    def register(lab: Lab) -> None:
        lab.arm.type(
            ArmType(
                "Microsoft.Toys/trains",
                api_versions=("2024-01-01",),
                put=put_train,
                actions={"whistle": whistle},
                queries={"get": ("$expand",)},
                on_delete=lambda tx, train_id, body: None,  # free what it owns
            )
        )
        lab.operations.register("trains.painted", lambda tx, arguments: {"done": True})

    def put_train(call: ArmCall) -> Response:
        asked = call.json()
        body = call.lab.resources.put(
            call.tx,
            call.id,
            {
                "location": text_at(asked, "location"),
                "properties": {"provisioningState": "Creating"},
            },
        )
        headers = call.start_operation(
            complete=PROVISIONED,
            arguments={"id": call.id.text},
            location=text_at(asked, "location"),
        )
        return json_response(202, body, headers)

    def whistle(call: ArmCall) -> Response:
        train = call.record()                      # 404 when missing; .body, .id (stored case)
        call.require("Microsoft.Toys/rails/read", "/subscriptions/…")   # further rights: 403
        return json_response(200, {"sound": train.id.name})

GET, HEAD, DELETE (202 + operation), lists with paging, generic lists, tags, locks, RBAC, the check
of the api-version and deletion with the group come with the declaration. A data plane makes its
own router:

    router = lab.routers["blob"] = Router("blob", render_error, discriminators=("comp", "restype"),
                                          max_body_bytes=5 << 30)
    router.add("PUT", "/{account}/{container}/{blob*}", put_block, operation="PutBlock",
               query={"comp": "block"})
    def put_block(request: Request, account: str, container: str, blob: str) -> Response: ...

and checks tokens with `lab.tokens.verify(request.headers.get("authorization"), audiences)` and
rights with `lab.rbac.allowed(principal, action, scope, data=True)`. Errors: subclass
`azlab.core.http.HttpError`. Outside an ARM handler use `with lab.transaction() as tx:`, which
also brings due operations to their end. Data kept outside `lab.state` lies in `lab.dir/<service>/`
and is forgotten in a callback given to `lab.on_reset`.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from azlab.core.arm import Arm
from azlab.core.certificates import write_file
from azlab.core.clock import LabClock
from azlab.core.errors import render_arm_error
from azlab.core.faults import Faults
from azlab.core.gate import Gate
from azlab.core.groups import Groups
from azlab.core.json_types import text_at
from azlab.core.operations import Operations
from azlab.core.rbac import Rbac
from azlab.core.resources import Resources
from azlab.core.routing import Router
from azlab.core.settings import Settings, load_settings
from azlab.core.state import State, Transaction
from azlab.core.stats import Stats
from azlab.core.tokens import Tokens

PORTS = ("arm", "login", "blob", "disks", "graph", "vault")
"""The services behind HTTPS. A vault has a port of its own besides `vault` (`Lab.open_vault`)."""
PLAIN_PORTS = ("imds",)
_SEED_FILE = "seed"


@dataclass(frozen=True)
class Endpoints:
    """Base URLs without a slash at the end."""

    arm: str
    login: str
    blob: str
    disks: str
    graph: str
    vault: str
    """Of no vault: answers what is asked of a vault that is gone."""
    imds: str
    """Plain HTTP: where a machine asks for tokens of its managed identity."""
    control: str


class Guest(Protocol):
    """What the disks service offers to the control interface (the module `services.disks.guest`).

    Each raises an HttpError (such as ArmError) with a sentence when the id names no disk or
    snapshot, or the range does not lie in it.
    """

    def write(self, lab: "Lab", arm_id: str, offset: int, data: bytes | memoryview) -> None:
        """Write as the guest of a running machine would."""

    def discard(self, lab: "Lab", arm_id: str, offset: int, length: int) -> None:
        """TRIM."""

    def read(self, lab: "Lab", arm_id: str, offset: int, length: int) -> bytes:
        """Bytes of a disk or snapshot."""


class Lab:
    """Everything a service works with."""

    def __init__(self, directory: Path, endpoints: Endpoints) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.dir = directory
        self.endpoints = endpoints
        self.state = State(directory / "state.db")
        self.clock = LabClock(self.state)
        self.settings = Settings()
        self.faults = Faults()
        self.stats = Stats()
        self.gate = Gate()
        self.tokens = Tokens(directory, self.clock)
        self.tokens.issuer_base = endpoints.login
        self.rbac = Rbac(self.state)
        self.resources = Resources(self.clock.now)
        self.groups = Groups(self.clock.now)
        self.operations = Operations(self.resources, self.clock.now, lambda: self.settings)
        self.operations.arm_url = endpoints.arm
        self.routers: dict[str, Router] = {
            name: Router(name, render_arm_error, ignore_case=name in ("arm", "login"))
            for name in (*PORTS, *PLAIN_PORTS)
        }
        self.arm = Arm(self, self.routers["arm"])
        self.tenant_id = ""
        """The id of the lab's tenant; known once a scene is loaded."""
        self.guest: Guest | None = None
        self.open_vault: Callable[[str], str] = lambda name: f"{endpoints.vault}/{name}"
        """The base URL of the vault with this name, on which the router `vault` answers from now
        on. The same at every start; set by the process, which owns the ports."""
        self._seed = _load_seed(directory / _SEED_FILE)
        self._on_reset: list[Callable[[], None]] = []
        self._on_stop: list[Callable[[], None]] = []

    @property
    def arm_audiences(self) -> tuple[str, ...]:
        """The `aud` values that ARM takes: its own, and those of the public cloud that the SDKs
        ask for when they are only given a base URL."""
        return (
            self.endpoints.arm,
            self.endpoints.arm.replace("127.0.0.1", "localhost"),
            "https://management.azure.com",
            "https://management.core.windows.net",
        )

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """A transaction in which every operation that is due has come to its end."""
        try:
            with self.state.transaction() as tx:
                self.operations.settle(tx)
                yield tx
        except BaseException:
            # What was read of roles inside the transaction may never have been committed.
            self.rbac.changed()
            raise

    def secret(self, *names: str) -> bytes:
        """32 bytes that are the same at every start and after a reset of this directory, and
        unknown elsewhere: account keys, application secrets."""
        return hmac.new(self._seed, "\0".join(names).encode(), hashlib.sha256).digest()

    def on_reset(self, action: Callable[[], None]) -> None:
        """Run when everything is to be forgotten: before a scene is loaded, at first start too."""
        self._on_reset.append(action)

    def on_stop(self, action: Callable[[], None]) -> None:
        """Run at an orderly end, after the last answer."""
        self._on_stop.append(action)

    def forget_outside_state(self) -> None:
        """Call what was given to on_reset."""
        for action in self._on_reset:
            action()

    def reload(self) -> None:
        """Take what the state holds: at start and after a scene was loaded."""
        self.clock.reload()
        self.rbac.changed()
        with self.state.transaction() as tx:
            self.settings = load_settings(tx)
            self.operations.forget_old(tx)
            tenant = tx.first("tenant")
        if tenant is not None:
            self.tenant_id = text_at(tenant[1], "id")
            self.tokens.tenants = frozenset({self.tenant_id})

    def close(self) -> None:
        """Call what was given to on_stop and close the state."""
        for action in self._on_stop:
            action()
        self.state.close()


def _load_seed(path: Path) -> bytes:
    if path.exists():
        return path.read_bytes()
    seed = secrets.token_bytes(32)
    write_file(path, seed, private=True)
    return seed
