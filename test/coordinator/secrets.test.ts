// The api key, the token, and what the coordinator says back of them, in everything that a client shows.
import { inspect } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { CoordinatorClient } from '../../src/coordinator/index.ts';
import { recorder } from '../../src/index.ts';
import { PuppetServer, type PuppetUpgrade } from '../../src/testing/puppet-server.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';
import { until } from '../../src/testing/wait.ts';
import { fixture, recordingLogger, untilState, type ClientOptions } from './setup.ts';

const SECRETS = {
  apiKey: 'hunter-api-key',
  token: 'hunter-token-of-ada',
  header: 'hunter-header',
  /** Under a name that the user listed. */
  listed: 'hunter-listed',
};
/** What somebody says who repeats everything that he was told. */
const TOLD = `${SECRETS.token} ${SECRETS.apiKey} ${SECRETS.header} room=${SECRETS.listed}`;

const leaksOf = (text: string): string[] => Object.values(SECRETS).filter((secret) => text.includes(secret));

/** A client, and all that it shows of itself. */
async function watched({ token = SECRETS.token, ...options }: ClientOptions = {}) {
  const server = await PuppetServer.listen();
  onTestFinished(() => server.close());
  const clock = new VirtualClock();
  const { logger, lines } = recordingLogger();
  const seen: unknown[] = [];
  const client = new CoordinatorClient(SECRETS.apiKey, token, 'ada', {
    ...{ url: server.url, clock, logger, redact: ['room'] },
    headers: { 'x-stream-client': SECRETS.header },
    recorder: recorder({ messages: 50 }),
    inspect: (event) => seen.push(event.type, 'event' in event && event.event),
    ...options,
  });
  for (const event of ['statechange', 'reconnecting', 'failed', 'error', 'closed'] as const)
    client.connection.on(event, (told: unknown) => seen.push(told));
  const shown = () => {
    const snapshot = client.connection.actor.getPersistedSnapshot();
    const recording = JSON.stringify(client.connection.recording());
    seen.push(snapshot, recording, client.lastError, client.stats, JSON.stringify([client.lastError, seen]));
    return inspect([seen, lines, client], { depth: 12, showHidden: false, maxStringLength: null });
  };
  const connecting = client.connect().catch((thrown: unknown) => void seen.push(thrown));
  const end = async () => {
    const ended = client.disconnect();
    clock.advance(60_000);
    await Promise.all([ended, connecting]);
  };
  return { server, client, clock, seen, shown, end };
}

const letIn = async (upgrade: PuppetUpgrade) => {
  const socket = upgrade.accept();
  await socket.nextFrame();
  socket.send(fixture('connection-ok'));
  return socket;
};

const refuse = (refusal: object) => async (upgrade: PuppetUpgrade) => {
  const socket = upgrade.accept();
  await socket.nextFrame();
  socket.send(refusal);
};

describe('no secret is shown by a client that', () => {
  it.each<[string, (upgrade: PuppetUpgrade) => unknown]>([
    ['is refused', refuse({ type: 'error', error: { code: 43, message: `bad ${TOLD}` } })],
    [
      'is refused with its own request',
      refuse({ type: 'connection.error', request: { token: SECRETS.token, said: [TOLD] } }),
    ],
    [
      'gets rubbish for a verdict',
      async (upgrade) => {
        const socket = upgrade.accept();
        await socket.nextFrame();
        socket.send(SECRETS.apiKey);
      },
    ],
    ['is turned away with a close frame', (upgrade) => upgrade.accept().close(1000, TOLD)],
    ['is turned away with a status', (upgrade) => upgrade.refuse(401, { 'WWW-Authenticate': TOLD })],
    ['loses its session, and is told why', async (upgrade) => (await letIn(upgrade)).close(1008, TOLD)],
  ])('%s', async (_, act) => {
    const { server, client, shown, end } = await watched();
    await act(await server.upgrade());
    await until(() => client.state === 'failed' || client.state === 'reconnecting');
    const text = shown();
    await end();

    expect(text.length).toBeGreaterThan(1_000);
    expect(leaksOf(text)).toEqual([]);
  });

  it('has a token function that quotes the token it gave before', async () => {
    const token: ClientOptions['token'] = ({ attempt }) => {
      if (attempt > 0) throw new Error(`no: ${TOLD}`, { cause: new Error(TOLD) });
      return SECRETS.token;
    };
    const { server, client, clock, shown, end } = await watched({ token });
    (await letIn(await server.upgrade())).reset();
    await untilState(client, 'reconnecting');
    clock.advance(1_000);
    await until(() => client.lastError?.code === 'PROVIDER_FAILED');
    const text = shown();
    await end();

    expect(text).toContain('no: *** *** *** room=***');
    expect(leaksOf(text)).toEqual([]);
  });

  it('records the messages in which there are some', async () => {
    const { server, client, shown, end } = await watched();
    const socket = await letIn(await server.upgrade());
    await untilState(client, 'open');
    client.send({ type: 'join', access_token: 'hunter-listed', room: SECRETS.listed });
    socket.send({ type: 'renewed', credentials: { user: 'ada', token: SECRETS.token }, text: TOLD });
    await until(() => client.stats.messagesIn === 2);
    const text = shown();
    await end();

    expect(text).toContain('renewed');
    expect(leaksOf(text)).toEqual([]);
  });
});
