// What the chapter of chat and metrics needs: the demo's server, a fault proxy in front of it, a guest of the chat and a
// stream of metrics that go through the proxy, and another guest that does not. Loaded by that chapter only.
import { exponentialBackoff } from '../../../backoff.ts';
import { Connection } from '../../../connection.ts';
import { addDemoRoutes } from '../../../demo-server/routes.ts';
import { decodeJson, textOfFrame } from '../../../protocols/text.ts';
import type { Protocol } from '../../../protocols/protocol.ts';
import { createRealtimeServer, type RealtimeServer } from '../../../server/index.ts';
import { SseConnection } from '../../../sse/index.ts';
import { FaultProxy } from '../../../testing/fault-proxy.ts';
import type { Stage } from '../stage.ts';

/** One event of the metrics every 20 ms. */
const PACE = 0.02;
const SEED = 7;
const RETRY = { backoff: exponentialBackoff({ baseMs: 150 }), stableAfterMs: 0 } as const;

interface Said {
  readonly type: string;
  readonly message: string;
}

const chat: Protocol<Said, string> = {
  name: 'chat',
  encode: (line) => line,
  decode: (frame) => decodeJson(textOfFrame(frame)) as Said,
};

export class StreamsWorld implements AsyncDisposable {
  readonly server: RealtimeServer;
  readonly proxy: FaultProxy;
  readonly guest: Connection<Said, string>;
  readonly listener: Connection<Said, string>;
  readonly metrics: SseConnection<unknown>;
  /** What the listener heard, in the order in which it came. */
  readonly heard: string[] = [];
  /** The ids of the metrics that came. */
  readonly ids: string[] = [];

  private constructor(server: RealtimeServer, proxy: FaultProxy, { inspect }: Stage) {
    this.server = server;
    this.proxy = proxy;
    const options = { retry: RETRY, ...(inspect && { inspect }) };
    const chatOf = (url: string, name: string) =>
      new Connection({ ...options, url: `${url}/ws/chat`, protocol: chat, name });
    this.guest = chatOf(proxy.url, 'a guest');
    this.listener = chatOf(server.url, 'another guest');
    this.metrics = new SseConnection<unknown>({
      ...options,
      ...{ url: `${proxy.url}/sse/metrics`, decode: 'json', retryHints: false, name: 'metrics' },
    });
    this.listener.on('message', ({ type, message }) =>
      type === 'message' ? this.heard.push(message) : undefined,
    );
    this.metrics.onEvent('metrics', ({ id }) => this.ids.push(id));
  }

  static async make(this: void, stage: Stage): Promise<StreamsWorld> {
    const server = createRealtimeServer();
    await addDemoRoutes(server, { seed: SEED, pace: PACE }).listen();
    const world = new StreamsWorld(server, await FaultProxy.listen(server.url), stage);
    stage.follow(world.metrics);
    return world;
  }

  async connect(): Promise<void> {
    await Promise.all([this.listener.connect(), this.guest.connect(), this.metrics.connect()]);
  }

  async disconnect(): Promise<void> {
    const { guest, listener, metrics } = this;
    await Promise.all([guest.disconnect(), listener.disconnect(), metrics.disconnect()]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.disconnect();
    await this.proxy.close();
    await this.server.close({ deadlineMs: 0 });
  }
}
