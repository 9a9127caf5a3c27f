// /ws/benchmark: ten thousand messages as fast as the client reads them.
import type { WebSocketHandler } from '../server/index.ts';
import { ALPHABETS } from './random.ts';
import type { Stage } from './stage.ts';

const MESSAGES = 10_000;
const BATCH = 100;
/** No clock is finer than that; a rate needs some time. */
const LEAST_SECONDS = 1e-6;

export const benchmark =
  (stage: Stage): WebSocketHandler =>
  async (socket) => {
    const random = stage.randomOfNext(socket.route);
    await socket.sendJson({ type: 'benchmark_start', message: 'Benchmark starting...' });
    const startedAtMs = stage.nowMs;
    for (let number = 1; number <= MESSAGES; number += 1) {
      await socket.sendText(random.text(random.integer(10, 1_000), ALPHABETS.letters));
      if (number % BATCH === 0) await stage.pause(1, socket.signal);
    }
    const seconds = Math.max((stage.nowMs - startedAtMs) / 1_000, LEAST_SECONDS);
    await socket.sendJson({
      type: 'benchmark_complete',
      total_messages: MESSAGES,
      elapsed_seconds: seconds,
      messages_per_second: MESSAGES / seconds,
      bytes_sent: socket.bytesSent,
    });
  };
