"""The library `aiohttp` as a client, and as a server of WebSockets and of event streams."""

import asyncio
import base64
import zlib

import aiohttp
from aiohttp import WSMsgType, web

from desk import Desk, Link, in_lower_case, run


class AiohttpLink(Link):
    def __init__(self, socket, transport):
        super().__init__()
        self.socket = socket
        self.transport = transport
        self.pongs = {}
        self.reading = asyncio.create_task(self.read())

    async def read(self):
        # aiohttp says 1000 where there was no close frame at all.
        code, reason = 1006, ""
        while True:
            type_, data, extra = await self.socket.receive()
            if type_ in (WSMsgType.TEXT, WSMsgType.BINARY):
                self.message(data)
            elif type_ == WSMsgType.PING:
                self.pings.append(bytes(data).decode())
                await self.socket.pong(data)
            elif type_ == WSMsgType.PONG:
                self.pongs.pop(bytes(data), asyncio.Event()).set()
            else:
                if type_ == WSMsgType.CLOSE:
                    code, reason = data, extra
                self.ended(code, reason)
                return

    async def send(self, data):
        await (self.socket.send_str(data) if isinstance(data, str) else self.socket.send_bytes(data))

    async def ping(self, payload):
        answered = self.pongs[payload] = asyncio.Event()
        await self.socket.ping(payload)
        await answered.wait()

    async def close(self, code, reason):
        # While something else reads, close() does not wait for the answer.
        self.reading.cancel()
        await asyncio.wait([self.reading])
        await self.socket.close(code=code, message=reason.encode())
        self.ended(self.socket.close_code, "")

    def abort(self):
        self.transport.abort()


class Exchange:
    """One HTTP request, answered as the test says."""

    def __init__(self, request):
        self.request = request
        self.response = None
        self.packer = None
        self.is_over = asyncio.get_running_loop().create_future()

    def end(self):
        if not self.is_over.done():
            self.is_over.set_result(None)


class AiohttpDesk(Desk):
    def __init__(self):
        super().__init__()
        self.client = None
        self.exchanges = []
        self.requested = asyncio.Queue()

    async def open(self, url, headers, subprotocols, compression):
        self.client = self.client or aiohttp.ClientSession()
        try:
            socket = await self.client.ws_connect(
                url,
                headers=headers,
                protocols=subprotocols,
                compress=15 if compression else 0,
                max_msg_size=0,
                autoping=False,
            )
        except aiohttp.WSServerHandshakeError as error:
            return {"refused": {"status": error.status, "headers": in_lower_case(error.headers)}}
        link = AiohttpLink(socket, socket._response.connection.transport)
        extensions = [f"permessage-deflate; {socket.compress}"] if socket.compress else []
        return self.add(link, subprotocol=socket.protocol, extensions=extensions)

    async def serve(self, port, subprotocols, compression):
        self.subprotocols, self.compression = subprotocols, compression
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self.answer_request)
        runner = web.AppRunner(application)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        return site._server.sockets[0].getsockname()[1]

    async def answer_request(self, request):
        if self.refusals:
            status, headers = self.refusals.pop(0)
            return web.Response(status=status, headers=headers)
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self.welcome(request)
        exchange = Exchange(request)
        self.exchanges.append(exchange)
        facts = {
            "exchange": len(self.exchanges) - 1,
            "method": request.method,
            "path": request.path_qs,
            "headers": in_lower_case(request.headers),
            "body": await request.text(),
        }
        self.requested.put_nowait(facts)
        await exchange.is_over
        return exchange.response

    async def welcome(self, request):
        socket = web.WebSocketResponse(
            protocols=self.subprotocols,
            compress=self.compression,
            max_msg_size=0,
            autoping=False,
        )
        await socket.prepare(request)
        link = AiohttpLink(socket, request.transport)
        extensions = [f"permessage-deflate; {socket.compress}"] if socket.compress else []
        facts = {"path": request.path_qs, "headers": in_lower_case(request.headers)}
        facts |= {"subprotocol": socket.ws_protocol, "extensions": extensions}
        self.accepted.put_nowait(self.add(link, **facts))
        await link.end.wait()
        return socket

    # Event streams.

    async def next_request(self):
        return await self.requested.get()

    async def answer(self, exchange, status, headers, gzip):
        """Answers a request, and leaves the body open."""
        exchange = self.exchanges[exchange]
        exchange.response = web.StreamResponse(status=status, headers=headers)
        if gzip:
            # What enable_compression() does holds events back until the end: it never flushes.
            exchange.packer = zlib.compressobj(wbits=16 + zlib.MAX_WBITS)
            exchange.response.headers["Content-Encoding"] = "gzip"
        await exchange.response.prepare(exchange.request)

    async def write(self, exchange, binary):
        exchange = self.exchanges[exchange]
        data = base64.b64decode(binary)
        if exchange.packer is not None:
            data = exchange.packer.compress(data) + exchange.packer.flush(zlib.Z_SYNC_FLUSH)
        await exchange.response.write(data)

    async def finish(self, exchange):
        """Ends the body as HTTP has it."""
        self.exchanges[exchange].end()

    async def cut(self, exchange):
        """Ends the TCP connection in the middle of the body."""
        self.exchanges[exchange].request.transport.abort()
        self.exchanges[exchange].end()

    async def gone(self, exchange):
        """Waits until the client has left."""
        request = self.exchanges[exchange].request
        while request.transport is not None and not request.transport.is_closing():
            await asyncio.sleep(0.01)
        self.exchanges[exchange].end()

    async def fetch(self, url, headers, events):
        """Reads an event stream until it holds this many events, as a client, and leaves."""
        self.client = self.client or aiohttp.ClientSession()
        body = b""
        async with self.client.get(url, headers=headers) as response:
            async for chunk in response.content.iter_any():
                body += chunk
                if body.count(b"\n\n") >= events:
                    break
            headers = in_lower_case(response.headers)
            return {"status": response.status, "headers": headers, "body": body.decode()}


run(AiohttpDesk)
