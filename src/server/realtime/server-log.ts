// What a realtime server tells its owner: by the logger, or, of failures, by a warning of the process.
import { textOf } from '../../errors.ts';
import type { Logger } from '../../options.ts';
import { SessionError } from './errors.ts';
import type { Target } from './places.ts';

type Fields = Readonly<Record<string, unknown>>;

/** What Node's own functions throw when the signal of a session ends them has what it was aborted with as its cause. */
export function isEndOfSession(thrown: unknown): boolean {
  const reason = thrown instanceof Error && thrown.name === 'AbortError' ? thrown.cause : thrown;
  return reason instanceof SessionError && reason.code === 'SESSION_CLOSED';
}

export class ServerLog {
  readonly #logger: Logger | undefined;

  constructor(logger: Logger | undefined) {
    this.#logger = logger;
  }

  info(message: string, fields: Fields): void {
    this.#try(() => this.#logger?.info(message, fields));
  }

  handlerFailed({ route }: Target, thrown: unknown): void {
    this.#failed('A handler failed', { route, error: textOf(thrown) });
  }

  sessionFailed({ route }: Target, thrown: unknown): void {
    this.#failed('A session crashed', { route, error: textOf(thrown) });
  }

  serverFailed(thrown: unknown): void {
    this.#failed('The server failed', { error: textOf(thrown) });
  }

  hookFailed(hook: string, thrown: unknown): void {
    this.#failed(`The function given as ${hook} failed`, { error: textOf(thrown) });
  }

  #failed(message: string, fields: Fields): void {
    const logger = this.#logger;
    if (logger === undefined)
      process.emitWarning(`${message}: ${JSON.stringify(fields)}`, 'StatewireWarning');
    else this.#try(() => logger.error(message, fields));
  }

  /** A logger that fails must not cost anybody the connection. */
  #try(log: () => void): void {
    try {
      log();
    } catch {
      // There is nobody to tell.
    }
  }
}
