"""Entry point of the ``kyanite`` command."""

from __future__ import annotations

from kyanite.cli.main import main

if __name__ == "__main__":
    main()
