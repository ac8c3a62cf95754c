"""Azure Resource Manager ids: taken apart, compared without case, put together again."""

from dataclasses import dataclass


class BadResourceId(ValueError):
    """The text is not a resource id."""


@dataclass(frozen=True)
class ResourceId:
    """One id: of a subscription, a resource group, or a resource with its parents.

    `types` and `names` run from the outermost resource to the innermost, so a subnet has the
    types ("virtualNetworks", "subnets"). Case is kept as written; compare with `key`.
    """

    subscription: str
    group: str = ""
    namespace: str = ""
    types: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The id as Azure writes it."""
        parts = ["", "subscriptions", self.subscription]
        if self.group:
            parts += ["resourceGroups", self.group]
        if self.namespace:
            parts += ["providers", self.namespace]
            for kind, name in zip(self.types, self.names, strict=True):
                parts += [kind, name]
        return "/".join(parts)

    @property
    def key(self) -> str:
        """The id without regard to case: what two equal ids share, and the key in the state."""
        return self.text.lower()

    @property
    def name(self) -> str:
        """The innermost name."""
        return self.names[-1] if self.names else self.group or self.subscription

    @property
    def type(self) -> str:
        """Such as `Microsoft.Network/virtualNetworks/subnets`; empty outside resources."""
        return "/".join((self.namespace, *self.types)) if self.namespace else ""

    @property
    def parent(self) -> "ResourceId":
        """One step out: the parent resource, else the group, else the subscription."""
        if len(self.names) > 1:
            return ResourceId(
                self.subscription, self.group, self.namespace, self.types[:-1], self.names[:-1]
            )
        if self.namespace:
            return ResourceId(self.subscription, self.group)
        return ResourceId(self.subscription)

    @property
    def group_id(self) -> "ResourceId":
        """The resource group this id lies in."""
        return ResourceId(self.subscription, self.group)

    def child(self, kind: str, name: str) -> "ResourceId":
        """The id of a resource inside this one."""
        return ResourceId(
            self.subscription,
            self.group,
            self.namespace,
            (*self.types, kind),
            (*self.names, name),
        )


def parse(text: str) -> ResourceId:
    """Take an id apart; BadResourceId when it is none. Case is free, a trailing slash too."""
    parts = [part for part in text.split("/") if part]
    if len(parts) < 2 or parts[0].lower() != "subscriptions":
        raise BadResourceId(f"'{text}' is not a resource id.")
    subscription, rest = parts[1], parts[2:]
    group = ""
    if rest and rest[0].lower() == "resourcegroups":
        if len(rest) < 2:
            raise BadResourceId(f"'{text}' names no resource group.")
        group, rest = rest[1], rest[2:]
    if not rest:
        return ResourceId(subscription, group)
    if rest[0].lower() != "providers" or len(rest) < 4 or len(rest) % 2:
        raise BadResourceId(f"'{text}' is not a resource id.")
    return ResourceId(subscription, group, rest[1], tuple(rest[2::2]), tuple(rest[3::2]))


def same(left: str, right: str) -> bool:
    """Whether two texts name one resource."""
    return left.strip("/").lower() == right.strip("/").lower()


def contains(scope: str, inner: str) -> bool:
    """Whether `inner` is `scope` or lies below it; `/` holds everything."""
    outer = scope.strip("/").lower()
    path = inner.strip("/").lower()
    return not outer or path == outer or path.startswith(outer + "/")
