// Publications: what is sent, and that each has one outcome, whatever happens to the connection.
import { describe, expect, it } from 'vitest';
import { ChannelError, type Publication } from '../../src/channels/index.ts';
import { ConnectionError } from '../../src/index.ts';
import type { PuppetSocket } from '../../src/testing/puppet-server.ts';
import { turn, until } from '../../src/testing/wait.ts';
import { quiet, rejectionOf, watch } from '../support/connected.ts';
import { FakeTransport } from '../support/fake-transport.ts';
import { heardBy, nextIs, reply, stage, subscribed, subscribeFrame, type ChannelStage } from './stage.ts';

const plain = reply({ action: 'subscribed', channel: 'a' });

interface Sent {
  readonly channel: string;
  readonly payload: unknown;
  readonly message_id: string;
}

const next = async (socket: PuppetSocket): Promise<Sent> => (await socket.nextJson()) as Sent;

const published = (id: string, seq: number): string =>
  reply({ action: 'published', channel: 'a', message_id: id, seq });

/** The code of an error of ours, else its name. */
const codeOf = (thrown: unknown): unknown =>
  thrown instanceof ConnectionError ? thrown.code : (thrown as Error).name;

/** Settled, in the order in which that happened. */
function settling(promises: Record<string, Promise<Publication>>): unknown[] {
  const outcomes: unknown[] = [];
  for (const [name, promise] of Object.entries(promises))
    promise.then(
      ({ outcome }) => outcomes.push([name, outcome]),
      (thrown: unknown) => outcomes.push([name, codeOf(thrown)]),
    );
  return outcomes;
}

/** A client over links that the test fills and breaks, subscribed to "a" at a plain server. */
async function overFakeLinks(scene: ChannelStage, transport: FakeTransport): Promise<void> {
  const connecting = scene.client.connect();
  await until(() => transport.links.length === 1);
  transport.link.open();
  await connecting;
  const subscribing = scene.client.subscribe('a');
  transport.link.receive(plain);
  await subscribing;
}

async function nextLink(scene: ChannelStage, transport: FakeTransport): Promise<void> {
  const before = transport.links.length;
  await scene.retry();
  await until(() => transport.links.length === before + 1);
  transport.link.open();
  await scene.inState('open');
}

describe('publishing to a plain server', () => {
  it('is the frame of the seed, and done when it was handed to the network', async () => {
    await using scene = await stage();
    const socket = await scene.connect();
    await scene.subscribe(socket, 'a', plain);
    const outcome = await scene.client.publish('a', { message: 'hello', n: [1, null] });

    await nextIs(socket, '{"channel":"a","payload":{"message":"hello","n":[1,null]}}');
    expect(outcome).toEqual({ outcome: 'flushed' });
  });

  it('waits until it is known what kind of server it is, and keeps the order', async () => {
    await using scene = await stage();
    const socket = await scene.connect();
    const subscribing = scene.client.subscribe('a');
    const waiting = [1, 2, 3].map((n) => scene.client.publish('a', n));
    const later = subscribing.then(() => scene.client.publish('a', 4));
    await nextIs(socket, subscribeFrame('a'));
    await quiet();
    expect(socket.frames).toHaveLength(1);
    scene.clock.advance(500);
    await Promise.all([...waiting, later]);
    await until(() => socket.frames.length === 5);

    expect(socket.frames.slice(1)).toEqual(
      [1, 2, 3, 4].map((payload) => JSON.stringify({ channel: 'a', payload })),
    );
  });

  it('is repeated after a second when the link was lost with it, and what was published later waits behind', async () => {
    const transport = new FakeTransport();
    await using scene = await stage({ transport });
    await overFakeLinks(scene, transport);
    const outcomes = settling({
      first: scene.client.publish('a', 1),
      second: scene.client.publish('a', 2),
    });
    transport.link.end();
    await turn();
    const others = settling({ third: scene.client.publish('a', 3) });
    await nextLink(scene, transport);
    await until(() => transport.link.sent.length === 4);
    transport.link.drain();
    await until(() => outcomes.length === 2 && others.length === 1);

    expect(transport.link.sent).toEqual([
      subscribeFrame('a'),
      ...[1, 2, 3].map((payload) => JSON.stringify({ channel: 'a', payload })),
    ]);
    expect([...outcomes, ...others]).toEqual([
      ['first', 'flushed'],
      ['second', 'flushed'],
      ['third', 'flushed'],
    ]);
  });

  it('keeps its order when the link was lost with one, and a later one still waited for the link', async () => {
    const transport = new FakeTransport();
    await using scene = await stage({ transport, outbox: { highWaterBytes: 10 } });
    await overFakeLinks(scene, transport);
    const outcomes = settling({ first: scene.client.publish('a', 1) });
    transport.link.bufferedBytes = 1_000;
    const others = settling({ second: scene.client.publish('a', 2), third: scene.client.publish('a', 3) });
    transport.link.end();
    await turn();
    await nextLink(scene, transport);
    await until(() => transport.link.sent.length === 4);
    transport.link.drain();
    await until(() => outcomes.length === 1 && others.length === 2);

    expect(transport.link.sent).toEqual([
      subscribeFrame('a'),
      ...[1, 2, 3].map((payload) => JSON.stringify({ channel: 'a', payload })),
    ]);
    expect([...outcomes, ...others]).toEqual([
      ['first', 'flushed'],
      ['second', 'flushed'],
      ['third', 'flushed'],
    ]);
  });

  it('fails after maxRetries attempts', async () => {
    const transport = new FakeTransport();
    await using scene = await stage({ transport, maxRetries: 2 });
    await overFakeLinks(scene, transport);
    const failing = rejectionOf(scene.client.publish('a', 1));
    transport.link.end();
    await turn();
    await nextLink(scene, transport);
    await until(() => transport.link.sent.length === 2);
    transport.link.end();
    const error = (await failing) as ChannelError;

    expect(error).toBeInstanceOf(ChannelError);
    expect([error.code, error.details]).toEqual([
      'PUBLISH_FAILED',
      { channel: 'a', attempts: 2, last: expect.any(String) as string },
    ]);
    expect(error.cause).toMatchObject({ code: 'DELIVERY_UNKNOWN' });
  });

  it('expires after sendTimeoutMs, or timeoutMs, and is not sent later', async () => {
    await using scene = await stage();
    const socket = await scene.connect();
    await scene.subscribe(socket, 'a', plain);
    socket.reset();
    await scene.inState('reconnecting');
    await scene.server.goAway();
    const outcomes = settling({
      usual: scene.client.publish('a', 1),
      short: scene.client.publish('a', 2, { timeoutMs: 900 }),
    });
    scene.clock.advance(900);
    await until(() => outcomes.length === 1);
    await scene.server.comeBack();
    const again = await scene.reconnect();
    await until(() => outcomes.length === 2);
    await quiet();

    expect(outcomes).toEqual([
      ['short', 'MESSAGE_EXPIRED'],
      ['usual', 'flushed'],
    ]);
    expect(again.frames.slice(1)).toEqual(['{"channel":"a","payload":1}']);
  });

  it('that may have arrived once does not claim to be unsent when its time is over', async () => {
    const transport = new FakeTransport();
    await using scene = await stage({ transport, maxRetries: Infinity });
    await overFakeLinks(scene, transport);
    const failing = rejectionOf(scene.client.publish('a', 1, { timeoutMs: 700 }));
    transport.link.end();
    await turn();
    scene.clock.advance(700);

    expect(await failing).toMatchObject({ code: 'DELIVERY_UNKNOWN', cause: { code: 'MESSAGE_EXPIRED' } });
  });

  it('is over at once when the client disconnects, though it was to be repeated', async () => {
    const transport = new FakeTransport();
    await using scene = await stage({ transport });
    await overFakeLinks(scene, transport);
    const outcomes = settling({ sent: scene.client.publish('a', 1) });
    transport.link.end();
    await turn();
    const held = settling({ held: scene.client.publish('a', 2) });
    await scene.client.disconnect();
    await until(() => outcomes.length === 1 && held.length === 1);

    expect([...outcomes, ...held]).toEqual([
      ['sent', 'DELIVERY_UNKNOWN'],
      ['held', 'MESSAGE_UNDELIVERED'],
    ]);
    expect(scene.clock.pending).toBe(0);
  });

  it('while nothing is known of the server is over at once when the client disconnects', async () => {
    await using scene = await stage();
    const socket = await scene.connect();
    const subscribing = rejectionOf(scene.client.subscribe('a'));
    const outcomes = settling({ held: scene.client.publish('a', 1) });
    await nextIs(socket, subscribeFrame('a'));
    await scene.client.disconnect();
    await subscribing;

    expect(outcomes).toEqual([['held', 'MESSAGE_UNDELIVERED']]);
  });
});

describe('publishing to a hub', () => {
  it('carries an id, and is done when the hub says that it has it', async () => {
    await using scene = await stage();
    const socket = await scene.connect();
    await scene.subscribe(socket, 'a');
    const publishing = watch(scene.client.publish('a', { n: 1 }));
    const frame = String(await socket.nextFrame());
    const id = (JSON.parse(frame) as Sent).message_id;

    expect(frame).toBe(`{"channel":"a","payload":{"n":1},"message_id":"${id}"}`);
    await quiet();
    expect(publishing.outcome).toBe('pending');
    socket.send(published('of somebody else', 8));
    socket.send(published(id, 9));
    await until(() => publishing.outcome !== 'pending');
    expect(publishing.outcome).toEqual({ resolved: { outcome: 'acknowledged', seq: 9 } });
  });

  it('has another id for each message, and each client has its own', async () => {
    await using scene = await stage();
    await using other = await stage();
    const ids: string[] = [];
    for (const one of [scene, other]) {
      const socket = await one.connect();
      await one.subscribe(socket, 'a');
      for (const n of [1, 2, 3]) {
        const publishing = one.client.publish('a', n);
        const { message_id: id } = await next(socket);
        ids.push(id);
        socket.send(published(id, n));
        await publishing;
      }
    }

    expect(new Set(ids).size).toBe(6);
  });

  it('is repeated after a cut with the same id, first and in order', async () => {
    await using scene = await stage();
    const socket = await scene.connect();
    await scene.subscribe(socket, 'a');
    const outcomes = settling({
      one: scene.client.publish('a', 1),
      two: scene.client.publish('a', 2),
      three: scene.client.publish('a', 3),
    });
    const [one, two, three] = [await next(socket), await next(socket), await next(socket)];
    socket.send(published(one.message_id, 1));
    await until(() => outcomes.length === 1);
    socket.reset();
    await scene.inState('reconnecting');
    const later = settling({ four: scene.client.publish('a', 4) });
    const again = await scene.reconnect();
    await nextIs(again, subscribeFrame('a', { after: 0, epoch: 'e1' }));
    const resent = [await next(again), await next(again), await next(again)];
    for (const [at, { message_id: id }] of resent.entries()) again.send(published(id, at + 2));
    await until(() => outcomes.length === 3 && later.length === 1);

    expect(resent.slice(0, 2)).toEqual([two, three]);
    expect(resent[2]?.payload).toBe(4);
    expect(later).toEqual([['four', 'acknowledged']]);
  });

  it('rejects when the hub refuses it, and only that one', async () => {
    await using scene = await stage();
    const socket = await scene.connect();
    await scene.subscribe(socket, 'a');
    const refused: unknown[] = [];
    scene.client.on('refused', (error) => refused.push(error));
    const failing = rejectionOf(scene.client.publish('a', 1));
    const passing = scene.client.publish('a', 2);
    const [{ message_id: first }, { message_id: second }] = [await next(socket), await next(socket)];
    socket.send(
      reply({
        action: 'error',
        code: 'MESSAGE_TOO_LARGE',
        message: 'too large',
        request: 'publish',
        channel: 'a',
        message_id: first,
      }),
    );
    socket.send(published(second, 1));
    const error = (await failing) as ChannelError;

    expect(error).toBeInstanceOf(ChannelError);
    expect([error.code, error.message]).toEqual([
      'PUBLISH_REFUSED',
      'The server refused the message for a: MESSAGE_TOO_LARGE: too large',
    ]);
    expect(error.payload).toMatchObject({ code: 'MESSAGE_TOO_LARGE' });
    expect(await passing).toEqual({ outcome: 'acknowledged', seq: 1 });
    expect(refused).toEqual([]);
  });

  it('that is sent again and is refused then may have arrived the first time', async () => {
    await using scene = await stage();
    const socket = await scene.connect();
    await scene.subscribe(socket, 'a');
    const refusal = { action: 'error', message: 'no', request: 'publish', channel: 'a' } as const;
    const outcomes = [1, 2].map((n) => rejectionOf(scene.client.publish('a', n)));
    await next(socket);
    await next(socket);
    socket.reset();
    const again = await scene.reconnect();
    await again.nextFrame();
    const [first, second] = [await next(again), await next(again)];
    again.send(reply({ ...refusal, code: 'RATE_LIMITED', message_id: first.message_id }));
    again.send(reply({ ...refusal, code: 'NOT_ALLOWED', message_id: second.message_id }));
    const once = rejectionOf(scene.client.publish('a', 3));
    again.send(reply({ ...refusal, code: 'RATE_LIMITED', message_id: (await next(again)).message_id }));

    expect(await Promise.all([...outcomes, once])).toMatchObject([
      { code: 'DELIVERY_UNKNOWN', cause: { code: 'PUBLISH_REFUSED' } },
      { code: 'DELIVERY_UNKNOWN', cause: { code: 'PUBLISH_REFUSED' } },
      { code: 'PUBLISH_REFUSED' },
    ]);
  });

  it('is unknown when its time is over without a word, and its reason is the cause', async () => {
    await using scene = await stage();
    const socket = await scene.connect();
    await scene.subscribe(socket, 'a');
    const abort = new AbortController();
    const outcomes = [
      rejectionOf(scene.client.publish('a', 1, { signal: abort.signal })),
      rejectionOf(scene.client.publish('a', 2)),
    ];
    await next(socket);
    await next(socket);
    abort.abort('enough');
    scene.clock.advance(5_000);

    expect(await Promise.all(outcomes)).toMatchObject([
      { code: 'DELIVERY_UNKNOWN', cause: 'enough' },
      { code: 'DELIVERY_UNKNOWN', cause: { code: 'MESSAGE_EXPIRED' } },
    ]);
  });

  it('that is cancelled before it was sent never is', async () => {
    await using scene = await stage();
    const socket = await scene.connect();
    await scene.subscribe(socket, 'a');
    socket.reset();
    await scene.inState('reconnecting');
    const abort = new AbortController();
    const cancelled = rejectionOf(scene.client.publish('a', 1, { signal: abort.signal }));
    const kept = scene.client.publish('a', 2);
    abort.abort('enough');
    expect(await cancelled).toBe('enough');
    expect(await rejectionOf(scene.client.publish('a', 3, { signal: abort.signal }))).toBe('enough');
    const again = await scene.reconnect();
    await again.nextFrame();
    const { payload, message_id: id } = await next(again);
    again.send(published(id, 1));
    await kept;

    expect(payload).toBe(2);
  });

  it('is told that nobody knows, or that it was not sent, when the client disconnects', async () => {
    await using scene = await stage();
    const socket = await scene.connect();
    await scene.subscribe(socket, 'a');
    const sent = settling({ sent: scene.client.publish('a', 1) });
    await next(socket);
    socket.reset();
    await scene.inState('reconnecting');
    const unsent = settling({ unsent: scene.client.publish('a', 2) });
    await scene.client.disconnect();
    await until(() => sent.length + unsent.length === 2);

    expect([...sent, ...unsent]).toEqual([
      ['sent', 'DELIVERY_UNKNOWN'],
      ['unsent', 'MESSAGE_UNDELIVERED'],
    ]);
  });

  it('begins with what waited for the hub to show itself', async () => {
    await using scene = await stage();
    const socket = await scene.connect();
    const subscribing = scene.client.subscribe('a');
    const publishing = scene.client.publish('a', 1);
    await nextIs(socket, subscribeFrame('a'));
    socket.send(subscribed('a'));
    await subscribing;
    const { message_id: id } = await next(socket);
    socket.send(published(id, 1));

    expect(await publishing).toEqual({ outcome: 'acknowledged', seq: 1 });
  });

  it('has not our own messages delivered to us when they come back, unless that is wanted', async () => {
    for (const echo of [false, true]) {
      await using scene = await stage({ echo });
      const socket = await scene.connect();
      const heard = heardBy(await scene.subscribe(socket, 'a'));
      const publishing = scene.client.publish('a', 'mine');
      const { message_id: id } = await next(socket);
      socket.send(published(id, 1));
      await publishing;
      socket.send({ channel: 'a', payload: 'mine', seq: 1, message_id: id });
      socket.send({ channel: 'a', payload: 'theirs', seq: 2, message_id: 'x' });
      await until(() => heard.at(-1) === 'theirs');

      expect(heard).toEqual(echo ? ['mine', 'theirs'] : ['theirs']);
    }
  });

  it('tells listeners what was refused and nobody waits to hear of', async () => {
    await using scene = await stage();
    const socket = await scene.connect();
    await scene.subscribe(socket, 'a');
    const refused: ChannelError[] = [];
    scene.client.on('refused', (error) => refused.push(error));
    socket.send(reply({ action: 'error', code: 'BAD_FRAME', message: 'no JSON' }));
    await until(() => refused.length === 1);

    expect(refused[0]?.message).toBe(
      'The server refused the message for a channel that it does not name: BAD_FRAME: no JSON',
    );
    expect(scene.logged).toEqual([refused[0]?.message]);
    expect(scene.client.state).toBe('open');
  });
});

describe('a wrong publication', () => {
  it('is refused where it is made', async () => {
    await using scene = await stage();
    const socket = await scene.connect();
    await scene.subscribe(socket, 'a');
    const { client } = scene;
    const circle: Record<string, unknown> = {};
    circle['self'] = circle;
    const errors = await Promise.all(
      [
        client.publish('zzz', 1),
        client.publish('', 1),
        client.publish('subscription', 1),
        client.publish('a', undefined),
        client.publish('a', () => 1),
        client.publish('a', circle),
        client.publish('a', 1, { timeoutMs: 0 }),
      ].map(rejectionOf),
    );
    await quiet();

    expect(errors.map(codeOf)).toEqual([
      'NOT_SUBSCRIBED',
      'INVALID_OPTION',
      'INVALID_OPTION',
      'TypeError',
      'TypeError',
      'TypeError',
      'INVALID_OPTION',
    ]);
    expect((errors[0] as Error).message).toBe('Not subscribed to channel: zzz.');
    expect(socket.frames).toHaveLength(1);
  });

  it('is one too many when a thousand wait for the first word of the server', async () => {
    await using scene = await stage();
    const socket = await scene.connect();
    const subscribing = scene.client.subscribe('a');
    const all = Array.from({ length: 1_001 }, (_, n) => watch(scene.client.publish('a', n)));
    await until(() => all.at(-1)?.outcome !== 'pending');
    expect(all.at(-1)?.outcome).toMatchObject({ rejected: { code: 'OUTBOX_FULL' } });
    socket.send(plain);
    await subscribing;
    await until(() => all.every(({ outcome }) => outcome !== 'pending'));

    expect(socket.frames.length).toBeLessThanOrEqual(1_001);
  });
});

describe('sendError()', () => {
  it('publishes the error payload of the seed', async () => {
    await using scene = await stage();
    const socket = await scene.connect();
    await scene.subscribe(socket, 'a', plain);
    await scene.client.sendError('a', new Error('the disk is full'));
    await scene.client.sendError('a', 'no', 'Try again.', { messageId: 'm1', threadId: null });
    const usual = (await next(socket)).payload as Record<string, unknown>;
    const own = (await next(socket)).payload as Record<string, unknown>;

    expect(usual).toEqual({
      message: 'An error occurred while processing your request.',
      timestamp: expect.any(Number) as number,
      status: 'error',
      type: 'error',
      error_details: 'the disk is full',
    });
    expect(own).toMatchObject({
      message: 'Try again.',
      error_details: 'no',
      message_id: 'm1',
      thread_id: null,
    });
    expect(Math.abs(Number(usual['timestamp']) - Date.now() / 1_000)).toBeLessThan(60);
  });
});
