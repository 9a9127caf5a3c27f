// A WebSocket client that knows nothing: what came in is compared as it is.
import { once } from 'node:events';
import { WebSocket, type ClientOptions } from 'ws';
import type { CrawlMessage } from '../../../src/crawl/messages.ts';
import { createCrawlServer, type CrawlServer, type CrawlServerOptions } from '../../../src/server/index.ts';
import { until } from '../../../src/testing/wait.ts';

export type MessageType = CrawlMessage['message_type'];
export type MessageOf<Type extends MessageType> = Extract<CrawlMessage, { message_type: Type }>;

/** A server that may crawl loopback, and is in no hurry to refuse. */
export const serve = (options: CrawlServerOptions = {}): Promise<CrawlServer> =>
  createCrawlServer({
    allowPrivateAddresses: true,
    ...options,
    limits: { requestsPerSecond: 1000, requestBurst: 1000, maxConnectionsPerAddress: 100, ...options.limits },
  });

export class RawClient implements AsyncDisposable {
  readonly socket: WebSocket;
  /** Texts as they came. */
  readonly texts: string[] = [];
  readonly pings: string[] = [];
  closed: { readonly code: number; readonly reason: string } | undefined;

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (data: Buffer) => this.texts.push(data.toString()));
    socket.on('ping', (data) => this.pings.push(String(data)));
    socket.on('error', () => undefined);
    socket.once('close', (code, reason) => {
      this.closed = { code, reason: String(reason) };
    });
  }

  static async connect(server: CrawlServer, options: ClientOptions = {}): Promise<RawClient> {
    const client = new RawClient(new WebSocket(`${server.url.replace('http', 'ws')}/crawl/ws`, options));
    await once(client.socket, 'open');
    return client;
  }

  get messages(): CrawlMessage[] {
    return this.texts.map((text) => JSON.parse(text) as CrawlMessage);
  }

  of<Type extends MessageType>(type: Type): MessageOf<Type>[] {
    return this.messages.filter((message): message is MessageOf<Type> => message.message_type === type);
  }

  send(message: unknown): void {
    this.socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  ask(type: string, requestId?: string): void {
    this.send({ request_type: type, data: {}, ...(requestId && { request_id: requestId }) });
  }

  crawl(urls: readonly unknown[], options?: object, requestId?: string): void {
    const data = { urls, ...(options && { options }) };
    this.send({ request_type: 'crawl', data, ...(requestId && { request_id: requestId }) });
  }

  /** Resolves with the messages of a type, when there are so many. */
  async until<Type extends MessageType>(type: Type, count = 1): Promise<MessageOf<Type>[]> {
    await until(() => this.of(type).length >= count, {
      describe: () => `${count} times ${type}; there came ${this.texts.join('\n')}`,
    });
    return this.of(type);
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

/** Asks for one page, and gives its result. */
export async function crawlOne(
  server: CrawlServer,
  url: string,
  options?: object,
): Promise<MessageOf<'result'>['data']['result']> {
  await using client = await RawClient.connect(server);
  client.crawl([url], options);
  const [result] = await client.until('result');
  await client.until('summary');
  return result!.data.result;
}
