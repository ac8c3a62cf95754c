"""The Azure that the tests of the lab drive.

Without more, a lab is started once for the whole run and reset for tests that ask for `fresh`. With
KYANITE_TEST_AZURE=<file of the shape of lab.json> the same tests go against what the file names;
those marked `control` are skipped when it names no control interface.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.compute_bench import ComputeBench, compute_bench
from support.lab import Azure, Control, read_lab_file, running_lab


@pytest.fixture(scope="session")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azure]:
    """The Azure under test."""
    named = os.environ.get("KYANITE_TEST_AZURE")
    if named:
        yield read_lab_file(Path(named))
        return
    with running_lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab.azure


@pytest.fixture
def control(azure: Azure) -> Iterator[Control]:
    """Its control interface; faults are cleared afterwards."""
    if not azure.control:
        pytest.skip("this Azure has no control interface")
    found = Control(azure.control)
    yield found
    found.clear_faults()


@pytest.fixture
def fresh(control: Control) -> Control:
    """The control interface of a lab that has just been reset to its scene."""
    control.reset()
    return control


@pytest.fixture
def bench(azure: Azure) -> Iterator[ComputeBench]:
    """A resource group to try disks, snapshots, machines and networks in."""
    with compute_bench(azure) as made:
        yield made


@pytest.fixture(scope="module", autouse=True)
def _left_as_the_scene_was(azure: Azure) -> Iterator[None]:
    """The next module finds the scene, its time and no faults."""
    yield
    if azure.control:
        Control(azure.control).reset()
