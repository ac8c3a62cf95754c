"""The resources that tokens can be had for."""

from urllib.parse import urlsplit

from azlab.core.service import Lab

GRAPH = "https://graph.microsoft.com"
# Resources of the public cloud that clients ask for when they are only given a base URL.
_KNOWN_RESOURCES = frozenset(
    {
        "management.azure.com",
        "management.core.windows.net",
        "storage.azure.com",
        "disk.azure.com",
        "vault.azure.net",
        "graph.microsoft.com",
    }
)


def is_known(lab: Lab, resource: str) -> bool:
    """Whether the directory knows a resource: one of the lab's own ports or of the public cloud."""
    ends = lab.endpoints
    own = {urlsplit(url).netloc for url in (ends.arm, ends.blob, ends.disks, ends.graph)}
    own |= {netloc.replace("127.0.0.1", "localhost") for netloc in own}
    host = urlsplit(resource).netloc.lower()
    return host in own or host in _KNOWN_RESOURCES or host.endswith(".blob.core.windows.net")


def is_graph(lab: Lab, resource: str) -> bool:
    """Whether a resource is Microsoft Graph."""
    return resource.rstrip("/") in graph_audiences(lab)


def graph_audiences(lab: Lab) -> tuple[str, ...]:
    """The `aud` values that Graph takes."""
    own = lab.endpoints.graph
    return (own, own.replace("127.0.0.1", "localhost"), GRAPH)
