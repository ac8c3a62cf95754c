"""People, `/me`, groups, memberships, the organization and the policy of registration."""

from dataclasses import replace

from azlab.core.http import Response, json_response
from azlab.core.json_types import JsonObject, JsonValue, flag_at, text_at
from azlab.core.rbac import groups_of
from azlab.services.graph import errors
from azlab.services.graph.call import GraphCall, GraphRoutes
from azlab.services.identity.state import (
    Group,
    User,
    find_group,
    find_user,
    groups,
    principal_type,
    put_group,
    read_tenant,
    users,
)

_DIRECTORY = ("Directory.Read.All", "Directory.ReadWrite.All")
_AS_USER = "Directory.AccessAsUser.All"
_GROUPS = ("Group.Read.All", "GroupMember.Read.All", "Group.ReadWrite.All", *_DIRECTORY)
_USERS = ("User.Read.All", "User.ReadWrite.All", *_DIRECTORY)
_SELF = ("User.Read", *_USERS, _AS_USER)


def register(routes: GraphRoutes) -> None:
    """Add the routes."""
    add = routes.add
    organization = ("Organization.Read.All", *_DIRECTORY)
    add("GET", "/organization", _organization, "organization.list", application=organization,
        person=(*organization, *_SELF))  # fmt: skip
    add("GET", "/policies/authorizationPolicy", _policy, "authorizationPolicy.get",
        application=("Policy.Read.All",), person=("Policy.Read.All", _AS_USER),
        note="only whether people may register applications")  # fmt: skip
    add("GET", "/me", _me, "me.get", application=_USERS, person=_SELF)
    add("GET", "/me/memberOf", _my_groups, "me.memberOf", application=_USERS, person=_SELF)
    add("POST", "/me/getMemberGroups", _my_group_ids, "me.getMemberGroups", application=_USERS,
        person=_SELF)  # fmt: skip
    add("GET", "/users", _users, "users.list", application=_USERS, person=(*_USERS, _AS_USER))
    add("GET", "/users/{id}", _user, "users.get", application=_USERS, person=(*_USERS, _AS_USER))
    for kind in ("users", "servicePrincipals"):
        add("POST", f"/{kind}/{{id}}/getMemberGroups", _member_groups, f"{kind}.getMemberGroups",
            application=_GROUPS, person=(*_GROUPS, _AS_USER))  # fmt: skip
    person = (*_GROUPS, _AS_USER)
    add("GET", "/groups", _groups, "groups.list", application=_GROUPS, person=person)
    add("GET", "/groups/{id}", _group, "groups.get", application=_GROUPS, person=person)
    add("GET", "/groups/{id}/members", _members, "groups.members", application=_GROUPS,
        person=person)  # fmt: skip
    add("GET", "/groups/{id}/owners", _owners, "groups.owners", application=_GROUPS, person=person)
    change = ("GroupMember.ReadWrite.All", "Group.ReadWrite.All", "Directory.ReadWrite.All")
    add("POST", "/groups/{id}/members/$ref", _add_member, "groups.addMember", application=change,
        person=(*change, _AS_USER))  # fmt: skip


def _organization(call: GraphCall) -> Response:
    tenant = read_tenant(call.tx)
    shown: JsonObject = {
        "id": tenant.id,
        "displayName": tenant.display_name,
        "verifiedDomains": [
            {"name": tenant.default_domain, "isDefault": True, "isInitial": True, "type": "Managed"}
        ],
    }
    return call.page("organization", [shown])


def _policy(call: GraphCall) -> Response:
    allowed = read_tenant(call.tx).users_may_register
    shown: JsonObject = {
        "id": "authorizationPolicy",
        "displayName": "Authorization Policy",
        "defaultUserRolePermissions": {"allowedToCreateApps": allowed},
    }
    return call.one("authorizationPolicy", shown)


def _me(call: GraphCall) -> Response:
    return call.one("users", shown_user(call.me))


def _my_groups(call: GraphCall) -> Response:
    inside = groups_of(call.tx, call.me.id)
    shown = [
        {"@odata.type": "#microsoft.graph.group", **_shown_group(one)}
        for one in groups(call.tx)
        if one.id.lower() in inside
    ]
    roles: list[JsonObject] = [
        {"@odata.type": "#microsoft.graph.directoryRole", "id": role, "displayName": role}
        for role in call.me.roles
    ]
    return call.page("directoryObjects", [*shown, *roles])


def _my_group_ids(call: GraphCall) -> Response:
    return _ids(call, call.me.id)


def _member_groups(call: GraphCall) -> Response:
    wanted = call.params["id"]
    if principal_type(call.tx, wanted) is None:
        raise errors.not_found(wanted)
    return _ids(call, wanted)


def _ids(call: GraphCall, object_id: str) -> Response:
    only_security = flag_at(call.json(), "securityEnabledOnly")
    if only_security is None:
        raise errors.bad_request("A value is required for 'securityEnabledOnly'.")
    inside = groups_of(call.tx, object_id)
    found: list[JsonValue] = [
        one.id
        for one in groups(call.tx)
        if one.id.lower() in inside and (one.security or not only_security)
    ]
    context = f"{call.request.base_url}/v1.0/$metadata#Collection(Edm.String)"
    return json_response(200, {"@odata.context": context, "value": found})


def _users(call: GraphCall) -> Response:
    return call.page("users", map(shown_user, users(call.tx)))


def _user(call: GraphCall) -> Response:
    found = find_user(call.tx, call.params["id"])
    if found is None:
        raise errors.not_found(call.params["id"])
    return call.one("users", shown_user(found))


def _groups(call: GraphCall) -> Response:
    return call.page("groups", map(_shown_group, groups(call.tx)))


def _asked(call: GraphCall) -> Group:
    found = find_group(call.tx, call.params["id"])
    if found is None:
        raise errors.not_found(call.params["id"])
    return found


def _group(call: GraphCall) -> Response:
    return call.one("groups", _shown_group(_asked(call)))


def _members(call: GraphCall) -> Response:
    return call.page("directoryObjects", [_reference(call, one) for one in _asked(call).members])


def _owners(call: GraphCall) -> Response:
    return call.page("directoryObjects", [_reference(call, one) for one in _asked(call).owners])


def _add_member(call: GraphCall) -> Response:
    group = _asked(call)
    if call.user is not None and not (
        "Global Administrator" in call.user.roles
        or "Groups Administrator" in call.user.roles
        or call.user.id in group.owners
    ):
        raise errors.denied()
    member = text_at(call.json(), "@odata.id").rstrip("/").rsplit("/", 1)[-1]
    if principal_type(call.tx, member) is None:
        raise errors.not_found(member)
    if member in group.members:
        raise errors.bad_request(
            "One or more added object references already exist for the following modified "
            "properties: 'members'."
        )
    put_group(call.tx, replace(group, members=(*group.members, member)))
    call.lab.rbac.changed()
    return Response(204)


def _reference(call: GraphCall, object_id: str) -> JsonObject:
    user = find_user(call.tx, object_id)
    if user is not None:
        return {"@odata.type": "#microsoft.graph.user", **shown_user(user)}
    kind = "group" if principal_type(call.tx, object_id) == "Group" else "servicePrincipal"
    return {"@odata.type": f"#microsoft.graph.{kind}", "id": object_id}


def shown_user(user: User) -> JsonObject:
    """As Graph shows a person."""
    return {
        "id": user.id,
        "displayName": user.name,
        "userPrincipalName": user.principal_name,
        "mail": user.principal_name,
        "accountEnabled": not user.disabled,
        "userType": "Member",
    }


def _shown_group(group: Group) -> JsonObject:
    return {
        "id": group.id,
        "displayName": group.name,
        "description": group.description or None,
        "securityEnabled": group.security,
        "mailEnabled": False,
        "groupTypes": [],
    }
