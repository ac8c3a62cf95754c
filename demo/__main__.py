"""``python -m demo``: what ``make demo`` and ``make serve`` run."""

from __future__ import annotations

import argparse
import re
import secrets
import signal
import sys
import time
from pathlib import Path

from rich.console import Console

from demo.appliance import WorkFailed
from demo.azure import Azure
from demo.processes import DidNotStart, House
from demo.report import print_tables
from demo.scenario import Story
from demo.web import Refused

USERNAME = "admin"


def main() -> int:
    """0 when every byte was equal and every machine has its old shape."""
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    parser.add_argument("--seed", type=int, default=20261125, help="repeats the same data")
    parser.add_argument("--keep", action="store_true", help="leave lab and appliance running")
    parser.add_argument("--serve", action="store_true", help="only start them, in the foreground")
    parser.add_argument("--data", type=Path, help="folder to work in (default: a temporary one)")
    parser.add_argument("--picture", type=Path, help="write what was shown to this SVG file")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    console = Console(highlight=False, record=options.picture is not None, width=96)
    house = House(options.data)
    password = secrets.token_urlsafe(12) + "aA1!"
    equal = False
    try:
        console.print("Starting the lab and the appliance ...")
        lab = house.start_lab()
        appliance = house.start_appliance(lab, USERNAME, password)
        if options.serve:
            _print_addresses(console, lab.arm, appliance.address, password)
            house.wait()
            return 0
        appliance.sign_in(USERNAME, password)
        equal = _run(console, Story(appliance, Azure(lab), options.seed, console.print), options)
        if options.keep:
            _print_addresses(console, lab.arm, appliance.address, password)
            console.print(house.leave())
    except (WorkFailed, Refused, DidNotStart) as failure:
        console.print(f"The demonstration failed: {failure}", style="red")
    except KeyboardInterrupt:
        console.print("Stopped.")
    finally:
        house.close(keep_data=options.data is not None)
        if options.picture:
            # Rich refers to fonts on the network; a picture in a repository stands on its own.
            drawn = console.export_svg(title="make demo")
            options.picture.write_text(re.sub(r"@font-face \{.*?\}", "", drawn, flags=re.DOTALL))
    return 0 if equal else 1


def _run(console: Console, story: Story, options: argparse.Namespace) -> bool:
    console.print(f"seed {options.seed}")
    started = time.monotonic()
    outcome: list[bool] = []
    story.timed("Account and repository", story.connect)
    story.timed("Discovery", story.discover)
    story.timed("The guests write their data", story.fill)
    story.timed("Policy", story.protect)
    story.timed("First backup", lambda: story.back_up("first"))
    story.timed("The guests change 2 %", story.change)
    story.timed("Second backup", lambda: story.back_up("second"))
    story.timed("Note every byte and setting", story.note)
    story.timed("Delete machines, disks and interfaces", story.lose)
    story.timed("Restore", story.restore)
    story.timed("Compare every byte", lambda: outcome.append(story.compare()))
    print_tables(console, story.machines, story.timing)
    console.print(f"{time.monotonic() - started:.0f} s of work, seed {options.seed}")
    equal = outcome == [True]
    console.print(
        "Every byte of every disk came back, every machine has its old shape."
        if equal
        else "Something differs.",
        style="green" if equal else "red",
    )
    return equal


def _print_addresses(console: Console, arm: str, address: str, password: str) -> None:
    console.print(f"lab        {arm}")
    console.print(f"appliance  {address}   user {USERNAME}   password {password}")


if __name__ == "__main__":
    sys.exit(main())
