"""Calls beside the screen that may take long and that nobody waits for when the program ends."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")


async def in_background(call: Callable[[], T]) -> T:
    """Call a function in a thread, which goes on when it is no longer waited for.

    Unlike with `asyncio.to_thread` the program can end before the call does, so it must not be
    what saves somebody's work.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[T] = loop.create_future()

    def deliver(put: Callable[[Any], None], value: Any) -> None:
        if not answer.done():
            put(value)

    def run() -> None:
        try:
            outcome: tuple[Callable[[Any], None], Any] = (answer.set_result, call())
        except Exception as error:
            outcome = (answer.set_exception, error)
        with suppress(RuntimeError):  # the program has ended meanwhile
            loop.call_soon_threadsafe(deliver, *outcome)

    threading.Thread(target=run, daemon=True).start()
    return await answer
