// Who may have a session: by origin, by numbers, and by the user's own judgement, in the order of what it costs us.
import { STATUS_CODES, type IncomingMessage } from 'node:http';
import { InvalidOptionError } from '../../errors.ts';
import { isOriginAllowed } from '../access.ts';
import { Admission } from '../admission.ts';
import { REFUSALS, type Refusal } from '../refusals.ts';
import type { RealtimeSettings } from './options.ts';
import type { Target } from './places.ts';

export interface AccessRefusedOptions {
  /** When to come back, for a 429 or 503, in milliseconds. */
  readonly retryAfterMs?: number;
}

/**
 * Returned or thrown by `authenticate`: refuses the request with a status and a JSON body of `error` and `message`.
 *
 * @throws {InvalidOptionError} when the status is none from 400 to 599, or `retryAfterMs` is no time
 */
export class AccessRefused extends Error implements Refusal {
  override readonly name: string = 'AccessRefused';
  readonly status: number;
  readonly error: string;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, message: string, { retryAfterMs }: AccessRefusedOptions = {}) {
    super(message);
    if (!Number.isInteger(status) || status < 400 || status > 599)
      throw new InvalidOptionError('status', 'an HTTP status from 400 to 599', status);
    if (retryAfterMs !== undefined && !(retryAfterMs >= 0 && retryAfterMs < Infinity))
      throw new InvalidOptionError('retryAfterMs', 'a finite number of at least 0', retryAfterMs);
    this.status = status;
    this.error = STATUS_CODES[status] ?? 'Refused';
    this.headers = {
      ...(status === 401 && { 'WWW-Authenticate': 'Bearer' }),
      ...(retryAfterMs !== undefined && { 'Retry-After': String(Math.ceil(retryAfterMs / 1000)) }),
    };
  }
}

export type Verdict = { readonly refusal: Refusal } | { readonly identity: unknown };

const SHUTDOWN_RETRY_S = 5;

export class Door {
  readonly #settings: RealtimeSettings;
  readonly #admission: Admission;
  readonly #onFailed: (thrown: unknown) => void;
  #isClosed = false;

  constructor(settings: RealtimeSettings, onFailed: (thrown: unknown) => void) {
    this.#settings = settings;
    this.#onFailed = onFailed;
    this.#admission = new Admission(finite(settings.limits), settings.clock);
  }

  /** Nobody comes in any more. */
  close(): void {
    this.#isClosed = true;
  }

  /** The refusal of whoever is not waited for, however long it takes to judge. */
  get impatience(): Refusal {
    return this.#isClosed
      ? REFUSALS.shuttingDown(SHUTDOWN_RETRY_S)
      : new AccessRefused(503, 'Too slow to judge');
  }

  isOriginAllowed({ headers }: IncomingMessage): boolean {
    const { origins } = this.#settings;
    if (isOriginAllowed(headers, origins)) return true;
    const host = hostOf(headers.origin);
    return origins.includes('same-origin') && host !== undefined && host === headers.host?.toLowerCase();
  }

  /** A refusal, or what is to be called when the session has ended. */
  enter(request: IncomingMessage): Refusal | (() => void) {
    if (this.#isClosed) return REFUSALS.shuttingDown(SHUTDOWN_RETRY_S);
    if (!this.isOriginAllowed(request)) return REFUSALS.forbiddenOrigin();
    try {
      const address = this.#settings.addressOf(request);
      return this.#admission.request(address) ?? this.#admission.enter(address);
    } catch (thrown) {
      this.#onFailed(thrown);
      return REFUSALS.internal();
    }
  }

  /** Asks the user. Never rejects. */
  async judge(request: IncomingMessage, target: Target): Promise<Verdict> {
    const { authenticate } = this.#settings;
    if (authenticate === undefined) return { identity: undefined };
    try {
      const identity = await authenticate(request, target);
      if (identity instanceof AccessRefused) return { refusal: identity };
      const isNobody = identity === false || identity === null || identity === undefined;
      return isNobody
        ? { refusal: new AccessRefused(401, 'Credentials are missing or wrong') }
        : { identity };
    } catch (thrown) {
      if (thrown instanceof AccessRefused) return { refusal: thrown };
      this.#onFailed(thrown);
      return { refusal: REFUSALS.internal() };
    }
  }
}

function hostOf(origin: string | undefined): string | undefined {
  return origin !== undefined && URL.canParse(origin) ? new URL(origin).host : undefined;
}

/** A bucket that is filled with infinity loses count. */
function finite(limits: RealtimeSettings['limits']): RealtimeSettings['limits'] {
  const { requestsPerSecond, requestBurst } = limits;
  return {
    ...limits,
    requestsPerSecond: Math.min(requestsPerSecond, Number.MAX_SAFE_INTEGER),
    requestBurst: Math.min(requestBurst, Number.MAX_SAFE_INTEGER),
  };
}
