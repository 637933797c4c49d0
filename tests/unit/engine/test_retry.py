"""When an attempt is made again (sdk-protocol §5)."""

import pytest
from engine_builders import NOW, Counting, function

from inngest_fast.engine.lifecycle.retry import attempts_left, max_attempts, next_attempt_at

MINUTE = 60_000


@pytest.mark.parametrize(
    ("attempt", "delay"),
    [
        (0, 15_000),
        (1, 30_000),
        (2, MINUTE),
        (3, 2 * MINUTE),
        (4, 5 * MINUTE),
        (5, 10 * MINUTE),
        (6, 20 * MINUTE),
        (7, 40 * MINUTE),
        (8, 60 * MINUTE),
        (9, 120 * MINUTE),
        (10, 120 * MINUTE),
        (20, 120 * MINUTE),
    ],
)
def test_the_backoff_grows_with_the_attempt_and_has_up_to_30_s_of_jitter(attempt, delay):
    assert next_attempt_at(attempt, NOW, None, 0, Counting(0)) == NOW + delay
    assert next_attempt_at(attempt, NOW, None, 0, Counting(10**9)) == NOW + delay + 30_000


@pytest.mark.parametrize(
    ("retry_at", "constant", "due"),
    [
        (NOW + 90_000, 0, NOW + 90_000),
        (NOW + 90_000, 2_000, NOW + 90_000),
        (NOW - 1, 0, NOW),
        (NOW + 1, 0, NOW + 1),
        (None, 2_000, NOW + 2_000),
    ],
)
@pytest.mark.parametrize("attempt", [0, 7])
def test_what_the_app_asks_for_goes_before_a_constant_before_the_table(attempt, retry_at, constant, due):
    assert next_attempt_at(attempt, NOW, retry_at, constant, Counting(10**9)) == due


@pytest.mark.parametrize(
    ("retries", "attempt", "left"),
    [
        (0, 0, False),
        (1, 0, True),
        (1, 1, False),
        (4, 3, True),
        (4, 4, False),
        (20, 19, True),
        (20, 20, False),
    ],
)
def test_attempts_are_retries_and_one(retries, attempt, left):
    config = function(retries=retries).config
    assert attempts_left(config, attempt) is left
    assert max_attempts(config) == retries + 1


def test_five_attempts_are_made_by_default():
    assert max_attempts(function().config) == 5
