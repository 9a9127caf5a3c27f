// Small endpoints that answer each message by itself: /ws/json, /ws/binary, /ws/counter, /ws/iterate, /ws/uppercase,
// /ws/reverse and /ws/client/:client_id.
import type { WebSocketHandler, WebSocketSession } from '../server/index.ts';
import { bytesOf, textsOf } from './kinds.ts';
import type { Stage } from './stage.ts';

const answering =
  (answer: (text: string) => string): WebSocketHandler =>
  async (socket) => {
    for await (const text of textsOf(socket)) await socket.sendText(answer(text));
  };

/** By characters as Unicode counts them: a surrogate pair stays one. */
const reversed = (text: string): string => Array.from(text).reverse().join('');

export const iterate = answering((text) => `Received: ${text}`);
export const uppercase = answering((text) => text.toUpperCase());
export const reverse = answering(reversed);

/** Answers with the bytes and, in four bytes before them, their number, the highest byte first. */
export async function binary(socket: WebSocketSession): Promise<void> {
  for await (const bytes of bytesOf(socket)) {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    await socket.sendBinary(Buffer.concat([length, bytes]));
  }
}

/** Does what `action` says, which is `echo` if nothing is said. What is no JSON ends the session with 1007. */
export async function json(socket: WebSocketSession): Promise<void> {
  for await (const message of socket) {
    let data: unknown;
    try {
      data = JSON.parse(message.toString());
    } catch {
      await socket.close(1007, 'Only JSON messages, please');
      return;
    }
    await socket.sendJson(answerTo(data));
  }
}

function answerTo(data: unknown): object {
  const { action = 'echo', timestamp = null, text = '' } = (data ?? {}) as Record<string, unknown>;
  if (action === 'echo') return { action, data };
  if (action === 'ping') return { action: 'pong', timestamp };
  if (action === 'reverse')
    return { action: 'reversed', text: typeof text === 'string' ? reversed(text) : '' };
  return { action: 'unknown', original: action };
}

/** Counts for this client alone. */
export async function counter(socket: WebSocketSession): Promise<void> {
  let count = 0;
  for await (const command of textsOf(socket)) {
    const next = countAfter(command.trim(), count);
    count = next ?? count;
    await socket.sendJson(next === undefined ? { error: 'Invalid command' } : { counter: count });
  }
}

function countAfter(command: string, count: number): number | undefined {
  if (command === 'increment') return count + 1;
  if (command === 'decrement') return count - 1;
  if (command === 'reset') return 0;
  if (command === 'get') return count;
  const given = /^[+-]?\d+$/.test(command) ? Number(command) : undefined;
  return Number.isSafeInteger(given) ? given : undefined;
}

/** Confirms what a client says, and tells all others. */
export const client =
  ({ server }: Stage): WebSocketHandler =>
  async (socket) => {
    const id = socket.params['client_id'] ?? '';
    await socket.sendText(`Welcome ${id}!`);
    for await (const text of textsOf(socket)) {
      server.broadcast((other) => other !== socket && other.route === socket.route, `${id}: ${text}`);
      await socket.sendText(`Sent: ${text}`);
    }
  };
