// STOPGAP: replaced by the real transport.
import { WebSocket } from 'ws';
import type { Socket } from 'node:net';
import type { WebSocketOptions } from '../platform/platform.ts';
import type { Transport, Link } from './transport.ts';
export const nodeWebSocket = (options: WebSocketOptions = {}): Transport => ({
  name: 'ws',
  open(target, events, clock): Link {
    const started = clock.now();
    let gone = false; let error: unknown; let socket: Socket | undefined;
    const ws = new WebSocket(target.url, [...target.subprotocols], { ...options.node, headers: target.headers, perMessageDeflate: false, maxPayload: options.maxPayloadBytes ?? 10485760 });
    ws.on('error', (e) => { error ??= e; });
    ws.on('upgrade', (r) => { socket = r.socket; });
    let status: number | undefined; let retryAfter: string | undefined;
    ws.on('unexpected-response', (req, res) => { status = res.statusCode; retryAfter = res.headers['retry-after']; req.destroy(); });
    ws.on('open', () => { if (!gone) events.opened({ subprotocol: ws.protocol, timings: { totalMs: clock.now() - started } }); });
    ws.on('message', (d, b) => { if (!gone) events.received(b ? d as Buffer : (d as Buffer).toString()); });
    ws.on('pong', () => { if (!gone) events.ponged(); });
    ws.on('close', (code, reason) => { if (!gone) { gone = true; events.ended({ closeCode: code, closeReason: reason.toString(), error, ...(status !== undefined && { httpStatus: status }), ...(retryAfter !== undefined && { retryAfter }) }); } });
    return {
      send: (f, cb) => { if (ws.readyState === 1) ws.send(f, cb as never); else cb?.(new Error('not open')); },
      get bufferedBytes() { return ws.bufferedAmount; },
      get bytesIn() { return socket?.bytesRead ?? 0; }, get bytesOut() { return socket?.bytesWritten ?? 0; },
      whenDrained: (cb) => { if (socket?.writableNeedDrain) socket.once('drain', cb); else setImmediate(cb); },
      ping: () => ws.ping(), close: (c, r) => ws.close(c, r), terminate: () => { gone = true; ws.terminate(); },
      pause: () => ws.pause(), resume: () => ws.resume(),
    };
  },
});
