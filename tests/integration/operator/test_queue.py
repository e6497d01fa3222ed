"""The queue, on a real event loop."""

import asyncio

from cloudphone_operator.model.session import SessionKey
from cloudphone_operator.queue import KeyedQueue

ONE = SessionKey(namespace="n", name="one")
TWO = SessionKey(namespace="n", name="two")


async def test_a_key_waits_once_and_in_order() -> None:
    queue = KeyedQueue()
    for key in (ONE, TWO, ONE):
        queue.add(key)
    assert len(queue) == 2
    assert [await queue.get(), await queue.get()] == [ONE, TWO]
    assert len(queue) == 0


async def test_a_key_that_is_being_worked_on_is_given_again_afterwards_and_only_once() -> None:
    queue = KeyedQueue()
    queue.add(ONE)
    await queue.get()
    queue.add(ONE)
    queue.add(ONE)
    waiting = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    assert not waiting.done()
    queue.done(ONE)
    assert await waiting == ONE
    queue.done(ONE)
    assert len(queue) == 0


async def test_of_two_times_the_earlier_one_counts() -> None:
    queue = KeyedQueue()
    queue.add_after(ONE, 0.01)
    queue.add_after(ONE, 60)
    queue.add_after(TWO, 60)
    queue.add_after(TWO, 0.02)
    async with asyncio.timeout(5):
        assert [await queue.get(), await queue.get()] == [ONE, TWO]


async def test_what_is_worked_on_is_due_no_more() -> None:
    queue = KeyedQueue()
    queue.add_after(ONE, 0.02)
    queue.add(ONE)
    await queue.get()
    queue.done(ONE)
    await asyncio.sleep(0.05)
    assert len(queue) == 0


async def test_failures_are_repeated_ever_more_slowly_until_one_succeeds() -> None:
    queue = KeyedQueue()
    assert [queue.retry(ONE) for _ in range(4)] == [0.25, 0.5, 1.0, 2.0]
    assert queue.retry(TWO) == 0.25
    for _ in range(20):
        queue.retry(ONE)
    assert queue.retry(ONE) == 300
    queue.succeed(ONE)
    assert queue.retry(ONE) == 0.25
    queue.forget(ONE)
    queue.forget(TWO)


async def test_the_longest_work_is_known() -> None:
    queue = KeyedQueue()
    assert queue.longest_work_s() == 0
    queue.add(ONE)
    await queue.get()
    await asyncio.sleep(0.01)
    assert queue.longest_work_s() >= 0.01
    queue.done(ONE)
    assert queue.longest_work_s() == 0
