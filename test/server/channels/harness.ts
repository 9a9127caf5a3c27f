// A hub for a test, clients of it that nobody here wrote, and brokers that can be made to fail.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { WebSocket, type ClientOptions } from 'ws';
import {
  createChannelHub,
  memoryBroker,
  type Broker,
  type ChannelHub,
  type ChannelHubOptions,
  type Following,
  type FollowOptions,
  type NewMessage,
} from '../../../src/server/index.ts';
import { Inbox, until } from '../../../src/testing/wait.ts';

export const serveHub = (options: ChannelHubOptions = {}): Promise<ChannelHub> =>
  createChannelHub(options).listen();

export interface Frame {
  readonly channel: string;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly seq?: number;
  readonly message_id?: string;
}

/** What a hub's control frames say. */
export const control = (payload: object): Frame => ({ channel: 'subscription', payload: { ...payload } });

export class RawClient implements AsyncDisposable {
  readonly socket: WebSocket;
  /** As they came. */
  readonly texts: string[] = [];
  readonly #inbox = new Inbox<Frame>('a frame');
  closed: { readonly code: number; readonly reason: string } | undefined;

  constructor(hub: ChannelHub, options: ClientOptions = {}) {
    this.socket = new WebSocket(hub.webSocketUrl, options);
    this.socket.on('message', (data: Buffer) => {
      this.texts.push(data.toString());
      this.#inbox.push(JSON.parse(data.toString()) as Frame);
    });
    this.socket.on('error', () => undefined);
    this.socket.on('close', (code, reason) => (this.closed = { code, reason: reason.toString() }));
  }

  static async open(hub: ChannelHub, options?: ClientOptions): Promise<RawClient> {
    const client = new RawClient(hub, options);
    await once(client.socket, 'open');
    return client;
  }

  /** One that is subscribed. */
  static async in(hub: ChannelHub, ...channels: string[]): Promise<RawClient> {
    const client = await RawClient.open(hub);
    for (const channel of channels) await client.subscribe(channel);
    return client;
  }

  get frames(): readonly Frame[] {
    return this.#inbox.items;
  }

  /** Of the messages of channels, what they say. */
  get payloads(): readonly unknown[] {
    return this.frames.filter(({ channel }) => channel !== 'subscription').map(({ payload }) => payload);
  }

  /** The first frame that nobody has asked for yet. */
  next(): Promise<Frame> {
    return this.#inbox.next();
  }

  async nextFew(count: number): Promise<Frame[]> {
    const frames: Frame[] = [];
    while (frames.length < count) frames.push(await this.next());
    return frames;
  }

  send(frame: object | string | Buffer): void {
    const isRaw = typeof frame === 'string' || Buffer.isBuffer(frame);
    this.socket.send(isRaw ? frame : JSON.stringify(frame));
  }

  /** Returns the answer. */
  async subscribe(channel: string, from: object = {}): Promise<Frame> {
    this.send(control({ action: 'subscribe', channel, ...from }));
    return this.next();
  }

  publish(channel: string, payload: unknown, messageId?: string): void {
    this.send({ channel, payload, message_id: messageId });
  }

  /** Resolves when everything that was sent before is done, with the frames that came meanwhile. */
  async settled(): Promise<Frame[]> {
    this.send(control({ action: 'ping' }));
    const frames: Frame[] = [];
    for (;;) {
      const frame = await this.next();
      if (frame.channel === 'subscription' && frame.payload['action'] === 'pong') return frames;
      frames.push(frame);
    }
  }

  /** Sends all of it in one packet. */
  sendAtOnce(frames: readonly object[]): void {
    const { _socket: tcp } = this.socket as unknown as { readonly _socket: Socket };
    tcp.cork();
    for (const frame of frames) this.send(frame);
    tcp.uncork();
  }

  async end(): Promise<{ readonly code: number; readonly reason: string }> {
    await until(() => this.closed, { describe: 'the end of the connection' });
    return this.closed!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.terminate();
    await this.end();
  }
}

const UPGRADE =
  'GET /ws HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
  'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';

/** A client that reads only when it is told to. */
export class DeafClient implements Disposable {
  readonly tcp: Socket;
  bytesReceived = 0;
  #chunks: Buffer[] = [];

  private constructor(tcp: Socket) {
    this.tcp = tcp;
    tcp.on('error', () => undefined);
  }

  /** Subscribed to the channels, and deaf from then on. */
  static async in(hub: ChannelHub, ...channels: string[]): Promise<DeafClient> {
    const client = new DeafClient(connect(Number(new URL(hub.url).port), '127.0.0.1'));
    client.listen();
    client.tcp.write(UPGRADE);
    await until(() => client.#bytes.includes('\r\n\r\n'));
    client.#chunks = [];
    for (const channel of channels) client.send(control({ action: 'subscribe', channel }));
    await until(() => client.frames().length >= channels.length);
    client.#chunks = [];
    client.tcp.pause();
    return client;
  }

  listen(): void {
    this.tcp.removeAllListeners('data');
    this.tcp.on('data', (chunk) => {
      this.bytesReceived += chunk.length;
      this.#chunks.push(chunk);
    });
    this.tcp.resume();
  }

  send(frame: object): void {
    const payload = Buffer.from(JSON.stringify(frame));
    const long = payload.length < 126 ? [] : [payload.length >> 8, payload.length & 0xff];
    const length = payload.length < 126 ? payload.length : 126;
    this.tcp.write(Buffer.concat([Buffer.from([0x81, 0x80 | length, ...long, 0, 0, 0, 0]), payload]));
  }

  get #bytes(): Buffer {
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0] ?? Buffer.alloc(0);
  }

  /** What has come, complete frames only; a close frame is `{ close: code }`. */
  frames(): (Frame | { readonly close: number })[] {
    const frames: (Frame | { readonly close: number })[] = [];
    const bytes = this.#bytes;
    let at = 0;
    for (;;) {
      const first = bytes[at];
      const short = (bytes[at + 1] ?? 0) & 0x7f;
      const head = short < 126 ? 2 : short === 126 ? 4 : 10;
      if (first === undefined || bytes.length < at + head) return frames;
      const length =
        short < 126
          ? short
          : short === 126
            ? bytes.readUInt16BE(at + 2)
            : Number(bytes.readBigUInt64BE(at + 2));
      if (bytes.length < at + head + length) return frames;
      const payload = bytes.subarray(at + head, at + head + length);
      if (first === 0x88) frames.push({ close: payload.readUInt16BE(0) });
      else if (first === 0x81) frames.push(JSON.parse(payload.toString()) as Frame);
      at += head + length;
    }
  }

  [Symbol.dispose](): void {
    this.tcp.destroy();
  }
}

/** A broker in memory that does what it is told: to fail, to be slow, to lose a channel. */
export class FragileBroker implements Broker {
  readonly name = 'fragile';
  readonly inner = memoryBroker();
  readonly published: NewMessage[] = [];
  readonly follows: (readonly [channel: string, options: FollowOptions])[] = [];
  trouble: string | undefined;
  /** Called first; what it throws or rejects with is the outcome. */
  beforePublish: (channel: string, message: NewMessage) => unknown = () => undefined;
  beforeFollow: (channel: string) => unknown = () => undefined;
  beforeReplay: (channel: string) => unknown = () => undefined;
  beforeStop: (channel: string) => unknown = () => undefined;

  async publish(channel: string, message: NewMessage) {
    this.published.push(message);
    await this.beforePublish(channel, message);
    return this.inner.publish(channel, message);
  }

  async follow(channel: string, options: FollowOptions): Promise<Following> {
    this.follows.push([channel, options]);
    await this.beforeFollow(channel);
    const following = await this.inner.follow(channel, options);
    const stop = async (): Promise<void> => {
      await this.beforeStop(channel);
      await following.stop();
    };
    return { ...following, stop };
  }

  async replay(channel: string, range: { after: number; upTo: number }) {
    await this.beforeReplay(channel);
    return this.inner.replay(channel, range);
  }

  close(): Promise<void> {
    return this.inner.close();
  }
}

/** A logger that keeps the errors. */
export function errorLog() {
  const errors: string[] = [];
  const ignore = (): void => undefined;
  return {
    errors,
    logger: { debug: ignore, info: ignore, warn: ignore, error: (text: string) => void errors.push(text) },
  };
}
