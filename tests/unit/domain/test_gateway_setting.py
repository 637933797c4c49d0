"""Whether apps may have the server request what is not public."""

import pytest

from inngest_fast.domain.settings import Settings


@pytest.mark.parametrize(
    ("mode", "allowed", "private"),
    [("dev", False, True), ("dev", True, True), ("start", False, False), ("start", True, True)],
)
def test_only_start_asks_whether_it_may(mode, allowed, private):
    assert Settings(mode=mode, gateway_allow_private=allowed).gateway_private is private
