"""The tables at the end."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from demo.scenario import Machine, Timing

MIB = 1 << 20


def print_tables(console: Console, machines: list[Machine], timing: Timing) -> None:
    """One table of disks, one of figures."""
    disks = Table("machine", "disk", "size", "data compared", "bytes", "shape")
    for machine in machines:
        shape = "as before" if not machine.shape_differences else "differs"
        for disk_id, before in machine.before.items():
            differing = machine.differing.get(disk_id)
            verdict = "all equal" if differing == [] else f"{len(differing or [])} MiB differ"
            disks.add_row(
                machine.name,
                disk_id.rsplit("/", 1)[-1],
                f"{before.size_bytes / (1 << 30):,.0f} GiB",
                f"{before.data_bytes / MIB:,.0f} MiB",
                verdict,
                shape,
            )
    console.print(disks)
    for machine in machines:
        for sentence in machine.shape_differences:
            console.print(f"  {machine.name}: {sentence}", style="red")

    seconds, figures = timing.seconds, timing.figures
    table = Table("what", "MiB", "seconds", "MiB/s", "note")
    full, again = seconds["First backup"], seconds["Second backup"]
    written = figures["written"]
    changed = figures["changed"] + figures["discarded"]
    table.add_row(
        "first backup", _mib(written), f"{full:.1f}", _rate(written, full),
        f"{_mib(figures['first stored'])} MiB stored, {written / figures['first stored']:.1f}:1; "
        f"{figures['incompressible'] / written:.0%} of the data is incompressible",
    )  # fmt: skip
    table.add_row(
        "second backup", _mib(changed), f"{again:.1f}", _rate(changed, again),
        f"{_mib(figures['second read'])} MiB read, "
        f"{figures['second read'] / changed:.2f} times what changed",
    )  # fmt: skip
    back = seconds["Restore"]
    compared = sum(f.data_bytes for m in machines for f in m.before.values())
    table.add_row("restore", _mib(compared), f"{back:.1f}", _rate(compared, back), "original place")
    check = seconds["Compare every byte"]
    table.add_row("compare", _mib(compared), f"{check:.1f}", _rate(compared, check), "SHA-256")
    console.print(table)


def _mib(count: int) -> str:
    return f"{count / MIB:,.0f}"


def _rate(count: int, seconds: float) -> str:
    return f"{count / MIB / seconds:,.0f}" if seconds else "-"
