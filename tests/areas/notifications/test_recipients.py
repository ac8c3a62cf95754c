"""Whom a result is told."""

from __future__ import annotations

from kyanite.areas.notifications.settings import EmailSettings
from kyanite.base.json_types import JsonObject
from kyanite.rules.notifications import recipients_of


def test_the_block_of_a_policy_adds_its_recipient_or_silences_it() -> None:
    told = EmailSettings(on_success=False).told_results
    everyone = ("ops@example.org",)
    silent: JsonObject = {"recipient": "a@b", "notifyOnSuccess": False, "notifyOnFailure": False}
    assert recipients_of(everyone, told, silent, "Error") == ()
    own: JsonObject = {
        "recipient": "a@b; OPS@example.org",
        "notifyOnSuccess": True,
        "notifyOnFailure": True,
    }
    assert recipients_of(everyone, told, own, "Error") == ("ops@example.org", "a@b")
    assert recipients_of(everyone, told, own, "Success") == ("a@b", "OPS@example.org")
    assert recipients_of(everyone, told, {}, "Success") == ()
    assert recipients_of(everyone, told, {}, "Warning") == ("ops@example.org",)
