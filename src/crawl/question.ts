// A question to the server, `ping` or `status`, as a guest among crawls, and the time that its answer took.
import type { Clock } from '../clock.ts';
import { deferred } from '../deferred.ts';
import { redactText } from '../redact.ts';
import { StreamingError } from './errors.ts';
import type { Guest, Lane } from './lane.ts';
import type { Pool } from './pool.ts';
import type { CrawlEvent } from './results.ts';

export interface AskOptions {
  /** Aborting ends the call with the signal's reason. */
  readonly signal?: AbortSignal;
}

type Asked = 'ping' | 'status';
const ANSWERS = { ping: 'pong', status: 'status' } as const;

export interface Answer<Question extends Asked> {
  readonly data: Extract<CrawlEvent, { type: (typeof ANSWERS)[Question] }>['data'];
  /** From the question, when it was sent, to its answer. */
  readonly latencyMs: number;
  readonly lane: Lane;
}

/** @throws {StreamingError} when there is no answer, or another one @throws the signal's reason */
export async function ask<Question extends Asked>(
  pool: Pool,
  asked: Question,
  { signal }: AskOptions,
): Promise<Answer<Question>> {
  signal?.throwIfAborted();
  const question = new PendingQuestion<Question>(pool, asked);
  const abort = () => question.fail(signal?.reason);
  signal?.addEventListener('abort', abort, { once: true });
  try {
    // What is asked is how a connection is: it is the one that there is, busy or not.
    pool.enter(question, asked === 'status' ? 'present' : 'any');
    return await question.answer;
  } finally {
    signal?.removeEventListener('abort', abort);
    question.leave();
  }
}

class PendingQuestion<Question extends Asked> implements Guest {
  readonly #pool: Pool;
  readonly #clock: Clock;
  readonly #asked: Question;
  readonly #answer = deferred<Answer<Question>>();
  #lane: Lane | undefined;
  #requestId: string | undefined;
  #sentAt: number | undefined;
  #timer: unknown;
  #how: 'done' | 'underWay' = 'done';

  constructor(pool: Pool, asked: Question) {
    this.#pool = pool;
    this.#clock = pool.settings.clock;
    this.#asked = asked;
  }

  get answer(): Promise<Answer<Question>> {
    return this.#answer.promise;
  }

  admitted(lane: Lane): void {
    this.#lane = lane;
  }

  receive(event: CrawlEvent): undefined {
    const lane = this.#lane;
    if (lane === undefined) return;
    if (event.type === 'welcome') this.#send(lane);
    else if (this.#isAnswer(event)) this.#hear(event, lane);
  }

  fail(reason: unknown): void {
    const isNews = reason instanceof Error && 'code' in reason;
    const { message } = reason as Error;
    this.#answer.reject(
      isNews ? this.#missing(`there is no connection: ${message}`, { cause: reason }) : reason,
    );
  }

  leave(): void {
    this.#clock.clearTimeout(this.#timer);
    this.#pool.leave(this, this.#how);
  }

  #send(lane: Lane): void {
    const { requestTimeoutMs } = this.#pool.settings;
    this.#clock.clearTimeout(this.#timer);
    this.#timer = this.#clock.setTimeout(
      () => this.#answer.reject(this.#missing(`none came within ${requestTimeoutMs} ms.`)),
      requestTimeoutMs,
    );
    this.#how = 'underWay';
    this.#sentAt = this.#clock.now();
    this.#requestId = lane.ask(this, { request_type: this.#asked, data: {} });
  }

  /** Where answers bear no id, whatever comes next is the answer. */
  #isAnswer({ requestId, type }: CrawlEvent): boolean {
    return (
      this.#sentAt !== undefined &&
      requestId === this.#requestId &&
      (type !== 'unreadable' || !this.#isShared)
    );
  }

  get #isShared(): boolean {
    return this.#requestId !== undefined;
  }

  #hear(event: CrawlEvent, lane: Lane): void {
    this.#how = 'done';
    const { data } = event;
    if (event.type === ANSWERS[this.#asked])
      this.#answer.resolve({
        data: data as Answer<Question>['data'],
        latencyMs: this.#clock.now() - (this.#sentAt ?? 0),
        lane,
      });
    else {
      const said =
        event.type === 'error'
          ? `the server said: ${redactText(event.data.message)}`
          : `a ${event.type} came instead.`;
      this.#answer.reject(this.#missing(said, { payload: data }));
    }
  }

  #missing(
    why: string,
    extras: { readonly cause?: unknown; readonly payload?: unknown } = {},
  ): StreamingError {
    const details = { question: this.#asked, explanation: why };
    return new StreamingError('ANSWER_MISSING', { details, ...extras });
  }
}
