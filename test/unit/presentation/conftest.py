"""The snapshots of the screens' tests serve here too."""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

from tui.presentation.look import Look


@pytest.fixture(scope="session")
def samples() -> ModuleType:
    """Snapshots like those of the drawings."""
    path = Path(__file__).parents[2] / "tui" / "samples.py"
    spec = spec_from_file_location("tui_samples", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def look() -> Look:
    """English, every sign, UTC."""
    return Look()
