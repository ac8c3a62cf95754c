"""Registers everything of Microsoft Graph."""

from azlab.core.service import Lab
from azlab.services.graph import applications, people, service_principals
from azlab.services.graph.call import GraphRoutes, make_router


def register(lab: Lab) -> None:
    """Add the routes to the Graph port."""
    lab.routers["graph"] = make_router()
    routes = GraphRoutes(lab)
    for part in (applications, service_principals, people):
        part.register(routes)
