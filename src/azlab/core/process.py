"""One running lab: ports bound, services registered, scene loaded, requests answered."""

import fcntl
import os
import threading
import time
from pathlib import Path

from azlab import control
from azlab.core.certificates import (
    CA_FILE,
    ensure_certificates,
    server_context,
    write_file,
)
from azlab.core.exchange import Exchange
from azlab.core.json_types import JsonObject, encode
from azlab.core.ports import free_port, keep_ports, kept_ports
from azlab.core.scene import is_loaded, keep_scene, kept_scene, load_scene, read_scene
from azlab.core.server import Listener
from azlab.core.service import PLAIN_PORTS, PORTS, Endpoints, Lab
from azlab.services import register_all
from azlab.services.identity.state import first_application
from azlab.services.resources.state import subscription_ids

LAB_FILE = "lab.json"
_PLAIN = (*PLAIN_PORTS, "control")
_PATIENCE_SECONDS = 5.0


class StartError(Exception):
    """The lab cannot start; the text says why and what to do."""


class LabProcess:
    """Starts in the constructor's order of things, answers after `start`, ends with `stop`."""

    def __init__(self, directory: Path, port: int, scene: str | None) -> None:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.dir = directory.resolve()
        self._lock_file = _claim(self.dir)
        # Whoever waits for the file must not find the one of the last run.
        (self.dir / LAB_FILE).unlink(missing_ok=True)
        ensure_certificates(self.dir)
        self._tls = server_context(self.dir)
        wanted = kept_ports(self.dir)
        if port:
            wanted["arm"] = port
        self._exchanges: dict[str, Exchange] = {}
        self._listeners: dict[str, Listener] = {}
        self._ports = wanted
        self._vaults: dict[str, str] = {}
        self._vaults_lock = threading.Lock()
        self._started = False
        for name in (*PORTS, *PLAIN_PORTS, "control"):
            self._listeners[name] = self._listen(name, wanted.get(name) or free_port())
        self._keep_ports()
        urls = {
            name: f"{'http' if name in _PLAIN else 'https'}://127.0.0.1:{one.port}"
            for name, one in self._listeners.items()
        }
        self.lab = Lab(self.dir, Endpoints(**urls))
        self.lab.open_vault = self._open_vault
        register_all(self.lab)
        self._load(scene)
        for name in (*PORTS, *PLAIN_PORTS):
            self._exchanges[name] = self._exchange(name)
        self._exchanges["control"] = Exchange(
            control.make_router(self.lab), self.lab.clock.now, self.lab.gate
        )
        for name, url in urls.items():
            self._exchanges[name].base_url = url

    def _exchange(self, router: str) -> Exchange:
        lab = self.lab
        return Exchange(lab.routers[router], lab.clock.now, lab.gate, lab.faults, lab.stats)

    def _open_vault(self, name: str) -> str:
        """A port for the vault: tools take the host of a URL for the vault, not its path."""
        key = f"vault-{name.lower()}"
        with self._vaults_lock:
            known = self._vaults.get(key)
            if known is not None:
                return known
            listener = self._listeners[key] = self._listen(key, self._ports.get(key) or free_port())
            url = self._vaults[key] = f"https://127.0.0.1:{listener.port}"
            exchange = self._exchanges[key] = self._exchange("vault")
            exchange.base_url = url
            self._keep_ports()
            if self._started:
                listener.start()
        return url

    def _keep_ports(self) -> None:
        """Remember every port, also those of vaults that may be made again."""
        self._ports = {
            **self._ports,
            **{name: one.port for name, one in self._listeners.items()},
        }
        keep_ports(self.dir, self._ports)

    def _listen(self, name: str, port: int) -> Listener:
        context = self._tls if name not in _PLAIN else None
        try:
            return Listener(
                name, port, lambda connection: self._exchanges[name].serve_one(connection), context
            )
        except OSError as error:
            raise StartError(
                f"The port {port} of this lab ({name}) cannot be used: {error.strerror}. "
                "End whatever listens there, or start with another directory."
            ) from error

    def _load(self, scene: str | None) -> None:
        kept = kept_scene(self.dir)
        if kept is not None and scene is not None and read_scene(scene) != kept:
            raise StartError(
                f"{self.dir} was made from another scene. Start it without --scene, or give a new "
                "directory."
            )
        wanted = kept if kept is not None else read_scene(scene or "small")
        if is_loaded(self.lab):
            self.lab.reload()
        else:
            load_scene(self.lab, wanted)
        # Only now: a scene that cannot be loaded must not bind the directory to itself.
        if kept is None:
            keep_scene(self.dir, wanted)

    def start(self) -> JsonObject:
        """Answer from now on; writes lab.json and returns the object in it."""
        with self._vaults_lock:
            self._started = True
            for listener in self._listeners.values():
                listener.start()
        described = self.describe()
        write_file(self.dir / LAB_FILE, encode(described) + b"\n", private=True)
        return described

    def describe(self) -> JsonObject:
        """The object of lab.json."""
        lab = self.lab
        with lab.state.transaction() as tx:
            application = first_application(tx)
            subscriptions = subscription_ids(tx)
        return {
            "arm": lab.endpoints.arm,
            "login": lab.endpoints.login,
            "graph": lab.endpoints.graph,
            "imds": lab.endpoints.imds,
            "ca": str(self.dir / CA_FILE),
            "tenantId": lab.tenant_id,
            "subscriptionIds": [*subscriptions],
            "clientId": application.client_id,
            "clientSecret": application.secret,
            "control": lab.endpoints.control,
        }

    def stop(self) -> None:
        """Finish what runs, then end in order. Held requests are let go unanswered."""
        self.lab.faults.clear()
        deadline = time.monotonic() + _PATIENCE_SECONDS
        for listener in self._listeners.values():
            listener.stop(deadline)
        self.lab.close()
        os.close(self._lock_file)


def _claim(directory: Path) -> int:
    """Make sure that no other lab works on the directory; the kernel frees it when we die."""
    descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise StartError(f"Another lab is running on {directory}.") from error
    return descriptor
