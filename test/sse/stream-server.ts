// A server of event streams that does nothing of its own accord: a test answers each request as it likes.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import { Inbox, until } from '../../src/testing/wait.ts';

/** One request, with the answer in the test's hand. */
export class Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly body: string;
  isGone = false;

  constructor(request: IncomingMessage, response: ServerResponse, body: string) {
    this.request = request;
    this.response = response;
    this.body = body;
    response.once('close', () => (this.isGone = true));
  }

  get lastEventId(): string | undefined {
    return this.request.headers['last-event-id'] as string | undefined;
  }

  open(headers: Readonly<Record<string, string>> = {}): this {
    this.response.writeHead(200, { 'Content-Type': 'text/event-stream', ...headers });
    this.response.flushHeaders();
    return this;
  }

  write(text: string | Uint8Array): this {
    this.response.write(text);
    return this;
  }

  end(): void {
    this.response.end();
  }

  /** As when the network fails: no end of the body, the socket is just gone. */
  cut(): void {
    this.response.socket?.resetAndDestroy();
  }

  refuse(status: number, headers: Readonly<Record<string, string>> = {}): void {
    this.response.writeHead(status, headers).end();
  }

  /** Waits until the client has let go. */
  gone(): Promise<unknown> {
    return until(() => this.isGone, { describe: 'the end of a request' });
  }
}

export class StreamServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #exchanges = new Inbox<Exchange>('a request');
  /** Answers a request at once instead of handing it to `next()`; returns whether it did. */
  answer: (exchange: Exchange) => boolean = () => false;

  private constructor(server: Server) {
    this.#server = server;
    server.on('request', (request, response) => void this.#take(request, response));
  }

  /** With `tls` over https. */
  static async listen({ tls }: { readonly tls?: ServerOptions } = {}): Promise<StreamServer> {
    const server = tls === undefined ? createServer() : createTlsServer(tls);
    const streams = new StreamServer(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return streams;
  }

  get origin(): string {
    const scheme = 'setSecureContext' in this.#server ? 'https' : 'http';
    return `${scheme}://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get url(): string {
    return `${this.origin}/events`;
  }

  /** Requests so far. */
  get requests(): number {
    return this.#exchanges.items.length;
  }

  next(): Promise<Exchange> {
    return this.#exchanges.next();
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    request.on('error', () => undefined);
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    await once(request, 'end').catch(() => undefined);
    const exchange = new Exchange(request, response, Buffer.concat(chunks).toString());
    if (!this.answer(exchange)) this.#exchanges.push(exchange);
  }
}
