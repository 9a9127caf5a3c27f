// What the end of a link means: from close codes, HTTP statuses and platform errors to a failure and its cure.
import { cureOfClose, type Cure, type Failure, type Phase } from '../machines/index.ts';
import { makeFailure, textOf, type Details, type ErrorCode, type ErrorExtras } from './errors.ts';
import type { LinkEnd } from './transports/transport.ts';

/** A server's wish to be left alone is honoured up to here. */
const MAX_RETRY_AFTER_MS = 300_000;

/** OpenSSL's and Node's names for a certificate that does not convince. */
const CERTIFICATE_ERROR =
  /^(CERT_|ERR_TLS_CERT|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_(GET|VERIFY|DECRYPT|DECODE)|INVALID_(CA|PURPOSE)$|HOSTNAME_MISMATCH$|PATH_LENGTH_EXCEEDED$|ERROR_IN_CERT_)/;

const codeOf = (thrown: unknown): string => {
  const { code } = (thrown ?? {}) as { code?: unknown };
  return typeof code === 'string' ? code : '';
};

/** The part of a protocol that knows what a close means to it. */
export interface Classifier {
  classifyClose?(code: number, reason: string, phase: Phase): Cure | undefined;
}

/** An attempt whose socket never opened. */
export function failureOfAttempt(end: LinkEnd): Failure {
  if (end.failure !== undefined) return failureOfTransport(end.failure, 'connecting', end);
  if (end.httpStatus !== undefined) return failureOfStatus(end.httpStatus, end);
  const details = { phase: 'connecting', ...causeOf(end) };
  const isCertificate = CERTIFICATE_ERROR.test(codeOf(end.error));
  return isCertificate
    ? makeFailure('TLS_FAILED', 'stop', { details, cause: end.error })
    : makeFailure('CONNECT_FAILED', 'retry', { details, cause: end.error });
}

/** The transport knows itself what its end means. */
const failureOfTransport = ({ code, cure, details }: Failure, phase: Phase, end: LinkEnd): Failure =>
  makeFailure(code as ErrorCode, cure, { details: { phase, ...details }, ...said(end) });

/** What the platform and the server said of an end. */
const said = ({ error, payload }: LinkEnd): Pick<ErrorExtras, 'cause' | 'payload'> => ({
  cause: error,
  ...(payload !== undefined && { payload }),
});

function failureOfStatus(httpStatus: number, end: LinkEnd): Failure {
  const retryAfterMs = parseRetryAfter(end.retryAfter);
  const details = { phase: 'connecting', httpStatus, ...(retryAfterMs !== undefined && { retryAfterMs }) };
  return makeFailure('UPGRADE_REJECTED', cureOfStatus(httpStatus), { details, ...said(end) });
}

/**
 * What helps after an HTTP status that opens neither a WebSocket nor an event stream. 404 comes while a server is being
 * deployed; 401 and 403 may be cured by fresh credentials.
 */
export function cureOfStatus(status: number): Cure {
  if (status === 401 || status === 403) return 'refresh';
  return status >= 500 || [404, 408, 425, 429].includes(status) ? 'retry' : 'stop';
}

/** A session, or a handshake, that the link's end cut short. */
export function failureOfSession(end: LinkEnd, phase: Phase, protocol: Classifier): Failure {
  const { closeCode, closeReason } = end;
  if (end.failure !== undefined) return failureOfTransport(end.failure, phase, end);
  const classified = protocol.classifyClose?.(closeCode, closeReason, phase);
  if (closeCode === 1006) {
    // What ws itself refuses to read (RFC 6455 violations, messages too long) would kill the next session too.
    const fallback = codeOf(end.error).startsWith('WS_ERR_') ? 'retryOnce' : 'retry';
    const details = { phase, closeCode, ...causeOf(end) };
    return makeFailure('LINK_LOST', classified ?? fallback, { details, cause: end.error });
  }
  const details = { phase, closeCode, ...(closeReason !== '' && { closeReason }) };
  return makeFailure('CLOSED_BY_PEER', classified ?? cureOfClose(closeCode), { details, cause: end.error });
}

const causeOf = ({ error }: LinkEnd): Details => {
  if (error === undefined) return {};
  const text = textOf(error);
  const code = codeOf(error);
  return { cause: code === '' || text.includes(code) ? text : `${code}: ${text}` };
};

// RFC 9110 §5.6.7. `Date.parse` alone takes nearly anything for a date.
const HTTP_DATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/** RFC 9110 §10.2.3: seconds or a date. Rubbish and the past are no hint at all. */
export function parseRetryAfter(header: string | undefined, wallClock = Date.now): number | undefined {
  if (header === undefined) return undefined;
  const text = header.trim();
  if (!/^\d+$/.test(text) && !HTTP_DATE.test(text)) return undefined;
  const ms = /^\d+$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - wallClock();
  return ms > 0 ? Math.min(ms, MAX_RETRY_AFTER_MS) : undefined;
}
