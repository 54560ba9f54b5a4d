"""A process that may hold keys leaves no core file and creates only private files."""

import os
import resource
import stat
import subprocess
import sys
from pathlib import Path

STORY = """
import resource
from pathlib import Path

from core.infrastructure.process import seal

seal()
Path("made").write_text("x")
print(resource.getrlimit(resource.RLIMIT_CORE)[0])
"""


def test_no_core_file_and_private_files_only(tmp_path: Path):
    """After `seal` the limit for core files is 0, and a new file is its owner's alone."""
    told = subprocess.run(
        [sys.executable, "-c", STORY],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (4096, 4096)),
        capture_output=True,
        text=True,
        check=True,
    )

    assert told.stdout == "0\n"
    assert stat.S_IMODE((tmp_path / "made").stat().st_mode) == 0o600
