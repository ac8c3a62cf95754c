"""Every dependency has a licence that an AGPL program may build on, and we know which."""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

KNOWN = {
    "MIT", "MIT-0", "BSD", "BSD-2-Clause", "BSD-3-Clause", "0BSD", "Apache-2.0", "ISC", "PSF-2.0",
    "MPL-2.0", "LGPL-3.0", "AGPL-3.0", "Unlicense", "Zlib", "CC0-1.0", "PostgreSQL",
}  # fmt: skip
"""Licences that were read and found fit to be combined with AGPL-3.0-or-later."""

SPELLINGS = {
    "mit license": "MIT",
    "the mit license": "MIT",
    "mit": "MIT",
    "bsd license": "BSD",
    "bsd": "BSD",
    "3-clause bsd license": "BSD-3-Clause",
    "bsd 3-clause": "BSD-3-Clause",
    "bsd-3-clause license": "BSD-3-Clause",
    "new bsd": "BSD-3-Clause",
    "modified bsd license": "BSD-3-Clause",
    "apache software license": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "apache 2.0": "Apache-2.0",
    "apache-2": "Apache-2.0",
    "apache": "Apache-2.0",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "isc license (iscl)": "ISC",
    "isc": "ISC",
    "python software foundation license": "PSF-2.0",
    "psf": "PSF-2.0",
    "psfl": "PSF-2.0",
    "gnu lesser general public license v3 (lgplv3)": "LGPL-3.0",
    "lgpl-3.0-only": "LGPL-3.0",
    "lgpl-3.0-or-later": "LGPL-3.0",
    "the unlicense (unlicense)": "Unlicense",
    "zlib/libpng license": "Zlib",
    "postgresql license": "PostgreSQL",
    "cc0 1.0 universal (cc0 1.0) public domain dedication": "CC0-1.0",
}

READ_BY_HAND: dict[str, str] = {}
"""Packages whose metadata names no licence: name → licence found in their files."""


def _names(lock: str) -> list[str]:
    text = (ROOT / lock).read_text()
    return re.findall(r"^([a-zA-Z0-9._-]+)(?:\[[^\]]*\])?==", text, flags=re.MULTILINE)


def _licences(name: str) -> set[str]:
    """The licences that a package's metadata names, in one spelling."""
    facts = metadata.metadata(name)
    if "License-Expression" in facts:
        return _parts(facts["License-Expression"])
    classifiers = [
        line.split("::")[-1].strip()
        for line in facts.get_all("Classifier") or []
        if line.startswith("License ::") and not line.endswith("OSI Approved")
    ]
    found = {SPELLINGS.get(c.lower(), c) for c in classifiers}
    if not found:
        first = "\n".join(facts.get_all("License") or []).strip().splitlines()
        found = _parts(first[0]) if first else set()
    return found or ({READ_BY_HAND[name]} if name in READ_BY_HAND else set())


def _parts(expression: str) -> set[str]:
    parts = re.split(r"\s+(?:AND|OR|WITH)\s+|[()]", expression)
    return {SPELLINGS.get(p.strip().lower(), p.strip()) for p in parts if p.strip()}


def _installed(name: str) -> bool:
    try:
        metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return False  # a dependency of another platform
    return True


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_every_dependency_has_a_licence_we_know(lock: str) -> None:
    names = [name for name in _names(lock) if _installed(name)]
    assert len(names) > 40
    unknown = {
        name: sorted(licences)
        for name in names
        if not (licences := _licences(name)) or not licences <= KNOWN
    }
    assert not unknown, f"read these licences and decide: {unknown}"


def test_the_proprietary_extension_of_the_job_library_is_not_used() -> None:
    assert not [n for n in _names("requirements-dev.lock") if n.startswith("dbos-")]
