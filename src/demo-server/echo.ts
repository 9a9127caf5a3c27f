// /ws/echo: says again what it is told, and that it does.
import type { WebSocketSession } from '../server/index.ts';

export async function echo(socket: WebSocketSession): Promise<void> {
  await socket.sendText('Welcome to echo server! Send me a message.');
  for await (const message of socket) {
    if (typeof message === 'string') await socket.sendText(`Echo: ${message}`);
    else await socket.sendBinary(Buffer.concat([Buffer.from('Echo (binary): '), message]));
  }
}
