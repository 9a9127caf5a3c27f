// A process that uses a broker over NATS and closes it: it must end by itself then.
import { natsBroker } from '../../../src/server/channels/nats/broker.ts';

const broker = natsBroker({ servers: process.argv[2] ?? '', timeoutMs: 1_000 });
try {
  await broker.follow('news', { onMessage: () => undefined, onLost: () => undefined });
  await broker.publish('news', { payload: '1', messageId: 'a', publisher: '' });
  process.stdout.write('published\n');
} catch {
  process.stdout.write('failed\n');
}
await broker.close();
process.stdout.write('closed\n');
