import importlib.util
import os
from pathlib import Path

import pytest

SPEC = importlib.util.spec_from_file_location(
    "kill_campaign", Path(__file__).with_name("kill_campaign.py")
)
assert SPEC is not None
assert SPEC.loader is not None
campaign = importlib.util.module_from_spec(SPEC)

KILLS = int(os.environ.get("CTOS_TEST_KILLS", "25"))


@pytest.mark.kill
@pytest.mark.process
@pytest.mark.slow
@pytest.mark.timeout(max(600, 4 * KILLS))
def test_killed_engines_end_in_the_same_grid(tmp_path: Path):
    """SIGKILL at random moments: after every restart slots, orders, position and cash add up."""
    import sys

    sys.modules["kill_campaign"] = campaign
    SPEC.loader.exec_module(campaign)

    run = campaign.Campaign(tmp_path / "home", seed=3)
    summary = run.run(KILLS)

    assert run.kills == KILLS
    assert run.checks > KILLS // 3
    assert summary["residual"] == "0"
