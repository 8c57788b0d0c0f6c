"""A network between browser and server that can be cut, or made to hang, for any browser.

A forwarder on loopback stands on the public port. A debugger's emulation of "offline" is one browser's
own, and passes over service workers in some; a closed socket is the same for all of them.
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress


class Network:
    """Passes bytes from `listens_on` to `serves_on`, both ports of 127.0.0.1, from the first `restore()` on.

    `cut()` refuses connections and ends the open ones; `hang()` accepts them and passes nothing on.
    """

    def __init__(self, listens_on: int, serves_on: int):
        self._ports = listens_on, serves_on
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._listener: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._hangs = False

    def restore(self) -> None:
        self._hangs = False
        self._call(self._listen)
        self._call(self._abort)  # connections that hung are not worth waiting for

    def cut(self) -> None:
        self._call(self._refuse)
        self._call(self._abort)

    def hang(self) -> None:
        self._hangs = True
        self._call(self._listen)
        self._call(self._abort)

    def close(self) -> None:
        self.cut()
        self._call(self._settle)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    def _call(self, step: Callable[[], object]) -> None:
        asyncio.run_coroutine_threadsafe(step(), self._loop).result(5)

    async def _listen(self) -> None:
        if self._listener is None:
            self._listener = await asyncio.start_server(self._accept, "127.0.0.1", self._ports[0])

    async def _refuse(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    async def _abort(self) -> None:
        for writer in list(self._open):
            writer.transport.abort()

    async def _settle(self) -> None:
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            if self._hangs:
                await reader.read()  # until somebody gives up
                return
            back, forth = await asyncio.open_connection("127.0.0.1", self._ports[1])
            await asyncio.gather(_pass_on(reader, forth), _pass_on(back, writer))
        except OSError:
            pass
        finally:
            self._open.discard(writer)
            writer.transport.abort()


async def _pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while chunk := await source.read(65_536):
            target.write(chunk)
            await target.drain()
    target.transport.abort() if source.exception() else target.close()
