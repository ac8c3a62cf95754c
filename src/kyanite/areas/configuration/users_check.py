"""Types PortalUsers and SsoUsers: who may be locked out on another host."""

from __future__ import annotations

from dataclasses import dataclass

from kyanite.areas.access import user_queries
from kyanite.areas.configuration.findings import Finding, Outcome, Verdict
from kyanite.db.database import Database

NOT_CONFIGURED = "NotConfiguredAtAll"


@dataclass(frozen=True)
class UsersCheck:
    """Looks at the users of the appliance."""

    database: Database

    def second_factors(self) -> Outcome:
        """Users whose second factor depends on the clock of the host and the sealed secrets."""
        with self.database.reading() as db:
            users = [
                Finding(
                    row.id,
                    "Valid",
                    facts={"name": row.name, "role": row.role, "type": "Internal"},
                )
                for row in user_queries.all_users(db, None, None)
                if row.mfa_secret is not None
            ]
        if not users:
            return Outcome(Verdict.SUCCESS, "No user has a second factor.")
        return Outcome(
            Verdict.VERIFICATION_NEEDED,
            f"{len(users)} users have a second factor: let each of them sign in once.",
            users,
        )

    def single_sign_on(self) -> Outcome:
        """There is no identity provider to be verified."""
        return Outcome(
            Verdict.SUCCESS, "Single sign-on is not configured.", [Finding("sso", NOT_CONFIGURED)]
        )
