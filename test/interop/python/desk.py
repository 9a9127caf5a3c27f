"""How a test gives orders to the Python programs beside this file, which are peers of statewire on a real socket.

Each line on standard input is an order, {"id": 7, "do": "send", ...}, and each line on standard output the answer to
one, {"id": 7, "result": ...} or {"id": 7, "error": "..."}. Orders do not wait for one another. A peer ends with its
standard input, so that it never outlives the test.
"""

import asyncio
import base64
import json
import os
import sys
import threading
import traceback


def data_of(text=None, binary=None):
    """What a test means: text, or bytes in base64."""
    return text if binary is None else base64.b64decode(binary)


def in_words(data):
    return {"text": data} if isinstance(data, str) else {"binary": base64.b64encode(data).decode()}


def in_lower_case(headers):
    return {name.lower(): value for name, value in headers.items()}


class Link:
    """One WebSocket, whichever side opened it. What arrives waits until the test asks for it."""

    def __init__(self):
        self.arrived = asyncio.Queue()
        self.pings = []
        self.end = asyncio.Event()

    def message(self, data):
        self.arrived.put_nowait(in_words(data))

    def ended(self, code, reason):
        self.arrived.put_nowait({"closed": {"code": code, "reason": reason}})
        self.end.set()


class Desk:
    """Orders that are the same for every library; a subclass adds those that open and accept."""

    def __init__(self):
        self.links = []
        self.accepted = asyncio.Queue()
        # (status, headers) of answers to the next requests, in place of an upgrade.
        self.refusals = []

    def add(self, link, **facts):
        self.links.append(link)
        return {"link": len(self.links) - 1, **facts}

    async def accept(self):
        """Waits for the next WebSocket that a client opened, and tells what the client asked for."""
        return await self.accepted.get()

    async def refuse(self, status, headers):
        """Has the next request answered with this status."""
        self.refusals.append((status, headers))

    async def send(self, link, **data):
        await self.links[link].send(data_of(**data))

    async def send_fragments(self, link, fragments):
        await self.links[link].send_fragments([data_of(**data) for data in fragments])

    async def receive(self, link):
        return await self.links[link].arrived.get()

    async def receive_all(self, link, count):
        return [await self.links[link].arrived.get() for _ in range(count)]

    async def ping(self, link, payload):
        """Resolves with the pong."""
        await self.links[link].ping(payload.encode())

    async def pings(self, link):
        """The payloads of all pings that arrived; the library has answered them."""
        return self.links[link].pings

    async def close(self, link, code, reason):
        await self.links[link].close(code, reason)

    async def abort(self, link):
        """Ends the TCP connection without a word."""
        self.links[link].abort()


async def _carry_out(desk, order):
    number, name = order.pop("id"), order.pop("do")
    try:
        answer = {"result": await getattr(desk, name)(**order)}
    except Exception as error:  # whatever it is, the test is to see it
        traceback.print_exc()
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps({"id": number, **answer}), flush=True)


async def _take_orders(make_desk):
    loop = asyncio.get_running_loop()
    orders = asyncio.Queue()

    def read():
        for line in sys.stdin.buffer:
            loop.call_soon_threadsafe(orders.put_nowait, json.loads(line))
        os._exit(0)

    desk = make_desk()
    threading.Thread(target=read, daemon=True).start()
    running = set()
    while True:
        task = asyncio.create_task(_carry_out(desk, await orders.get()))
        running.add(task)
        task.add_done_callback(running.discard)


def run(make_desk):
    asyncio.run(_take_orders(make_desk))
