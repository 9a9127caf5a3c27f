// A page of the live view without a browser, and an application of somebody else's: raw sockets that tell and listen.
import { once } from 'node:events';
import { onTestFinished } from 'vitest';
import { WebSocket, type ClientOptions } from 'ws';
import type { FromPage, FromServer, Row } from '../../visualizations/live/protocol.ts';
import { liveView, type LiveView, type LiveViewOptions } from '../../visualizations/live/server.ts';
import { until } from '../../src/testing/wait.ts';

type Told<Type extends FromServer['type']> = Extract<FromServer, { type: Type }>;

/** A live view until the end of the test. */
export async function view(options?: LiveViewOptions): Promise<LiveView> {
  const made = await liveView(options);
  onTestFinished(() => made.close());
  return made;
}

export const wsUrl = (url: string, path: string): string => `${url.replace('http:', 'ws:')}${path}`;

/** An open socket, closed at the end of the test. */
export async function open(url: string, options: ClientOptions = {}): Promise<WebSocket> {
  const socket = new WebSocket(url, options);
  onTestFinished(() => {
    socket.terminate();
  });
  await once(socket, 'open');
  return socket;
}

/** The status and the text with which an upgrade is refused. */
export async function refusal(
  url: string,
  options: ClientOptions,
): Promise<{ status: number; text: string }> {
  const socket = new WebSocket(url, options);
  const [, response] = (await once(socket, 'unexpected-response')) as [
    unknown,
    NodeJS.ReadableStream & { statusCode: number },
  ];
  let text = '';
  for await (const chunk of response) text += String(chunk);
  return { status: response.statusCode, text };
}

/** A page that looks. */
export class Page {
  readonly socket: WebSocket;
  readonly told: FromServer[] = [];

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (data: Buffer) => this.told.push(JSON.parse(data.toString()) as FromServer));
  }

  static async of({ url }: Pick<LiveView, 'url'>): Promise<Page> {
    const socket = new WebSocket(wsUrl(url, '/live'), { origin: url });
    onTestFinished(() => {
      socket.terminate();
    });
    const page = new Page(socket);
    await once(socket, 'open');
    return page;
  }

  all<Type extends FromServer['type']>(type: Type): Told<Type>[] {
    return this.told.filter((message): message is Told<Type> => message.type === type);
  }

  /** Every row as it was told last, less those that are gone. */
  get rows(): Row[] {
    const rows = new Map<string, Row>();
    for (const message of this.told) {
      if (message.type === 'rows') for (const row of message.rows) rows.set(row.id, row);
      if (message.type === 'gone') for (const id of message.ids) rows.delete(id);
    }
    return [...rows.values()];
  }

  row(isWanted: (row: Row) => boolean = () => true): Promise<Row> {
    return until(() => this.rows.find(isWanted), { describe: () => `a row in ${JSON.stringify(this.rows)}` });
  }

  say(message: FromPage): void {
    this.socket.send(JSON.stringify(message));
  }

  /** Follows a row, and resolves with its history. */
  async watch(id: string): Promise<Told<'history'>> {
    const before = this.all('history').length;
    this.say({ type: 'watch', id });
    return until(() => this.all('history')[before], { describe: 'its history' });
  }

  /** The events of the row that is watched, told so far. */
  get events(): string[] {
    const last = this.told.findLastIndex(({ type }) => type === 'history');
    return this.told
      .slice(Math.max(0, last))
      .flatMap((message) => ('entries' in message ? message.entries : []))
      .map(({ event }) => event.type);
  }
}

/** A chart that is none of ours. */
export const LIGHT = {
  id: 'light',
  initial: 'red',
  states: { red: { on: { go: 'green' } }, green: { on: { stop: 'red' } } },
};

/** An application that speaks the wire format of @statelyai/inspect. */
export class Application {
  readonly socket: WebSocket;

  private constructor(socket: WebSocket) {
    this.socket = socket;
  }

  static async of({ url }: LiveView, path = '/', options?: ClientOptions): Promise<Application> {
    return new Application(await open(wsUrl(url, path), options));
  }

  tell(frame: object): void {
    this.socket.send(
      JSON.stringify({
        _version: '0.7.2',
        createdAt: '1795250768148',
        rootId: 'x:0',
        sessionId: 'x:0',
        ...frame,
      }),
    );
  }

  actor(sessionId = 'x:0', definition: unknown = LIGHT): void {
    this.tell({
      type: '@xstate.actor',
      sessionId,
      name: `light ${sessionId}`,
      definition: JSON.stringify(definition),
      snapshot: { status: 'active', value: 'red', context: { cars: 0 } },
    });
  }

  event(type: string, value: unknown, context: unknown = { cars: 1 }, sessionId = 'x:0'): void {
    this.tell({
      type: '@xstate.snapshot',
      sessionId,
      event: { type },
      snapshot: { status: 'active', value, context },
    });
  }
}
