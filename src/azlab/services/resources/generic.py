"""Lists of resources of all types."""

from azlab.core.arm import ArmCall
from azlab.core.errors import invalid_parameter
from azlab.core.http import Response
from azlab.core.json_types import JsonObject, text_at
from azlab.core.resources import Record
from azlab.core.service import Lab
from azlab.services.resources.filters import TagFilter, parse_filter
from azlab.services.resources.regions import code_name
from azlab.services.resources.versions import RESOURCES

_FILTERS = (
    "resourceType",
    "name",
    "location",
    "resourceGroup",
    "tagName",
    "tagValue",
    "substringof(name)",
    "substringof(resourcegroup)",
)
_EXPANDABLE = {"createdtime": "createdTime", "changedtime": "changedTime"}
# What a generic list shows of a resource besides id, name and type; the rest needs a GET.
_SHOWN = ("location", "tags", "kind", "managedBy", "sku", "plan", "identity", "zones")


def register(lab: Lab) -> None:
    """Add the routes."""
    for path in (
        "/subscriptions/{subscription}/resources",
        "/subscriptions/{subscription}/resourceGroups/{group}/resources",
    ):
        lab.arm.route(
            "GET",
            path,
            _list,
            operation="resources.list",
            action=None,
            api_versions=RESOURCES,
            queries=("$filter", "$expand", "$top", "$skiptoken"),
            note="filters: equalities joined by `and`, substringof(name or resourceGroup)",
        )


def _list(call: ArmCall) -> Response:
    """The resources that the caller may read; refused to those without any role here."""
    call.require_any_role("Microsoft.Resources/subscriptions/resources/read")
    if call.id.group:
        call.group()
    wanted = parse_filter(call.query("$filter"), _FILTERS)
    expand = [one.strip().lower() for one in call.query("$expand").split(",") if one.strip()]
    for name in expand:
        if name not in (*_EXPANDABLE, "provisioningstate"):
            raise invalid_parameter("$expand", f"The $expand value '{name}' is not supported.")
    tag = TagFilter.of(wanted)
    types = call.lab.arm.types
    shown: list[JsonObject] = []
    for record in call.lab.resources.list(call.tx, call.id):
        kind = types.get(record.id.type.lower())
        if kind is None or kind.is_child or not kind.tracked:
            continue
        readable = call.allowed(f"{record.id.type}/read", record.id.text)
        if readable and _fits(record, wanted) and tag.fits(record.body):
            shown.append(_summary(record, expand))
    return call.page(shown)


def _fits(record: Record, wanted: dict[str, str]) -> bool:
    facts = {
        "resourcetype": record.id.type,
        "name": record.id.name,
        "location": text_at(record.body, "location"),
        "resourcegroup": record.id.group,
    }
    for name, fact in facts.items():
        if name in wanted and fact.lower() != (
            code_name(wanted[name]) if name == "location" else wanted[name].lower()
        ):
            return False
        part = wanted.get(f"substringof({name})")
        if part is not None and part.lower() not in fact.lower():
            return False
    return True


def _summary(record: Record, expand: list[str]) -> JsonObject:
    body = record.body
    shown: JsonObject = {"id": record.id.text, "name": record.id.name, "type": record.id.type}
    shown.update({name: body[name] for name in _SHOWN if body.get(name) is not None})
    if "createdtime" in expand:
        shown["createdTime"] = record.created
    if "changedtime" in expand:
        shown["changedTime"] = record.changed
    if "provisioningstate" in expand:
        shown["provisioningState"] = text_at(body, "properties", "provisioningState")
    return shown
