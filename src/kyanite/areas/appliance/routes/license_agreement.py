"""Tag LicenseAgreement: docs/behaviour/appliance.md, section 6.3."""

from __future__ import annotations

from typing import Annotated

from kyanite.areas.appliance.agreements import accept, agreements, all_accepted
from kyanite.base.clock import Clock
from kyanite.contract.models.license_agreement import (
    DocumentChecksum,
    LicenseAgreement,
    LicenseAgreementResult,
)
from kyanite.http.provide import Provided
from kyanite.http.routes import Routes
from kyanite.http.unit_of_work import DbSession

routes = Routes()


@routes.operation("LicenseAgreement_GetLicenseAgreement")
def get_agreements() -> LicenseAgreementResult:
    """What there is to agree to."""
    return LicenseAgreementResult(
        license_agreements=[
            LicenseAgreement(type=one.type, checksum=one.checksum, content=one.content)
            for one in agreements()
        ]
    )


@routes.operation("LicenseAgreement_GetCurrentLicenseAgreementAccepted")
def get_accepted(db: DbSession) -> bool:
    """Whether all of it was accepted."""
    return all_accepted(db)


@routes.operation("LicenseAgreement_AcceptLicenseAgreement")
def accept_agreements(
    body: list[DocumentChecksum], db: DbSession, clock: Annotated[Clock, Provided(Clock)]
) -> None:
    """Accept the texts with these checksums."""
    accept(db, [(one.type or "", one.checksum or "") for one in body], clock)
