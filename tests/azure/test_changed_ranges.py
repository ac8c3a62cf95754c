"""Page lists and differences: windows, markers, cleared ranges."""

from __future__ import annotations

import pytest

from kyanite.azure.compute.changed_ranges import allocated_ranges, changed_ranges, parse_page_list
from kyanite.azure.compute.pages import DiskPages
from kyanite.azure.connections import Answer
from kyanite.azure.signed_urls import RenewableUrl, SignedUrl
from kyanite.base.errors import Denied, Rejected
from kyanite.base.units import GIB, MIB
from kyanite.engine.ranges import ByteRange
from support.memory_planes import MemoryExchange, PlaneRequest, refusal

URL = RenewableUrl(SignedUrl.parse("https://disks.test/md-1/abcd?sig=new"))


class PageLists:
    """Answers page lists from given ranges, ``page`` of them at a time."""

    def __init__(self, ranges: list[ByteRange], page: int = 100) -> None:
        self.ranges, self.page = ranges, page
        self.windows: list[tuple[int, int]] = []
        self.previous: list[str] = []
        self.slow_above: int | None = None
        self.deny: set[str] = set()

    def __call__(self, request: PlaneRequest) -> Answer:
        headers, query = request.headers, request.query
        start, end = request.range
        previous = headers.get("x-ms-previous-snapshot-url", "")
        self.previous.append(previous)
        if previous in self.deny:
            return refusal(403, "CannotVerifyCopySource")
        if self.slow_above is not None and end - start > self.slow_above:
            return refusal(500, "OperationTimedOut")
        self.windows.append((start, end))
        inside = [r for r in self.ranges if start <= r.offset < end]
        skip = int(query.get("marker", "0"))
        tags = "".join(
            f"<{'ClearRange' if r.zero else 'PageRange'}><Start>{r.offset}</Start>"
            f"<End>{r.end - 1}</End></{'ClearRange' if r.zero else 'PageRange'}>"
            for r in inside[skip : skip + self.page]
        )
        more = str(skip + self.page) if skip + self.page < len(inside) else ""
        xml = f"<?xml version='1.0'?><PageList>{tags}<NextMarker>{more}</NextMarker></PageList>"
        return Answer(200, {}, xml.encode())


def pages(lists: PageLists) -> DiskPages:
    return DiskPages(MemoryExchange(lists), URL)


def test_ranges_come_whole_over_pages_and_windows() -> None:
    ranges = [ByteRange(n * GIB, MIB) for n in range(0, 400, 3)]
    lists = PageLists(ranges, page=7)
    assert list(allocated_ranges(pages(lists), 400 * GIB)) == ranges
    assert {start for start, _ in lists.windows} == {0, 128 * GIB, 256 * GIB, 384 * GIB}


def test_cleared_ranges_of_a_difference_are_zeros() -> None:
    lists = PageLists([ByteRange(0, 4096), ByteRange(8192, 512, zero=True)])
    previous = RenewableUrl(SignedUrl.parse("https://disks.test/md-0/abcd?sig=old"))
    found = changed_ranges(pages(lists), previous, GIB)
    assert list(found) == [ByteRange(0, 4096), ByteRange(8192, 512, zero=True)]
    assert lists.previous == ["https://disks.test/md-0/abcd?sig=old"]


def test_the_footer_is_no_part_of_the_disk() -> None:
    lists = PageLists([ByteRange(GIB - 512, 1024)])
    assert list(allocated_ranges(pages(lists), GIB)) == [ByteRange(GIB - 512, 512)]


def test_windows_that_time_out_are_halved() -> None:
    ranges = [ByteRange(n * GIB, MIB) for n in range(100)]
    lists = PageLists(ranges)
    lists.slow_above = 40 * GIB
    assert list(allocated_ranges(pages(lists), 100 * GIB)) == ranges


def test_an_ended_access_to_the_older_snapshot_is_renewed() -> None:
    lists = PageLists([ByteRange(0, 512)])
    lists.deny = {"https://disks.test/md-0/abcd?sig=old"}
    previous = RenewableUrl(
        SignedUrl.parse("https://disks.test/md-0/abcd?sig=old"),
        lambda stale: SignedUrl(stale.address, "sig=renewed"),
    )
    assert list(changed_ranges(pages(lists), previous, GIB)) == [ByteRange(0, 512)]
    assert lists.previous[-1].endswith("sig=renewed")


def test_a_difference_that_stays_refused_is_denied() -> None:
    lists = PageLists([])
    lists.deny = {"https://disks.test/md-0/abcd?sig=old"}
    with pytest.raises(Denied):
        changed_ranges(pages(lists), RenewableUrl(SignedUrl.parse(next(iter(lists.deny)))), GIB)


def test_an_answer_that_is_no_page_list_is_refused() -> None:
    for answer in (b"", b"<PageList><PageRange><Start>x</Start></PageRange></PageList>"):
        with pytest.raises(Rejected):
            parse_page_list(answer)
