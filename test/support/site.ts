// A small web site on 127.0.0.1 to be crawled: ordinary pages, and every kind of page that goes wrong.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { Port } from '../../src/testing/port.ts';
import { until } from '../../src/testing/wait.ts';

type Answer = (response: ServerResponse, request: IncomingMessage) => void;

const html = (
  response: ServerResponse,
  body: string | Buffer,
  headers: Record<string, string> = {},
): void => {
  response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8', ...headers }).end(body);
};

/** The page that `/page/<name>` answers with. */
export const pageHtml = (name: string): string =>
  `<!doctype html><html lang="en"><head><title>Page ${name}</title>` +
  `<meta name="description" content="About ${name}"></head><body>` +
  `<nav><a href="/">Home</a></nav><script>ignored()</script>` +
  `<main><h1>Heading ${name}</h1><p>Words about <b>${name}</b> and <a href="/page/next#part">the next</a>.</p>` +
  `<img src="/logo.png" alt="Logo"></main></body></html>`;

const BOMB_BYTES = 64 * 1024 * 1024;

/** Sends for ever, as fast as it is read. */
function endless(response: ServerResponse): void {
  response.writeHead(200, { 'Content-Type': 'text/html' });
  const chunk = Buffer.alloc(64 * 1024, 'x');
  const more = (): void => {
    while (!response.destroyed && response.write(chunk));
    if (!response.destroyed) response.once('drain', more);
  };
  more();
}

const ANSWERS: Readonly<Record<string, Answer>> = {
  '/': (response) => html(response, '<title>Home</title><a href="/page/1">1</a> <a href="/page/2">2</a>'),
  '/reset': (response) => response.socket?.resetAndDestroy(),
  '/cut': (response) => {
    response.writeHead(200, { 'Content-Type': 'text/html', 'Content-Length': '1000' }).write('<p>half');
    response.socket?.end();
  },
  '/huge': endless,
  '/bomb': (response) => {
    const body = gzipSync(Buffer.alloc(BOMB_BYTES, 'a'));
    html(response, body, { 'Content-Encoding': 'gzip' });
  },
  '/gzip': (response) => html(response, gzipSync(pageHtml('gzip')), { 'Content-Encoding': 'gzip' }),
  '/broken-gzip': (response) => html(response, 'this is no gzip', { 'Content-Encoding': 'gzip' }),
  '/garbage': (response) => response.socket?.end('this is no HTTP\r\n\r\n'),
  '/loop': (response) => response.writeHead(302, { Location: '/loop' }).end(),
  '/to-script': (response) => response.writeHead(302, { Location: 'javascript:alert(1)' }).end(),
  '/to-page': (response) => response.writeHead(301, { Location: '/page/target' }).end(),
  '/json': (response) => response.writeHead(200, { 'Content-Type': 'application/json' }).end('{}'),
  '/text': (response) =>
    response
      .writeHead(200, { 'Content-Type': 'text/plain; charset=iso-8859-1' })
      .end(Buffer.from([0x63, 0x61, 0x66, 0xe9])),
  '/latin1': (response) =>
    html(response, Buffer.from('<title>café</title>', 'latin1'), {
      'Content-Type': 'text/html; charset=iso-8859-1',
    }),
  '/meta-charset': (response) =>
    html(response, Buffer.from('<meta charset="iso-8859-1"><title>café</title>', 'latin1'), {
      'Content-Type': 'text/html',
    }),
  '/deep': (response) => html(response, `<title>Deep</title>${'<div>'.repeat(900)}bottom`),
  '/too-deep': (response) => html(response, '<div>'.repeat(400_000)),
  '/no-store': (response) => html(response, pageHtml('no-store'), { 'Cache-Control': 'no-store' }),
};

/** What the site was asked for, in order; and what it is made of. */
export class Site {
  /** Paths with queries; robots.txt included. */
  readonly requests: string[] = [];
  /** The text of robots.txt; a number is answered as a status. Default: there is none. */
  robots: string | number = 404;
  readonly #port: Port;
  readonly #held: ServerResponse[] = [];
  readonly #own = new Map<string, Answer>();
  #isHolding = true;

  private constructor() {
    const server = createServer((request, response) => this.#answer(request, response));
    this.#port = new Port(server);
  }

  static async listen(): Promise<Site> {
    const site = new Site();
    await site.#port.comeBack();
    return site;
  }

  /** `host:port`. */
  get authority(): string {
    return this.#port.authority;
  }

  /** The URL of a path. */
  url(path: string): string {
    return `http://${this.authority}${path}`;
  }

  /** The paths that were asked for, but for robots.txt. */
  get pages(): readonly string[] {
    return this.requests.filter((path) => path !== '/robots.txt');
  }

  /** How many connections exist now. */
  get connections(): number {
    return this.#port.live;
  }

  /** Answers a path in a way of its own. */
  on(path: string, answer: Answer): void {
    this.#own.set(path, answer);
  }

  /** Requests for `/held/…` that wait for their answer. */
  get held(): number {
    return this.#held.filter(({ destroyed }) => !destroyed).length;
  }

  /** Resolves when so many requests for `/held/…` wait. */
  async whenHeld(count: number): Promise<void> {
    await until(() => this.held >= count, {
      describe: () => `${count} requests that are held, of ${this.held}`,
    });
  }

  /** Answers those that wait, and from now on those that come. */
  release(): void {
    this.#isHolding = false;
    for (const response of this.#held.splice(0)) html(response, pageHtml('held'));
  }

  close(): Promise<void> {
    return this.#port.goAway();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const path = request.url ?? '/';
    this.requests.push(path);
    response.on('error', () => undefined);
    const answer = this.#own.get(path) ?? ANSWERS[path];
    if (answer !== undefined) answer(response, request);
    else if (path === '/robots.txt') this.#answerRobots(response);
    else this.#answerFamily(path, response);
  }

  #answerRobots(response: ServerResponse): void {
    if (typeof this.robots === 'number') response.writeHead(this.robots).end();
    else response.writeHead(200, { 'Content-Type': 'text/plain' }).end(this.robots);
  }

  #answerFamily(path: string, response: ServerResponse): void {
    const [, family = '', name = ''] = /^\/(\w+)\/(.+)$/.exec(path) ?? [];
    if (family === 'held' && this.#isHolding) this.#held.push(response);
    else if (family === 'status') response.writeHead(Number(name), { 'Content-Type': 'text/html' }).end('no');
    else if (family === 'to') response.writeHead(302, { Location: decodeURIComponent(name) }).end();
    else if (family === 'page' || family === 'held') html(response, pageHtml(name));
    else response.writeHead(404, { 'Content-Type': 'text/html' }).end('<p>nothing here');
  }
}
