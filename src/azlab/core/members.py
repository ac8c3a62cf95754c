"""The members a request body may have: one that the lab does not know is refused.

A shape is a mapping from member names to what stands under them: another shape, a list with
one shape for its items, or None for any value. Members that Azure only ever answers are part
of a shape too, because clients send back what they got; whoever builds the resource does not
read them.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from importlib import resources
from typing import TypeAlias

from azlab.core.errors import ArmError
from azlab.core.json_types import JsonObject, JsonValue, WrongShape

Shape: TypeAlias = "Mapping[str, Shape | Sequence[Shape] | None]"


def body_check(package: str) -> Callable[[str, JsonObject], None]:
    """What refuses, by the name of its model, a body that `shapes.json` of a package does not
    describe. The file is read when the first body comes.
    """

    @lru_cache(maxsize=1)
    def shapes() -> dict[str, dict[str, Shape]]:
        text = resources.files(package).joinpath("shapes.json").read_text()
        found: dict[str, dict[str, Shape]] = json.loads(text)
        return found

    def check_body(model: str, body: JsonObject) -> None:
        check_members(body, shapes()[model])

    return check_body


def check_members(body: JsonObject, shape: Shape, where: str = "") -> None:
    """Raise 400 `InvalidRequestContent` for a member that the shape does not have."""
    for name, value in body.items():
        path = f"{where}.{name}" if where else name
        if name not in shape:
            raise ArmError(
                400,
                "InvalidRequestContent",
                "The request content was invalid and could not be deserialized: 'Could not find "
                f"member '{name}'. Path '{path}'.'.",
                target=path,
            )
        _check_value(value, shape[name], path)


def _check_value(value: JsonValue, inner: "Shape | Sequence[Shape] | None", path: str) -> None:
    if inner is None or value is None:
        return
    if isinstance(inner, Mapping):
        if not isinstance(value, dict):
            raise WrongShape(f"The member '{path}' must be an object.")
        check_members(value, inner, path)
        return
    if not isinstance(value, list):
        raise WrongShape(f"The member '{path}' must be an array.")
    for index, item in enumerate(value):
        if not isinstance(item, dict):
            raise WrongShape(f"The member '{path}' must be an array of objects.")
        check_members(item, inner[0], f"{path}[{index}]")
