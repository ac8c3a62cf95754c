"""Orders on their way: nothing is lost, nothing shows, and nothing foreign gets in."""

from __future__ import annotations

import json
import uuid

import pytest

from kyanite.azure.signed_urls import SignedUrl
from kyanite.base.errors import (
    Damaged,
    Invalid,
    KyaniteError,
    LeaseLost,
    MoverLost,
    PointVoided,
    QuotaExceeded,
    Throttled,
)
from kyanite.datamover.attachments import Attachments, ranges_from_bytes, ranges_to_bytes
from kyanite.datamover.failures import failure_from_json, failure_to_json
from kyanite.datamover.frames import Frame
from kyanite.datamover.messages import Credential, Order, Part
from kyanite.datamover.orders import (
    BackupOrder,
    BackupOutcome,
    RestoreOrder,
    RestoreOutcome,
    SourceDisk,
    StorageAccess,
    TargetDisk,
)
from kyanite.engine.keys import BackupKeys, RestoreKeys
from kyanite.engine.point import Point
from kyanite.engine.ranges import ByteRange, RangeList
from kyanite.engine.session import SessionTicket
from kyanite.engine.settings import RepositorySettings

SESSION = str(uuid.UUID(int=5))
SECRET = "c2VjcmV0LXNpZ25hdHVyZQ"
STORAGE = StorageAccess(SignedUrl.parse(f"https://b/acc/con?sig={SECRET}"), "folder", "Cool")
RANGES = RangeList([ByteRange(0, 512), ByteRange(4096, 8192, zero=True)])
BACKUP = BackupOrder(
    epoch=4,
    keys=BackupKeys(b"r" * 16, b"s" * 16, b"i" * 32, b"c" * 32, b"m" * 32, b"z" * 32),
    ticket=SessionTicket(
        b"r" * 16, SESSION, "machine", "label", None, "2026-01-01T00:00:00Z", RepositorySettings()
    ),
    storage=STORAGE,
    disks=(
        SourceDisk("d1", "os", 1 << 30, SignedUrl.parse(f"https://d/1?sig={SECRET}")),
        SourceDisk(
            "d2",
            "data",
            1 << 40,
            SignedUrl.parse(f"https://d/2?sig={SECRET}"),
            SignedUrl.parse(f"https://d/old?sig={SECRET}"),
            RANGES,
        ),
    ),
    recipe=b'{"machine": {}}',
    ca_file="/ca.pem",
)
RESTORE = RestoreOrder(
    epoch=4,
    keys=RestoreKeys(b"r" * 16, b"i" * 32, b"m" * 32, {b"p" * 16: b"k" * 32}),
    point=Point(SESSION, "machine", "label", "2026-01-01T00:00:00Z", "Full", None, (), 1, 2, 3, 4),
    storage=STORAGE,
    disks=(TargetDisk("d1", 1 << 30, SignedUrl.parse(f"https://d/new?sig={SECRET}"), RANGES),),
)


def over_the_wire(attachments: Attachments) -> Attachments:
    received = Attachments()
    for part in [*attachments.parts(), *attachments.parts()]:
        received.collect(part)
    return received


def test_a_backup_order_arrives_as_it_was_sent() -> None:
    attachments = Attachments()
    body = json.loads(json.dumps(BACKUP.to_json(attachments)))
    assert BackupOrder.from_json(4, body, over_the_wire(attachments)) == BACKUP


def test_a_restore_order_arrives_as_it_was_sent() -> None:
    attachments = Attachments()
    body = json.loads(json.dumps(RESTORE.to_json(attachments)))
    assert RestoreOrder.from_json(4, body, over_the_wire(attachments)) == RESTORE


def test_outcomes_arrive_as_they_were_sent() -> None:
    backup = BackupOutcome("Full", 1, 2, 3, 4, True, (("d1", "no common family"),))
    assert BackupOutcome.from_json(json.loads(json.dumps(backup.to_json()))) == backup
    restore = RestoreOutcome(5, 6)
    assert RestoreOutcome.from_json(json.loads(json.dumps(restore.to_json()))) == restore


def test_nothing_secret_shows_when_an_order_is_printed() -> None:
    wire = Order("backup", 4, BACKUP.to_json(Attachments()))
    credential = Credential(1, STORAGE.container)
    for thing in (BACKUP, RESTORE, wire, credential, STORAGE, Part("d", 0, 1, b"zzz")):
        text = f"{thing!r} {thing}"
        assert SECRET not in text
        assert "zzz" not in text
        assert "kkk" not in text


def test_an_order_without_its_attachments_is_refused() -> None:
    with pytest.raises(Invalid, match="not sent with it"):
        BackupOrder.from_json(4, BACKUP.to_json(Attachments()), Attachments())


def test_what_does_not_match_its_digest_is_refused() -> None:
    received = Attachments()
    with pytest.raises(Invalid, match="not what the order refers to"):
        received.collect(Part("0" * 64, 0, 1, b"other"))
    with pytest.raises(Invalid):
        received.collect(Part("0" * 64, 5, 2, b""))
    with pytest.raises(Invalid):
        received.collect(Part("0" * 64, 0, 1 << 30, b""))


def test_a_million_ranges_travel_in_sixteen_bytes_each() -> None:
    ranges = RangeList(ByteRange(n * 8192, 4096, zero=n % 3 == 0) for n in range(1_000_00))
    data = ranges_to_bytes(ranges)
    assert len(data) == 16 * len(ranges)
    assert ranges_from_bytes(data) == ranges
    with pytest.raises(Invalid):
        ranges_from_bytes(data[:-1])


@pytest.mark.parametrize(
    "error",
    [
        Damaged("Pack a is damaged."),
        PointVoided("Given up."),
        LeaseLost("Taken over."),
        QuotaExceeded("No cores.", code="QuotaExceeded", status=409),
        Throttled("Slow.", code="x", status=503, retry_after_seconds=3.5),
    ],
)
def test_errors_arrive_as_the_same_class_with_the_same_words(error: KyaniteError) -> None:
    again = failure_from_json(json.loads(json.dumps(failure_to_json(error))))
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert vars(again) == vars(error)


def test_an_error_of_an_unknown_class_is_a_lost_mover_with_its_words() -> None:
    again = failure_from_json({"kind": "SystemExit", "message": "of a later release"})
    assert isinstance(again, MoverLost)
    assert "of a later release" in str(again)


def test_frames_that_are_damaged_or_of_another_version_are_refused() -> None:
    frame = Frame("run", 1, 2, 3, "part", {"a": 1}, b"payload")
    assert Frame.decode(frame.encode()) == frame
    for wrong in (b"", b"KYM1", frame.encode()[:-1], b"XXXX" + frame.encode()[4:]):
        with pytest.raises(Invalid):
            Frame.decode(wrong)
    other = frame.encode().replace(b'"version":1', b'"version":2')
    with pytest.raises(Invalid, match="version 2"):
        Frame.decode(other)
