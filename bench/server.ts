// The other end of every measurement, in a process of its own. Speaks two dialects over one port: plain JSON, and
// graphql-transport-ws for the one contender that speaks nothing else.
import { WebSocketServer, type WebSocket } from 'ws';

/** Frames of about `bytes` bytes: `{"type":"tick","pad":"…"}`, or the same as the result of a subscription. */
const frameOf = (bytes: number, id?: string): string => {
  const wrap = (pad: string) =>
    JSON.stringify(
      id === undefined
        ? { type: 'tick', pad }
        : { id, type: 'next', payload: { data: { type: 'tick', pad } } },
    );
  return wrap('x'.repeat(Math.max(0, bytes - wrap('').length)));
};

/** Sends as fast as the client reads: the next batch waits until the last one has left. */
async function blast(socket: WebSocket, frame: string, count: number): Promise<void> {
  const data = Buffer.from(frame);
  for (let sent = 0; sent < count;) {
    const batch = Math.min(500, count - sent);
    for (let index = 1; index < batch; index += 1) socket.send(data, { binary: false });
    await new Promise((resolve) => socket.send(data, { binary: false }, resolve));
    sent += batch;
  }
}

const server = new WebSocketServer({
  host: '127.0.0.1',
  port: 0,
  perMessageDeflate: false,
  handleProtocols: (offered) => (offered.has('graphql-transport-ws') ? 'graphql-transport-ws' : false),
});

server.on('connection', (socket) => {
  let received = 0;
  let expected = Infinity;
  let subscription: string | undefined;
  socket.on('message', (data: Buffer) => {
    received += 1;
    if (received === expected) {
      expected = Infinity;
      socket.send(
        subscription === undefined
          ? '{"type":"counted"}'
          : JSON.stringify({ id: subscription, type: 'next', payload: { data: { type: 'counted' } } }),
      );
    }
    if (data.length > 400 || !data.includes('"type"')) return;
    const message = JSON.parse(data.toString()) as Record<string, never> & { type: string };
    if (message.type === 'connection_init') socket.send('{"type":"connection_ack"}');
    if (message.type === 'subscribe') {
      const { id, payload } = message as never as {
        id: string;
        payload: { variables: { bytes: number; count: number } };
      };
      subscription = id;
      if (payload.variables.count > 0)
        void blast(socket, frameOf(payload.variables.bytes, id), payload.variables.count);
    }
    if (message.type === 'blast') {
      const { bytes, count } = message as never as { bytes: number; count: number };
      void blast(socket, frameOf(bytes), count);
    }
    if (message.type === 'count') {
      received = 0;
      expected = (message as never as { count: number }).count;
    }
  });
});

server.on('listening', () => process.send?.((server.address() as { port: number }).port));
process.on('disconnect', () => process.exit());
