// The errors made from the table of everything that can go wrong. Match on `code`: it is stable, and `instanceof`
// breaks when two copies of a package are installed.
import type { Failure } from '../machines/index.ts';
import { ERRORS, type Details, type ErrorCode } from './error-table.ts';
import { redactClean, redactText, type Redactor } from './redact.ts';

export { ERRORS, type Details, type ErrorCode };
export interface ErrorExtras {
  readonly details?: Details;
  /** Kept as it is, unless a secret is seen in it: then the error's `cause` is a copy without it. */
  readonly cause?: unknown;
  /** What the server said, as it said it, but for secrets. */
  readonly payload?: unknown;
}

/** Base class of every error of statewire. */
export class ConnectionError extends Error {
  override readonly name: string = 'ConnectionError';
  /** Stable, for programs: a row of the table in the README. */
  readonly code: ErrorCode;
  /** Whether the same call may succeed later without a change on the caller's side. */
  readonly retryable: boolean;
  /** The first thing to do about it. */
  readonly remedy: string;
  /** The figures in the message, as data. */
  readonly details: Details;
  /** What the server said, where it said something. */
  readonly payload: unknown;

  constructor(code: ErrorCode, extras: ErrorExtras = {}) {
    const { retryable, message, remedy } = ERRORS[code];
    const details = extras.details ?? {};
    const cause = redactClean(extras.cause);
    super(message(details), cause === undefined ? undefined : { cause });
    this.code = code;
    this.retryable = retryable;
    this.remedy = remedy;
    this.details = details;
    this.payload = redactClean(extras.payload);
  }

  /** For logs: all but the payload and the stack; of the cause, its text. */
  toJSON(): Readonly<Record<string, unknown>> {
    const { name, code, message, retryable, remedy, details, cause } = this;
    return {
      name,
      code,
      message,
      retryable,
      remedy,
      details,
      ...(cause !== undefined && { cause: textOf(cause) }),
    };
  }
}

/** A wrong argument: thrown at the call, before anything happened. */
export class InvalidOptionError extends ConnectionError {
  override readonly name: string = 'InvalidOptionError';

  constructor(name: string, expected: string, actual: unknown) {
    super('INVALID_OPTION', { details: { name: `\`${name}\``, expected, actual: describe(actual) } });
  }
}

/** A message that was not delivered, or of which nobody knows. */
export class DeliveryError extends ConnectionError {
  override readonly name: string = 'DeliveryError';
}

/** A value for an error message: its type and, where it is short and cannot be a secret, itself. */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint')
    return `\`${String(value)}\` (${typeof value})`;
  if (typeof value === 'string') return `a string of ${String(value.length)} characters`;
  return Array.isArray(value) ? 'an array' : `${/^[aeiou]/.test(typeof value) ? 'an' : 'a'} ${typeof value}`;
}

/** The text of something that was thrown, whatever it is, without what looks like a secret in it. Never throws. */
export function textOf(thrown: unknown): string {
  try {
    if (thrown instanceof Error) return redactText(thrown.message || thrown.name);
    return typeof thrown === 'string' ? redactText(thrown) : describe(thrown);
  } catch {
    return 'an error that cannot be read';
  }
}

/** What an error says of something that was thrown, without the secrets in it. */
export const blame = (thrown: unknown, redactor: Redactor, details: Details = {}): ErrorExtras => ({
  details: { ...details, cause: redactor.text(textOf(thrown)) },
  cause: redactor.clean(thrown),
});

/** What belongs to a failure but must not enter a snapshot: the original error, the server's payload. */
const attachments = new WeakMap<Failure, Pick<ErrorExtras, 'cause' | 'payload'>>();

export function makeFailure(
  code: ErrorCode,
  cure: Failure['cure'],
  { details = {}, ...attached }: ErrorExtras = {},
): Failure {
  const failure: Failure = { code, cure, details };
  attachments.set(failure, attached);
  return failure;
}

/** The words of the machine, which are nobody's secret, whatever somebody's secret is. */
const OUR_WORDS: ReadonlySet<string> = new Set(['phase', 'option']);

/** A failure without the secrets that somebody's words in it may repeat: the server's, a function's, the platform's. */
export function redactFailure(failure: Failure, redactor: Redactor): Failure {
  const { code, cure } = failure;
  const { cause, payload } = attachments.get(failure) ?? {};
  const details = Object.fromEntries(
    Object.entries(failure.details).map(([name, said]) =>
      typeof said === 'string' && !OUR_WORDS.has(name) ? [name, redactor.text(said)] : [name, said],
    ),
  );
  return makeFailure(code as ErrorCode, cure, {
    details,
    cause: redactor.clean(cause),
    payload: redactor.clean(payload),
  });
}

/** One failure is one error, whoever is told of it. */
const errors = new WeakMap<Failure, ConnectionError>();

/** The error of a failure, with the original error as its `cause`. */
export function toError(failure: Failure): ConnectionError {
  const known = errors.get(failure);
  if (known !== undefined) return known;
  const code = Object.hasOwn(ERRORS, failure.code) ? (failure.code as ErrorCode) : 'INTERNAL_ERROR';
  const error = new ConnectionError(code, { details: failure.details, ...attachments.get(failure) });
  errors.set(failure, error);
  return error;
}
