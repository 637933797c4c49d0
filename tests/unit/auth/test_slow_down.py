import asyncio

import pytest

from inngest_fast.auth import slow_down
from inngest_fast.auth.slow_down import SlowDown, delay_after, network_of
from tests.fixtures.virtual_loop import run_virtual


def test_delays_grow_to_a_bound():
    delays = [delay_after(n) for n in range(1, 12)]
    assert delays[:3] == [0, 0, 0]
    assert delays[3:] == sorted(delays[3:])
    assert delays[3] == slow_down.FIRST_S
    assert delays[-1] == delay_after(10**9) == slow_down.LONGEST_S


def test_failures_count_by_peer_until_it_was_quiet():
    async def main(loop, _):
        slow = SlowDown()
        assert [slow.failed("a") for _ in range(5)] == [1, 2, 3, 4, 5]
        assert slow.failed("b") == 1
        await asyncio.sleep(slow_down.FORGOTTEN_AFTER_S)
        assert slow.failed("a") == 6
        await asyncio.sleep(slow_down.FORGOTTEN_AFTER_S + 1)
        assert slow.failed("a") == 1

    run_virtual(main)


def test_a_refusal_is_held_for_its_delay():
    async def main(loop, _):
        slow = SlowDown()
        assert await slow.hold("a", 3) == 0
        assert loop.time() == 0
        assert await slow.hold("a", 5) == 0
        assert loop.time() == pytest.approx(delay_after(5))

    run_virtual(main)


def test_beyond_what_may_be_held_the_answer_comes_at_once():
    async def main(loop, _):
        slow = SlowDown()
        of_one = [asyncio.create_task(slow.hold("a", 99)) for _ in range(slow_down.MOST_HELD_OF_PEER)]
        await asyncio.sleep(0)
        assert await slow.hold("a", 99) == slow_down.LONGEST_S
        others = [
            asyncio.create_task(slow.hold(f"b{n}", 99)) for n in range(slow_down.MOST_HELD - len(of_one))
        ]
        await asyncio.sleep(0)
        assert await slow.hold("c", 99) == slow_down.LONGEST_S
        assert loop.time() == 0
        assert set(await asyncio.gather(*of_one, *others)) == {0}
        assert await slow.hold("a", 99) == 0
        assert slow._held == {}

    run_virtual(main)


def test_who_breaks_off_is_not_held_any_more():
    async def main(loop, _):
        slow = SlowDown()
        held = [asyncio.create_task(slow.hold("a", 99)) for _ in range(slow_down.MOST_HELD_OF_PEER)]
        await asyncio.sleep(0)
        for task in held:
            task.cancel()
        await asyncio.gather(*held, return_exceptions=True)
        assert await slow.hold("a", 99) == 0

    run_virtual(main)


def test_the_count_of_peers_is_bounded(monkeypatch):
    monkeypatch.setattr(slow_down, "MOST_PEERS", 3)

    async def main(loop, _):
        slow = SlowDown()
        for peer in ("a", "b", "c", "a", "d"):
            slow.failed(peer)
        assert list(slow._failures) == ["c", "a", "d"]
        assert slow.failed("b") == 1
        assert slow.failed("a") == 3

    run_virtual(main)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("", ""),
        ("::1", "::/64"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("no:address", "no:address"),
    ],
)
def test_an_ipv6_network_is_one_peer(address, network):
    assert network_of(address) == network
