"""Scenes: what exists when a lab starts, as one declarative file (YAML or JSON).

Each top-level member belongs to one service, which makes what it describes; `settings` belongs to
the core. The scene is copied into the lab's directory, so that a reset needs nothing else.
"""

from pathlib import Path

import yaml

from azlab.core.certificates import write_file
from azlab.core.json_types import JsonObject, WrongShape, encode, object_at, parse_object
from azlab.core.service import Lab
from azlab.core.settings import Settings, store_settings
from azlab.services import scene_loaders

_SHIPPED = Path(__file__).resolve().parent.parent / "scenes"
_COPY = "scene.json"
_KIND, _LOADED = "lab", "loaded"


class SceneError(Exception):
    """The scene cannot be used; the text says why."""


def read_scene(name_or_file: str) -> JsonObject:
    """The scene shipped under a name, or in a file (relative paths in it are the file's own)."""
    path = _SHIPPED / f"{name_or_file}.yaml"
    if "/" in name_or_file or not path.exists():
        path = Path(name_or_file)
    try:
        text = path.read_text()
    except OSError as error:
        shipped = ", ".join(sorted(one.stem for one in _SHIPPED.glob("*.yaml")))
        raise SceneError(
            f"There is no scene '{name_or_file}': it is neither a file nor one of {shipped}."
        ) from error
    try:
        # Through JSON, so that only JSON values remain (YAML also has dates).
        found = yaml.safe_load(text)
        return parse_object(encode(found))
    except (yaml.YAMLError, TypeError, WrongShape) as error:
        raise SceneError(f"The scene {path} cannot be read: {error}") from error


def keep_scene(directory: Path, scene: JsonObject) -> None:
    """Copy the scene into the lab's directory."""
    write_file(directory / _COPY, encode(scene), private=True)


def kept_scene(directory: Path) -> JsonObject | None:
    """The scene of this directory, None when it is new."""
    path = directory / _COPY
    return parse_object(path.read_bytes()) if path.exists() else None


def is_loaded(lab: Lab) -> bool:
    """Whether the scene has been made completely."""
    with lab.state.transaction() as tx:
        return tx.get(_KIND, _LOADED) is not None


def load_scene(lab: Lab, scene: JsonObject) -> None:
    """Forget everything and make what the scene describes, all or nothing.

    Raises SceneError. Killed in the middle, the lab does it again at its next start.
    """
    loaders = scene_loaders()
    known = {"settings", "description"}.union(*(loader.sections for loader in loaders))
    if unknown := sorted(set(scene) - known):
        raise SceneError(f"No service knows the section '{unknown[0]}' of the scene.")
    lab.forget_outside_state()
    try:
        with lab.state.transaction() as tx:
            tx.clear()
            lab.clock.reload()
            store_settings(tx, Settings().changed(object_at(scene, "settings")))
            lab.rbac.changed()
            for loader in loaders:
                part = {name: scene[name] for name in loader.sections if name in scene}
                loader.load(lab, tx, part)
            tx.put(_KIND, _LOADED, {})
    except WrongShape as error:
        raise SceneError(f"The scene is wrong: {error}") from error
    lab.reload()
