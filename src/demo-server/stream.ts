// /ws/stream: a thousand messages of three kinds, at random times.
import type { WebSocketHandler } from '../server/index.ts';
import { ALPHABETS, type Random } from './random.ts';
import { epochSeconds, type Stage } from './stage.ts';

const MESSAGES = 1_000;
const PING_MS = 30_000;

export const stream =
  (stage: Stage): WebSocketHandler =>
  async (socket) => {
    const random = stage.randomOfNext(socket.route);
    await socket.sendText('Starting data stream...');
    let pingedAtMs = stage.nowMs;
    for (let number = 1; number <= MESSAGES; number += 1) {
      await socket.send(messageOf(number, random));
      if (stage.nowMs - pingedAtMs >= PING_MS) {
        pingedAtMs = stage.nowMs;
        void socket.ping();
      }
      await stage.pause(random.uniform(10, 100), socket.signal);
    }
    const { messagesSent, bytesSent } = socket;
    await socket.sendJson({
      type: 'complete',
      total_messages: MESSAGES,
      messages_sent: messagesSent,
      bytes_sent: bytesSent,
    });
  };

function messageOf(count: number, random: Random): string | Uint8Array | object {
  switch (random.pick(['text', 'json', 'binary'] as const)) {
    case 'text':
      return `Message ${count}: ${random.text(random.integer(10, 100), ALPHABETS.alphanumeric)}`;
    case 'json':
      return {
        count,
        timestamp: epochSeconds(),
        random_value: random.uniform(),
        random_int: random.integer(0, 1_000),
        random_data: random.text(16, ALPHABETS.hex),
      };
    case 'binary':
      return random.bytes(random.integer(10, 100));
  }
}
