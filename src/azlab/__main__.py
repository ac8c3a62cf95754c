"""The `azlab` command."""

import signal
import sys
import threading
from pathlib import Path
from types import FrameType

import click

from azlab.core.json_types import encode
from azlab.core.process import LabProcess, StartError
from azlab.core.scene import SceneError
from azlab.coverage import coverage_path, coverage_text

# Threads that decrypt or compute give way to the others twenty times more often than by default;
# with many connections that is worth more than what the switches cost.
_SWITCH_SECONDS = 0.001


@click.group()
def main() -> None:
    """A small Azure on this machine."""


@main.command()
@click.option(
    "--data", "directory", required=True, type=click.Path(path_type=Path, file_okay=False)
)
@click.option("--port", default=0, help="Port of ARM at the first start; 0 takes a free one.")
@click.option("--scene", default=None, help="Name of a shipped scene, or a file. [default: small]")
def serve(directory: Path, port: int, scene: str | None) -> None:
    """Serve from DIR until SIGTERM or SIGINT."""
    sys.setswitchinterval(_SWITCH_SECONDS)
    ended = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        ended.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    try:
        process = LabProcess(directory, port, scene)
        described = process.start()
    except (StartError, SceneError) as error:
        raise click.ClickException(str(error)) from error
    sys.stdout.write(encode(described).decode() + "\n")
    sys.stdout.flush()
    ended.wait()
    process.stop()


@main.command()
@click.option("--check", is_flag=True, help="Only say whether COVERAGE.md is up to date.")
def coverage(check: bool) -> None:
    """Write COVERAGE.md from the registered routes."""
    text = coverage_text()
    path = coverage_path()
    if not check:
        path.write_text(text)
    elif not path.exists() or path.read_text() != text:
        raise click.ClickException(f"{path} is out of date: run `azlab coverage`.")


if __name__ == "__main__":
    main()
