// What an inspector is shown of a session: its name, and its figures in the words of a connection.
import type { Clock } from '../../clock.ts';
import type { Inspected } from '../../inspection/inspector.ts';
import { RttRecorder, type ConnectionStats } from '../../statistics.ts';
import type { LinkFigures, SessionLink } from './session-link.ts';

const NOTHING: LinkFigures = {
  messagesSent: 0,
  messagesReceived: 0,
  bytesSent: 0,
  bytesReceived: 0,
  bufferedBytes: 0,
  rttMs: undefined,
};

export const inspectedOf = (name: string, clock: Clock, link: () => SessionLink | undefined): Inspected => ({
  name,
  get stats() {
    return statsOf(link());
  },
  get now() {
    return clock.now();
  },
});

function statsOf(link: SessionLink | undefined): ConnectionStats {
  const figures = link?.figures ?? NOTHING;
  const ending = link?.life.ending;
  return {
    messagesIn: figures.messagesReceived,
    messagesOut: figures.messagesSent,
    bytesIn: figures.bytesReceived,
    bytesOut: figures.bytesSent,
    attempts: 1,
    reconnects: 0,
    rttMs: figures.rttMs,
    rttHistogram: new RttRecorder().histogram(),
    connectTimings: undefined,
    downtimeMs: 0,
    waitingMessages: 0,
    bufferedBytes: figures.bufferedBytes,
    droppedMessages: 0,
    expiredMessages: 0,
    invalidMessages: 0,
    lastCloseCode: ending?.code ?? undefined,
    lastCloseReason: ending?.reason,
    lastReceivedAt: undefined,
  };
}
