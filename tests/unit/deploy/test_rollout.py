"""Which release a rollback goes back to, and what is said where it is not there."""

from __future__ import annotations

import pytest

from robenv.deploy.release_state import ReleaseState
from robenv.deploy.rollout import _target
from robenv.engine.protocol import ContainerInfo
from robenv.errors import UsageError
from robenv.plan.names import LABEL_RELEASE

NOW = ContainerInfo("n", "n", "i", "i", {LABEL_RELEASE: "ccc3"}, "running", 0, False, "", "", "", ())
OLD = NOW._replace(id="o", labels={LABEL_RELEASE: "bbb2"}, status="exited")


def test_the_one_before() -> None:
    assert _target(ReleaseState((NOW, OLD), NOW), NOW, "", 2) == OLD
    assert _target(ReleaseState((NOW, OLD), NOW), NOW, "bb", 2) == OLD


@pytest.mark.parametrize(
    ("releases", "history", "to", "keep", "message", "details", "hint"),
    [
        ((NOW,), "ccc3", "", 2, "there is no earlier release", "", "`deploy.keep`"),
        (
            (NOW,),
            "bbb2 ccc3",
            "",
            2,
            "release bbb2 was confirmed there once",
            "not robenv that removed it",
            "check out",
        ),
        ((NOW,), "bbb2 ccc3", "", 0, "release bbb2 was confirmed there once", "`deploy.keep` is 0", "check out"),
        ((NOW, OLD), "aaa1 bbb2 ccc3", "aa", 1, "release aaa1 was confirmed", "`deploy.keep` is 1", "there is bbb2; "),
        ((NOW, OLD), "bbb2 ccc3", "dd", 1, "there is no earlier release dd", "", "there is bbb2"),
        ((NOW, OLD), "bbb2 ccc3", "cc", 1, "release ccc3 is the one that runs there", "", ""),
    ],
)
def test_one_that_is_not_there(
    releases: tuple[ContainerInfo, ...], history: str, to: str, keep: int, message: str, details: str, hint: str
) -> None:
    with pytest.raises(UsageError) as caught:
        _target(ReleaseState(releases, NOW, {"history": history}), NOW, to, keep)
    assert message in caught.value.message
    assert details in caught.value.details
    assert hint in caught.value.hint
