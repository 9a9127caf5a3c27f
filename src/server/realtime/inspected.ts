// What an inspector is shown of a session: its name, and its figures in the words of a connection.
import type { Clock } from '../../clock.ts';
import type { Inspected } from '../../inspection/inspector.ts';
import { RttRecorder, type ConnectionStats } from '../../statistics.ts';
import type { WebSocketLink } from './websocket-link.ts';

const NOTHING = { messagesSent: 0, messagesReceived: 0, bytesSent: 0, bytesReceived: 0 };

export const inspectedOf = (
  name: string,
  clock: Clock,
  link: () => WebSocketLink | undefined,
): Inspected => ({
  name,
  get stats() {
    return statsOf(link());
  },
  get now() {
    return clock.now();
  },
});

function statsOf(link: WebSocketLink | undefined): ConnectionStats {
  const counts = link?.counts ?? NOTHING;
  const ending = link?.life.ending;
  return {
    messagesIn: counts.messagesReceived,
    messagesOut: counts.messagesSent,
    bytesIn: counts.bytesReceived,
    bytesOut: counts.bytesSent,
    attempts: 1,
    reconnects: 0,
    rttMs: link?.rttMs,
    rttHistogram: new RttRecorder().histogram(),
    connectTimings: undefined,
    downtimeMs: 0,
    waitingMessages: 0,
    bufferedBytes: link?.socket.bufferedAmount ?? 0,
    droppedMessages: 0,
    expiredMessages: 0,
    invalidMessages: 0,
    lastCloseCode: ending?.code ?? undefined,
    lastCloseReason: ending?.reason,
    lastReceivedAt: undefined,
  };
}
