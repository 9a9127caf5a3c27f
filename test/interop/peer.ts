// A Python program that does with its WebSocket library what a test says: as a client, and as a server.
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { deferred, type Deferred } from '../../src/deferred.ts';
import { Running } from './tools.ts';

export const LIBRARIES = ['websockets', 'aiohttp'] as const;
export type Library = (typeof LIBRARIES)[number];

/** Reached only by a test that fails. */
const PATIENCE_MS = 20_000;

export type Message = string | Buffer;

export interface PeerClosed {
  /** 1005 for a close frame without one, 1006 without a close frame. */
  readonly code: number;
  readonly reason: string;
}

export interface PeerRefused {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface PeerOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly subprotocols?: readonly string[];
  readonly compression?: boolean;
}

interface Facts {
  readonly link: number;
  readonly subprotocol: string | null;
  /** As the library describes them. */
  readonly extensions: readonly string[];
  /** What the client asked for, on a server. */
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One request for an event stream, as `aiohttp` received it. */
export interface PeerRequest {
  readonly exchange: number;
  readonly method: string;
  readonly path: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

type Answer = { readonly id: number } & (
  { readonly result: unknown } | { readonly error: string; readonly result?: never }
);

interface Arrived {
  readonly text?: string;
  readonly binary?: string;
  readonly closed?: PeerClosed;
}

const inWords = (data: Message) =>
  typeof data === 'string' ? { text: data } : { binary: data.toString('base64') };

export class PythonPeer implements AsyncDisposable {
  readonly process: Running;
  readonly #waiting = new Map<number, Deferred<unknown>>();
  #orders = 0;

  /** @param path where Python is */
  constructor(path: string, library: Library) {
    // -B: leaves no compiled files beside the programs.
    const program = join(import.meta.dirname, 'python', `${library}_peer.py`);
    this.process = new Running(path, ['-B', program]);
    createInterface(this.process.child.stdout).on('line', (line) =>
      this.#answered(JSON.parse(line) as Answer),
    );
    const ended = (): void => {
      const error = new Error(`The peer has ended. It wrote: ${this.process.errors}`);
      for (const { reject } of this.#waiting.values()) reject(error);
    };
    this.process.ended().then(ended, ended);
  }

  /** Has something done, and waits for the answer. */
  async order<Result = null>(what: string, details: object = {}): Promise<Result> {
    this.#orders += 1;
    const answer = deferred<unknown>();
    this.#waiting.set(this.#orders, answer);
    this.process.child.stdin.write(`${JSON.stringify({ id: this.#orders, do: what, ...details })}\n`);
    const tooLate = (): void =>
      answer.reject(new Error(`The peer has not done "${what}" in time. It wrote: ${this.process.errors}`));
    const timer = setTimeout(tooLate, PATIENCE_MS);
    try {
      return (await answer.promise) as Result;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Connects as a client. Rejects when it is refused. */
  async open(url: string, options: PeerOptions = {}): Promise<PeerLink> {
    const opened = await this.#open(url, options);
    if ('refused' in opened) throw new Error(`Refused with HTTP ${opened.refused.status}.`);
    return new PeerLink(this, opened);
  }

  /** Connects as a client that is refused. */
  async refused(url: string, options: PeerOptions = {}): Promise<PeerRefused> {
    const opened = await this.#open(url, options);
    if ('link' in opened) throw new Error('The peer was let in.');
    return opened.refused;
  }

  /** Listens as a server; resolves with the port. */
  serve({ port = 0, ...options }: PeerOptions & { readonly port?: number } = {}): Promise<number> {
    const { subprotocols = [], compression = false } = options;
    return this.order('serve', { port, subprotocols, compression });
  }

  /** The next client of the server. */
  async accept(): Promise<PeerLink> {
    return new PeerLink(this, await this.order<Facts>('accept'));
  }

  /** Has the server refuse the next request. */
  refuse(status: number, headers: Readonly<Record<string, string>> = {}): Promise<null> {
    return this.order('refuse', { status, headers });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.process.kill();
  }

  #open(url: string, { headers = {}, subprotocols = [], compression = false }: PeerOptions) {
    const details = { url: url.replace(/^http/, 'ws'), headers, subprotocols, compression };
    return this.order<Facts | { readonly refused: PeerRefused }>('open', details);
  }

  #answered(answer: Answer): void {
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if ('error' in answer) waiting?.reject(new Error(`The peer could not do it: ${answer.error}`));
    else waiting?.resolve(answer.result);
  }
}

/** One WebSocket of a peer. */
export class PeerLink {
  readonly facts: Facts;
  readonly #peer: PythonPeer;

  constructor(peer: PythonPeer, facts: Facts) {
    this.#peer = peer;
    this.facts = facts;
  }

  send(data: Message): Promise<null> {
    return this.#order('send', inWords(data));
  }

  /** One message in several frames. */
  sendFragments(fragments: readonly Message[]): Promise<null> {
    return this.#order('send_fragments', { fragments: fragments.map(inWords) });
  }

  /** The next message, or how the connection ended. */
  async receive(): Promise<Message | PeerClosed> {
    const { text, binary, closed } = await this.#order<Arrived>('receive');
    if (closed !== undefined) return closed;
    return binary === undefined ? (text ?? '') : Buffer.from(binary, 'base64');
  }

  /** The next text messages. */
  async receiveTexts(count: number): Promise<string[]> {
    const arrived = await this.#order<Arrived[]>('receive_all', { count });
    return arrived.map(({ text, ...other }) => text ?? JSON.stringify(other));
  }

  /** Resolves when the pong has come. */
  ping(payload: string): Promise<null> {
    return this.#order('ping', { payload });
  }

  /** The payloads of the pings that came, all of which it has answered. */
  pings(): Promise<string[]> {
    return this.#order('pings');
  }

  close(code = 1000, reason = ''): Promise<null> {
    return this.#order('close', { code, reason });
  }

  abort(): Promise<null> {
    return this.#order('abort');
  }

  #order<Result = null>(what: string, details: object = {}): Promise<Result> {
    return this.#peer.order<Result>(what, { link: this.facts.link, ...details });
  }
}
