"""The text of `src/kyanite/contract/operations`: one module of operation records per tag."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any, TypeAlias

Document: TypeAlias = dict[str, Any]
"""A part of an OpenAPI document, as JSON gives it."""

REFERENCE = "#/components/schemas/"
PLAIN = {"string": "str", "integer": "int", "boolean": "bool", "number": "float"}
FORMATS = {"uuid": "UUID", "binary": "bytes"}


def type_expression(schema: Document | None, used: set[str]) -> str:
    """A Python type for a schema; the modules it needs are added to `used`."""
    if not schema:
        return "None"
    if "$ref" in schema:
        module, _, name = schema["$ref"].removeprefix(REFERENCE).partition(".")
        used.add(module)
        return f"{module}.{name}"
    if schema.get("type") == "array":
        return f"list[{type_expression(schema.get('items'), used)}]"
    if schema.get("type") == "object":
        return "dict[str, object]"
    if schema.get("format") in FORMATS:
        used.add("")
        return FORMATS[schema["format"]]
    return PLAIN[schema["type"]]


def content(part: Document, used: set[str]) -> tuple[str, str]:
    """Media type and Python type of a body."""
    for media, spec in (part.get("content") or {}).items():
        return media, type_expression(spec.get("schema"), used)
    return "", "None"


def record(path: str, method: str, operation: Document, used: set[str]) -> str:
    lines = [
        "    Operation(",
        f'        operation_id="{operation["operationId"]}",',
        f'        method="{method.upper()}",',
        f'        path="{path}",',
        f'        tag="{operation["tags"][0]}",',
    ]
    if "x-query" in operation:
        lines.append(f"        query={type_expression(operation['x-query'], used)},")
    if "requestBody" in operation:
        media, body = content(operation["requestBody"], used)
        lines.append(f'        body=Body("{media}", {body}),')
    answers = []
    for status, response in operation["responses"].items():
        media, body = content(response, used)
        answers.append(f'            Answer({status}, "{media}", {body}),')
    lines += ["        answers=(", *answers, "        ),", "    ),"]
    return "\n".join(lines)


def operation_modules(document: Document, module_name: Callable[[str], str]) -> dict[str, str]:
    """File name → text."""
    records: dict[str, list[str]] = defaultdict(list)
    used: dict[str, set[str]] = defaultdict(set)
    index: dict[str, str] = {}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            module = module_name(operation["tags"][0])
            index[operation["operationId"]] = module
            records[module].append(record(path, method, operation, used[module]))
    files: dict[str, str] = {}
    for module, texts in records.items():
        names = sorted(used[module] - {""})
        head = "from uuid import UUID\n\n" if "" in used[module] else ""
        files[f"{module}.py"] = (
            "\nfrom __future__ import annotations\n\n"
            + head
            + (f"from kyanite.contract.models import {', '.join(names)}\n" if names else "")
            + "from kyanite.contract.operation import Answer, Body, Operation\n\n"
            + "OPERATIONS = (\n"
            + "\n".join(texts)
            + "\n)\n"
        )
    rows = "\n".join(f'    "{name}": "{module}",' for name, module in sorted(index.items()))
    methods = "\n".join(
        f'    "{path}": ({"".join(repr(method.upper()) + ", " for method in sorted(item))}),'
        for path, item in sorted(document["paths"].items())
    )
    files["index.py"] = (
        '\n"""Which module of this package describes which operation."""\n\n'
        f"MODULES: dict[str, str] = {{\n{rows}\n}}\n\n"
        "# Path → the methods that the contract has there.\n"
        f"METHODS: dict[str, tuple[str, ...]] = {{\n{methods}\n}}\n"
    )
    files["__init__.py"] = ""
    return files


def never_null_module(document: Document) -> str:
    """Text of a module that names the optional members an answer omits instead of nulling."""
    schemas = document["components"]["schemas"]

    def may_be_null(schema: Document) -> bool:
        target = schema.get("$ref", "").removeprefix(REFERENCE)
        return bool(schema.get("nullable") or schemas.get(target, {}).get("nullable"))

    rows = []
    for name, schema in sorted(schemas.items()):
        members = sorted(
            member
            for member, shape in schema.get("properties", {}).items()
            if not may_be_null(shape) and member not in schema.get("required", ())
        )
        if members and not name.endswith("Query"):
            lines = "".join(f'            "{member}",\n' for member in members)
            rows.append(f'    "{name}": frozenset(\n        {{\n{lines}        }}\n    ),\n')
    return (
        '\n"""Per model (`module.Class`), the optional members that may not be null."""\n\n'
        "NEVER_NULL: dict[str, frozenset[str]] = {\n" + "".join(rows) + "}\n"
    )
