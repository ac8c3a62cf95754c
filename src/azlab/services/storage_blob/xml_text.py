"""XML as the service writes it: one line, byte order mark first, empty elements closed short."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from xml.etree import ElementTree
from xml.sax.saxutils import escape, quoteattr

from azlab.services.storage_blob.errors import StorageError
from azlab.services.storage_blob.request import BlobResponse

_HEAD = '\ufeff<?xml version="1.0" encoding="utf-8"?>'


class XmlText:
    """Collects a document from the front to the back."""

    def __init__(self) -> None:
        self._parts = [_HEAD]

    @contextmanager
    def element(self, name: str, attributes: Mapping[str, str] | None = None) -> Iterator[None]:
        values = "".join(f" {key}={quoteattr(text)}" for key, text in (attributes or {}).items())
        self._parts.append(f"<{name}{values}>")
        mark = len(self._parts)
        yield
        if len(self._parts) == mark:
            self._parts[-1] = f"<{name}{values} />"
        else:
            self._parts.append(f"</{name}>")

    def text(self, name: str, value: str | None, attributes: str = "") -> None:
        if value:
            self._parts.append(f"<{name}{attributes}>{escape(value)}</{name}>")
        else:
            self._parts.append(f"<{name}{attributes} />")

    def encode(self) -> bytes:
        return "".join(self._parts).encode()


def xml_response(
    document: XmlText, headers: Mapping[str, str] | None = None, status: int = 200
) -> BlobResponse:
    return BlobResponse(
        status, {**(headers or {}), "Content-Type": "application/xml"}, document.encode()
    )


def parse_xml(document: bytes, root_name: str) -> ElementTree.Element:
    """Raises InvalidXmlDocument. Entities and document types are not accepted."""
    if b"<!" in document:
        raise StorageError("InvalidXmlDocument")
    try:
        root = ElementTree.fromstring(document)
    except ElementTree.ParseError:
        raise StorageError("InvalidXmlDocument") from None
    if root.tag != root_name:
        raise StorageError("InvalidXmlDocument")
    return root


def child_text(element: ElementTree.Element, name: str) -> str:
    """The text of a child, empty when it is missing."""
    return (element.findtext(name) or "").strip()
