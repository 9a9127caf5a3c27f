// Clients that may say only one kind of message.
import type { WebSocketSession } from '../server/index.ts';

/** The texts of a client. Bytes end its session with 1003, which says that they are not understood here. */
export async function* textsOf(socket: WebSocketSession): AsyncGenerator<string, undefined> {
  for await (const message of socket) {
    if (typeof message !== 'string') {
      await socket.close(1003, 'Only text messages, please');
      return;
    }
    yield message;
  }
}

/** The other way round. */
export async function* bytesOf(socket: WebSocketSession): AsyncGenerator<Buffer, undefined> {
  for await (const message of socket) {
    if (typeof message === 'string') {
      await socket.close(1003, 'Only binary messages, please');
      return;
    }
    yield message;
  }
}
