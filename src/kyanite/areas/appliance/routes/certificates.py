"""Tag Certificate: the one that the API shows."""

from __future__ import annotations

from typing import Annotated

from cryptography import x509
from fastapi import Request

from kyanite.areas.appliance.web_certificate import (
    WebCertificate,
    common_name,
    is_own,
    key_algorithm,
    read_pfx,
    thumbprint,
)
from kyanite.base.clock import Clock
from kyanite.contract.models import certificate as models
from kyanite.http.audit import note
from kyanite.http.provide import Provided
from kyanite.http.routes import Routes

routes = Routes()
Certificate = Annotated[WebCertificate, Provided(WebCertificate)]


@routes.operation("Certificate_GetCertificates")
def list_certificates(certificate: Certificate) -> list[models.CertificateInfo]:
    """The certificate of the API; there are no workers with one of their own."""
    return [_wire(certificate.current())]


@routes.operation("Certificate_RegenerateCertificate")
def regenerate(certificate: Certificate, request: Request) -> None:
    """A new self-signed certificate; connections made from now on see it."""
    certificate.regenerate()
    note(request, thumbprint(certificate.current()))


@routes.operation("Certificate_UploadWebServerCertificate")
def upload(
    body: models.UploadedWebServerCertificate,
    certificate: Certificate,
    clock: Annotated[Clock, Provided(Clock)],
    request: Request,
) -> None:
    """A certificate of one's own; connections made from now on see it."""
    certificate.install(
        read_pfx(
            body.web_server_certificate_pfx_base64,
            body.web_server_certificate_pfx_password,
            clock.now(),
        )
    )
    note(request, thumbprint(certificate.current()))


def _wire(certificate: x509.Certificate) -> models.CertificateInfo:
    algorithm, bits = key_algorithm(certificate)
    return models.CertificateInfo(
        key_size=bits,
        key_algorithm=algorithm,
        thumb_print=thumbprint(certificate),
        serial_number=f"{certificate.serial_number:X}",
        type=models.CertificateType.WEB_SERVER,
        issued_by=common_name(certificate.issuer),
        issued_to=common_name(certificate.subject),
        subject=certificate.subject.rfc4514_string(),
        expiration_date_utc=certificate.not_valid_after_utc,
        is_auto_generated=is_own(certificate),
    )
