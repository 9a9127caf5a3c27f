"""The library `websockets` as a client, and as a server."""

import asyncio
import http

import websockets
from websockets.exceptions import ConnectionClosed, InvalidStatusCode

from desk import Desk, Link, in_lower_case, run


class Noting:
    """Notes the pings that it answers."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.noted = []

    async def pong(self, data=b""):
        self.noted.append(bytes(data).decode())
        await super().pong(data)


class NotingClient(Noting, websockets.WebSocketClientProtocol):
    pass


class NotingServer(Noting, websockets.WebSocketServerProtocol):
    pass


class WebsocketsLink(Link):
    def __init__(self, socket):
        super().__init__()
        self.socket = socket
        self.pings = socket.noted
        self.reading = asyncio.create_task(self.read())

    async def read(self):
        try:
            async for data in self.socket:
                self.message(data)
        except ConnectionClosed:
            pass
        await self.socket.wait_closed()
        self.ended(self.socket.close_code, self.socket.close_reason)

    async def send(self, data):
        await self.socket.send(data)

    async def send_fragments(self, fragments):
        await self.socket.send(fragments)

    async def ping(self, payload):
        await (await self.socket.ping(payload))

    async def close(self, code, reason):
        await self.socket.close(code, reason)

    def abort(self):
        self.socket.transport.abort()


def facts_of(socket):
    return {
        "subprotocol": socket.subprotocol,
        "extensions": [repr(extension) for extension in socket.extensions],
    }


class WebsocketsDesk(Desk):
    async def open(self, url, headers, subprotocols, compression):
        try:
            socket = await websockets.connect(
                url,
                create_protocol=NotingClient,
                extra_headers=headers,
                subprotocols=subprotocols or None,
                compression="deflate" if compression else None,
                max_size=None,
                ping_interval=None,
            )
        except InvalidStatusCode as error:
            return {"refused": {"status": error.status_code, "headers": in_lower_case(error.headers)}}
        return self.add(WebsocketsLink(socket), **facts_of(socket))

    async def serve(self, port, subprotocols, compression):
        async def judge(path, headers):
            if self.refusals:
                status, more = self.refusals.pop(0)
                return http.HTTPStatus(status), more, b"Not now\n"
            return None

        async def welcome(socket):
            link = WebsocketsLink(socket)
            asked = {"path": socket.path, "headers": in_lower_case(socket.request_headers)}
            self.accepted.put_nowait(self.add(link, **asked, **facts_of(socket)))
            await link.end.wait()

        server = await websockets.serve(
            welcome,
            "127.0.0.1",
            port,
            create_protocol=NotingServer,
            process_request=judge,
            subprotocols=subprotocols or None,
            compression="deflate" if compression else None,
            max_size=None,
            ping_interval=None,
        )
        return server.sockets[0].getsockname()[1]


run(WebsocketsDesk)
