// A server that answers an upgrade with bytes of the test's choice, all in one packet.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'; // RFC 6455 §1.3

export interface RawServer extends AsyncDisposable {
  readonly url: string;
}

/** @param upgraded gets the socket and the bytes of a correct 101 response, which it must write itself. */
export async function listenRaw(upgraded: (socket: Socket, accepting: Buffer) => void): Promise<RawServer> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    let request = '';
    const read = (chunk: Buffer): void => {
      request += chunk.toString('latin1');
      const key = /^sec-websocket-key: (.*)\r\n[^]*\r\n\r\n$/im.exec(request)?.[1];
      if (key === undefined) return;
      socket.off('data', read);
      upgraded(socket, accepting(key));
    };
    socket.on('data', read);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}

function accepting(key: string): Buffer {
  const accept = createHash('sha1')
    .update(key + GUID)
    .digest('base64');
  return Buffer.from(
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
      `Sec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
}

/** An unmasked text frame of at most 125 bytes, as a server sends it (RFC 6455 §5.2). */
export function textFrame(text: string): Buffer {
  const payload = Buffer.from(text);
  return Buffer.concat([Buffer.from([0x81, payload.length]), payload]);
}
