// One run of `statewire publish`: one message or the lines of the input, one after the other, each with its outcome.
import { setTimeout as pause } from 'node:timers/promises';
import { ChannelClient } from '../../channels/index.ts';
import { textOf, type ConnectionError } from '../../errors.ts';
import { redactText, redactUrl } from '../../redact.ts';
import { EXIT, type ExitCode, type Io } from '../io.ts';
import { Following, type Follower } from '../session/following.ts';
import { readLines } from '../session/lines.ts';
import type { Problem } from '../session/view.ts';
import { payloadOf } from './payload.ts';
import { problemOf } from './problems.ts';
import type { PublishSettings } from './publish-command.ts';
import { jsonView, textView, type PublicationView } from './publish-views.ts';
import { clientOptionsOf } from './settings.ts';

/** How long a hub that was asked too often is left alone. */
const RATE_PAUSE_MS = 250;

/** Runs until it is over; resolves with the exit code, with nothing left open. */
export const publish = (settings: PublishSettings, io: Io): Promise<ExitCode> =>
  new Publisher(settings, io).run();

class Publisher implements Follower<never> {
  readonly problemOf = problemOf;
  readonly lateRemedy = 'Check that a hub runs at --url, or raise --timeout.';
  /** What others say in the channel is of no interest. */
  readonly source = { on: () => () => undefined };
  readonly codeOfInterrupt = EXIT.interrupted;
  readonly view: PublicationView;
  readonly #settings: PublishSettings;
  readonly #io: Io;
  readonly #client: ChannelClient;
  readonly #following: Following<never>;
  #unpublished = 0;

  constructor(settings: PublishSettings, io: Io) {
    const { timeoutMs, output, isQuiet, url } = settings;
    this.#settings = settings;
    this.#io = io;
    this.#client = new ChannelClient({
      ...clientOptionsOf(settings),
      subscribeTimeoutMs: timeoutMs,
      sendTimeoutMs: timeoutMs,
    });
    this.view = output === 'json' ? jsonView(io) : textView(io, { isQuiet, address: redactUrl(url) });
    this.#following = new Following(
      this.#client.connection,
      { maxMessages: Infinity, connectWithinMs: timeoutMs },
      io,
      this,
    );
  }

  run(): Promise<ExitCode> {
    return this.#following.run(() => void this.#publishAll());
  }

  show(): void {
    // There is nothing to show.
  }

  report(problem: Problem): void {
    this.view.problem(problem);
    this.view.close();
  }

  isGoodbye(): boolean {
    return false;
  }

  get codeOfDone(): ExitCode {
    return this.#unpublished > 0 ? EXIT.failed : EXIT.done;
  }

  async #publishAll(): Promise<void> {
    const { channel, payload } = this.#settings;
    const { signal } = this.#following;
    try {
      await this.#client.subscribe(channel, { signal });
    } catch (thrown) {
      this.#fail(thrown as ConnectionError);
      this.#following.end(EXIT.failed);
      return;
    }
    if (payload === undefined) await this.#publishLines();
    else await this.#publish(payload.value);
    this.#following.end(this.codeOfDone);
  }

  async #publishLines(): Promise<void> {
    try {
      await readLines(this.#io.stdin, this.#following.signal, (line) => this.#publishLine(line));
    } catch (thrown) {
      this.#unpublished += 1;
      const message = `The input failed: ${textOf(thrown)}.`;
      this.view.problem({ code: 'INPUT_FAILED', message, remedy: undefined });
    }
  }

  async #publishLine(line: string): Promise<void> {
    if (line.trim() === '') return;
    const payload = payloadOf(line, this.#settings.isJson);
    if (payload !== undefined) {
      await this.#publish(payload.value);
      return;
    }
    this.#unpublished += 1;
    this.view.problem({
      code: 'INVALID_LINE',
      message: `Not published, because it is no JSON: ${redactText(line)}`,
      remedy: 'Correct it, or leave --json out to send it as {"message": text}.',
    });
  }

  /** Resolves when the outcome is known, whatever it is. */
  async #publish(payload: unknown): Promise<void> {
    const { channel, timeoutMs } = this.#settings;
    const { signal } = this.#following;
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      try {
        const leftMs = Math.max(1, deadline - performance.now());
        this.view.published(await this.#client.publish(channel, payload, { timeoutMs: leftMs, signal }));
        return;
      } catch (thrown) {
        const isPatient = isRateLimit(thrown) && performance.now() + RATE_PAUSE_MS < deadline;
        if (!isPatient || signal.aborted) {
          this.#fail(thrown as ConnectionError);
          return;
        }
      }
      await pause(RATE_PAUSE_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  /** What ended everything is told by whoever ended it. */
  #fail(error: ConnectionError): void {
    this.#unpublished += 1;
    if (!this.#following.signal.aborted && this.#client.state !== 'failed')
      this.view.problem(problemOf(error));
  }
}

/** The hub has not taken the message, and will in a moment. */
const isRateLimit = (thrown: unknown): boolean => {
  const { code, payload } = thrown as {
    readonly code?: unknown;
    readonly payload?: { readonly code?: unknown };
  };
  return code === 'PUBLISH_REFUSED' && payload?.code === 'RATE_LIMITED';
};
