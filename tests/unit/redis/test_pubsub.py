"""What nodes tell each other."""

import asyncio

from tests.unit.redis.conftest import NewQueue
from tests.unit.redis.playing import opened, until


def test_a_message_reaches_all_nodes_but_its_sender(new_queue: NewQueue) -> None:
    async def main() -> None:
        nodes = [new_queue(f"n{n}") for n in range(3)]
        heard: list[tuple[int, str, str]] = []
        for n, node in enumerate(nodes):
            for topic in ("apps", "run"):
                node.pubsub.subscribe(topic, lambda text, n=n, topic=topic: heard.append((n, topic, text)))
        stranger = new_queue("stranger", prefix="other")
        stranger.pubsub.subscribe("run", lambda text: heard.append((9, "run", text)))
        async with opened(*nodes, stranger):
            nodes[0].pubsub.publish("run", "01 é")
            nodes[0].pubsub.publish("apps")
            nodes[1].pubsub.publish("run", "last")

            async def all_here() -> bool:
                return len(heard) >= 6

            await until(all_here)
            for node in (*nodes, stranger):
                await node.size()
        assert sorted(heard) == [
            (0, "run", "last"),
            (1, "apps", ""),
            (1, "run", "01 é"),
            (2, "apps", ""),
            (2, "run", "01 é"),
            (2, "run", "last"),
        ]

    asyncio.run(main())


def test_after_a_reconnection_all_are_told_that_something_may_be_missing(new_queue: NewQueue, server) -> None:
    async def main() -> None:
        node, other = new_queue("n", uri=server.uri), new_queue("other", uri=server.uri)
        heard: list[tuple[str, str]] = []
        for topic in ("apps", "run"):
            node.pubsub.subscribe(topic, lambda text, topic=topic: heard.append((topic, text)))
        async with opened(node, other):
            assert heard == []
            server.kill()

            async def lost() -> bool:
                return not node.connected and not other.connected

            await until(lost)
            other.pubsub.publish("run", "never kept")
            await asyncio.to_thread(server.start)

            async def back() -> bool:
                return len(heard) == 2 and other.connected

            await until(back)
            other.pubsub.publish("run", "r")

            async def three() -> bool:
                return len(heard) == 3

            await until(three)
            assert heard == [("apps", ""), ("run", ""), ("run", "r")]

    asyncio.run(main())


def test_messages_keep_their_place_among_changes(new_queue: NewQueue) -> None:
    """Who hears of a change of the queue finds it there."""
    from tests.unit.redis.playing import job

    async def main() -> None:
        node, other = new_queue("n"), new_queue("other")
        found: asyncio.Future[list[str]] = asyncio.get_running_loop().create_future()

        def look(text: str) -> None:
            asyncio.ensure_future(other.missing([text])).add_done_callback(
                lambda answer: found.set_result(answer.result())
            )

        other.pubsub.subscribe("run", look)
        async with opened(node, other):
            node.add(job("j"))
            node.pubsub.publish("run", "j")
            assert await asyncio.wait_for(found, 10) == []

    asyncio.run(main())
