"""XML of the storage services, read as answers of a machine: no document type, no entities.

Nothing that Azure answers declares a type. What does, wants entities expanded or files read,
and is refused when the declaration begins, before anything in it is looked at.
"""

from __future__ import annotations

from xml.etree import ElementTree

from kyanite.base.errors import Rejected

Element = ElementTree.Element


class _PlainTree(ElementTree.TreeBuilder):
    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        """The parser calls this at ``<!DOCTYPE``."""
        del name, pubid, system
        raise Rejected("An answer of Azure declares a document type; such XML is not read.")


def parse_xml(text: bytes, what: str) -> Element:
    """The root of an answer; ``what`` names it. Raises ``Rejected`` if it is no plain XML."""
    parser = ElementTree.XMLParser(target=_PlainTree())
    try:
        parser.feed(text)
        root: Element = parser.close()
    except (ElementTree.ParseError, ValueError) as error:
        raise Rejected(f"{what} cannot be read: {error}") from error
    return root
