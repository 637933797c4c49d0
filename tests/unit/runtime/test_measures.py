"""Histograms, and the bound on functions that are told apart."""

import itertools
import random

import pytest

from inngest_fast.domain.metrics import Sample
from inngest_fast.runtime.counted import COUNTED, PREFIX, counted
from inngest_fast.runtime.measures import MAX_FUNCTIONS, OTHER, SECONDS, Histogram, Measures


def by_name(counts):
    return {family.name: family.samples for family in counted(counts)}


def test_a_value_counts_where_it_does_not_pass_the_bound():
    histogram = Histogram((1.0, 2.0, 4.0))
    for value in (0.0, 1.0, 1.5, 2.0, 2.1, 4.0, 4.1, 1e9):
        histogram.observe(value)
    assert histogram.read().counts == (2, 2, 2, 2)
    assert histogram.read().total == pytest.approx(1e9 + 14.7)


def test_buckets_agree_with_a_count_of_the_values():
    histogram, values = Histogram(SECONDS), [random.Random(7).expovariate(10) for _ in range(1_000)]
    for value in values:
        histogram.observe(value)
    below = list(itertools.accumulate(histogram.read().counts))
    assert below == [*(sum(value <= bound for value in values) for bound in SECONDS), len(values)]


def test_the_first_functions_have_measures_of_their_own_and_the_rest_share():
    measures = Measures(lambda id: f"app-{id}")
    for round in range(2):
        for number in range(MAX_FUNCTIONS + 50):
            measures.of(str(number)).runs_scheduled += 1
        found = list(measures.functions())
        assert len(found) == MAX_FUNCTIONS + 1
        assert {each.runs_scheduled for each in found[:-1]} == {round + 1}
        assert (found[-1].fn, found[-1].runs_scheduled) == (OTHER, 50 * (round + 1))


def test_functions_of_one_slug_are_one():
    measures = Measures(lambda id: {"1": "a", "2": "a", "3": OTHER}.get(id, ""))
    assert measures.of("1") is measures.of("2")
    assert measures.of("3") is measures.of("unknown") is list(measures.functions())[-1]
    assert [each.fn for each in measures.functions()] == ["a", OTHER]


def test_what_nobody_told_apart_takes_no_room():
    measures = Measures(lambda id: "" if int(id) % 2 else f"f{id}")
    for number in range(100_000):
        measures.of(str(number))
    assert len(list(measures.functions())) == MAX_FUNCTIONS + 1
    assert len(measures._by_id) <= 2 * MAX_FUNCTIONS


def test_a_family_of_counters_has_all_its_values_from_the_start():
    assert by_name({})[PREFIX + "repairs_total"] == [
        Sample(0, (("kind", "job_rearmed"),)),
        Sample(0, (("kind", "job_dropped"),)),
        Sample(0, (("kind", "run_repaired"),)),
    ]


def test_counters_are_put_into_their_families():
    found = by_name(
        {"events": 3, "calls_failed_refused": 2, "calls": 9, "checkpoints": 1, "checkpoints_stale": 4}
    )
    assert found[PREFIX + "events_total"] == [Sample(3)]
    assert found[PREFIX + "app_calls_unanswered_total"] == [Sample(2, (("fault", "refused"),))]
    assert found[PREFIX + "checkpoints_total"] == [
        Sample(1, (("outcome", "taken"),)),
        Sample(4, (("outcome", "stale"),)),
    ]
    assert len(found) == len(COUNTED)


def test_a_counter_that_no_family_names_is_one_of_its_own():
    assert by_name({"Brand-new": 5})[PREFIX + "brand_new_total"] == [Sample(5)]
