// An open connection over a link that a test feeds and starves, with a protocol that asks by a message.
import { Connection, type HeartbeatOptions, type Protocol } from '../../src/index.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';
import { until } from '../../src/testing/wait.ts';
import { FakeTransport, type FakeLink } from './fake-transport.ts';

export const heartbeat = { intervalMs: 15_000, timeoutMs: 10_000 };

/** Asks with a message, and knows the answer from others. */
export const asking: Protocol<string> = {
  name: 'asking',
  heartbeat: { probe: () => 'are you there?', isAnswer: (message) => message === 'yes' },
  encode: (message) => message,
  decode: String,
};

/** An open connection over a fake link. */
export async function overFakeLink(
  options: { heartbeat?: HeartbeatOptions | false; protocol?: Protocol<string> } = {},
): Promise<{ clock: VirtualClock; connection: Connection<string>; link: FakeLink; codes: string[] }> {
  const clock = new VirtualClock();
  const transport = new FakeTransport();
  const connection = new Connection<string>({
    url: 'ws://fake',
    protocol: asking,
    heartbeat,
    ...options,
    clock,
    transport,
  });
  const codes: string[] = [];
  connection.on('reconnecting', ({ error }) => codes.push(error.code));
  connection.on('failed', ({ code }) => codes.push(code));
  connection.on('error', ({ code }) => codes.push(code));
  const connecting = connection.connect();
  await until(() => transport.links.length > 0);
  const { link } = transport;
  link.open();
  await connecting;
  return { clock, connection, link, codes };
}

export const isProbing = (connection: { actor: Connection['actor'] }) =>
  connection.actor.getSnapshot().matches({ online: { open: 'probing' } });
