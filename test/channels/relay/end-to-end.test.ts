// A conversation from its start to its cleanup over real sockets, with a cut in the middle (S3-32, S3-33): through a hub
// nothing is missed; through a server of the seed, which keeps nothing, the next frame makes up for what was.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocketServer, type WebSocket } from 'ws';
import {
  AssistantRelay,
  ChannelClient,
  ConversationReader,
  type AssistantPayload,
  type ChannelClientOptions,
} from '../../../src/channels/index.ts';
import { createChannelHub, type ChannelHub } from '../../../src/server/channels/hub.ts';
import { memoryBroker } from '../../../src/server/channels/memory-broker.ts';
import { FaultProxy } from '../../../src/testing/fault-proxy.ts';
import { until } from '../../../src/testing/wait.ts';
import { run, Script } from './stage.ts';

const CHANNEL = 'user_session_abc123';
const FAST = { maxRetries: Infinity, retryDelayMs: 5, acknowledgementMs: 50 } as const;
const WORDS = Array.from({ length: 40 }, (_, n) => `word number ${n}, `);
const WHOLE = WORDS.join('');

const client = (url: string, more: ChannelClientOptions = {}) => new ChannelClient({ url, ...FAST, ...more });

/** A server of the seed, in its fewest lines: it knows who is subscribed, and keeps nothing. */
async function plainServer(): Promise<AsyncDisposable & { readonly url: string; readonly heard: string[] }> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  const subscribers = new Map<string, Set<WebSocket>>();
  const heard: string[] = [];
  server.on('connection', (socket) => {
    socket.on('message', (data) => {
      const text = (data as Buffer).toString();
      heard.push(text);
      const { channel, payload } = JSON.parse(text) as {
        channel: string;
        payload: { action: string; channel: string };
      };
      const of = (name: string) => subscribers.get(name) ?? subscribers.set(name, new Set()).get(name)!;
      if (channel !== 'subscription') {
        for (const other of of(channel)) if (other !== socket) other.send(text);
      } else if (payload.action === 'subscribe') of(payload.channel).add(socket);
      else of(payload.channel).delete(socket);
    });
    socket.on('close', () => {
      for (const members of subscribers.values()) members.delete(socket);
    });
  });
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  return {
    url: `ws://127.0.0.1:${port}`,
    heard,
    async [Symbol.asyncDispose]() {
      for (const socket of server.clients) socket.terminate();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

describe('through a hub', () => {
  let hub: ChannelHub;
  beforeEach(async () => {
    hub = createChannelHub();
    await hub.listen();
  });
  afterEach(() => hub.close());

  it('a reader whose connection is cut misses nothing of the answer', async () => {
    await using proxy = await FaultProxy.listen(hub.webSocketUrl);
    await using assistant = client(hub.webSocketUrl);
    await using user = client(proxy.url);
    await Promise.all([assistant.connect(), user.connect()]);
    await assistant.subscribe(CHANNEL);
    const subscription = await user.subscribe(CHANNEL);
    const frames: AssistantPayload[] = [];
    subscription.on('message', ({ payload }) => frames.push(payload as AssistantPayload));
    const reader = new ConversationReader(subscription, { messageId: 'm1' });

    const relay = new AssistantRelay(assistant, {
      tools: { get_weather: ({ city }: { city: string }) => ({ city, celsius: 31 }) },
      submitToolOutputs: ({ outputs }) =>
        outputs[0]?.output === '{"city":"Makati","celsius":31}'
          ? script
          : new Script().fail(new Error('wrong')),
    });
    const script = new Script();
    const conversation = relay.answer({
      channel: CHANNEL,
      messageId: 'm1',
      run: new Script().say(run.created, run.requires(['call_1', 'get_weather', '{"city":"Makati"}'])),
    });
    script.say(run.created);
    for (const [index, word] of WORDS.entries()) {
      script.say(run.delta(word));
      if (index !== WORDS.length / 2) continue;
      await until(() => reader.snapshot.text !== '');
      proxy.reset();
      await until(() => !reader.snapshot.isLive);
      expect(new ConversationReader(subscription).snapshot.isLive).toBe(false);
    }
    script.say(run.completed);

    expect(await conversation.finished).toEqual({ outcome: 'completed', text: WHOLE, lostFrames: 0 });
    expect(await reader.finished).toMatchObject({
      status: 'completed',
      text: WHOLE,
      tools: ['Executing get_weather...'],
      threadId: 'thread_abc123',
      isLive: true,
      isBehind: false,
      gaps: 0,
    });
    await until(() => frames.at(-1)?.status === 'completed');
    const statuses = frames.map(({ status }) => status);
    expect(statuses.slice(0, 3)).toEqual(['started', 'processing', 'responding']);
    expect(new Set(statuses.slice(3, -1))).toEqual(new Set(['in_progress']));
    expect(new Set(frames.map(({ timestamp }) => timestamp)).size).toBe(frames.length);

    await user.disconnect();
    expect([subscription.state, reader.snapshot.isLive]).toEqual(['ended', true]);
  });

  it('an assistant whose connection is cut loses no end', async () => {
    await using proxy = await FaultProxy.listen(hub.webSocketUrl);
    await using assistant = client(proxy.url);
    await using user = client(hub.webSocketUrl);
    await Promise.all([assistant.connect(), user.connect()]);
    await assistant.subscribe(CHANNEL);
    const reader = new ConversationReader(await user.subscribe(CHANNEL));
    const script = new Script();
    const relay = new AssistantRelay(assistant);
    const { finished } = relay.answer({ channel: CHANNEL, messageId: 'm1', run: script });
    script.say(run.created, run.delta(WORDS[0]!));
    await until(() => reader.snapshot.text !== '');
    proxy.refuse();
    proxy.reset();
    await until(() => assistant.state === 'reconnecting');
    script.say(...WORDS.slice(1).map((word) => run.delta(word)), run.completed);
    await until(() => relay.conversations.get('m1')?.state === 'completing');
    proxy.refuse(false);

    expect(await finished).toEqual({ outcome: 'completed', text: WHOLE, lostFrames: 0 });
    expect((await reader.finished).text).toBe(WHOLE);
  });

  it('a reader that missed more than the hub has kept says so, and the next frame makes up for it', async () => {
    await using forgetful = createChannelHub({ broker: memoryBroker({ maxMessages: 1 }) });
    await forgetful.listen();
    await using proxy = await FaultProxy.listen(forgetful.webSocketUrl);
    await using user = client(proxy.url);
    await user.connect();
    const reader = new ConversationReader(await user.subscribe(CHANNEL));
    const script = new Script();
    const relay = new AssistantRelay(forgetful);
    const { finished } = relay.answer({ channel: CHANNEL, messageId: 'm1', run: script });
    script.say(run.created, run.delta(WORDS[0]!));
    await until(() => reader.snapshot.text !== '');
    proxy.refuse();
    proxy.reset();
    await until(() => !reader.snapshot.isLive);
    for (const word of WORDS.slice(1)) script.say(run.delta(word));
    await until(() => relay.conversations.get('m1')?.text === WHOLE);
    const behind: boolean[] = [];
    const watching = (async () => {
      for await (const { isBehind } of reader) behind.push(isBehind);
    })();
    proxy.refuse(false);
    await until(() => reader.snapshot.isLive && reader.snapshot.text === WHOLE);
    expect(reader.snapshot).toMatchObject({ gaps: 1, isBehind: false });
    script.say(run.completed);
    expect((await finished).outcome).toBe('completed');
    expect(await reader.finished).toMatchObject({ text: WHOLE, gaps: 1, isBehind: false });
    await watching;
    expect([behind[0], behind.at(-1)]).toEqual([true, false]);
  });

  it('may be published by the hub itself', async () => {
    await using user = client(hub.webSocketUrl);
    await user.connect();
    const reader = new ConversationReader(await user.subscribe(CHANNEL));
    const relay = new AssistantRelay(hub);
    const script = new Script().say({ type: 'error', error: new Error('Rate limit reached') });
    const { finished } = relay.answer({ channel: CHANNEL, messageId: 'm1', run: script });
    expect(await finished).toMatchObject({ outcome: 'failed', lostFrames: 0 });
    expect((await reader.finished).error).toEqual({
      message: "I'm receiving too many requests right now. Please try again in a moment.",
      details: 'Rate limit reached',
    });
  });
});

describe('through a server of the seed', () => {
  it('a reader whose connection is cut is behind until the next frame', async () => {
    await using server = await plainServer();
    await using proxy = await FaultProxy.listen(server.url);
    await using assistant = client(server.url);
    await using user = client(proxy.url);
    await Promise.all([assistant.connect(), user.connect()]);
    await assistant.subscribe(CHANNEL);
    const subscription = await user.subscribe(CHANNEL);
    const reader = new ConversationReader(subscription);
    const script = new Script();
    const relay = new AssistantRelay(assistant);
    const { finished } = relay.answer({ channel: CHANNEL, messageId: 'm1', run: script });

    script.say(run.created, run.delta('The first part, '));
    await until(() => reader.snapshot.text === 'The first part, ');
    proxy.refuse();
    proxy.reset();
    await until(() => !reader.snapshot.isLive);
    script.say(run.delta('a part that nobody heard, '));
    await until(() => server.heard.some((text) => text.includes('nobody heard')));
    proxy.refuse(false);
    await until(() => reader.snapshot.isLive);
    expect(reader.snapshot).toMatchObject({ text: 'The first part, ', isBehind: true });
    script.say(run.delta('and the last part.'));
    await until(() => reader.snapshot.text.endsWith('and the last part.'));
    expect(reader.snapshot.isBehind).toBe(false);
    script.say(run.completed);

    expect((await finished).outcome).toBe('completed');
    expect((await reader.finished).text).toBe('The first part, a part that nobody heard, and the last part.');
  });
});
