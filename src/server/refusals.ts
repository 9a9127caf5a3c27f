// Refusing a request before anything else happens: a status, a short JSON body, and when to come back.
import { STATUS_CODES, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

export interface Refusal {
  readonly status: number;
  /** For programs. */
  readonly error: string;
  /** For people. */
  readonly message: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const refusal = (
  status: number,
  message: string,
  { error = STATUS_CODES[status] ?? '', ...headers }: Readonly<Record<string, string>> = {},
): Refusal => ({ status, error, message, headers });

const retryAfter = (seconds: number): Record<string, string> => ({
  'Retry-After': String(Math.ceil(seconds)),
});

export const REFUSALS = {
  badRequest: (error: string, message: string) => refusal(400, message, { error }),
  unauthorized: (message: 'Missing API key' | 'Invalid API key') =>
    refusal(401, message, { 'WWW-Authenticate': 'Bearer' }),
  forbiddenOrigin: () => refusal(403, 'Requests from this origin are not accepted'),
  notFound: () => refusal(404, 'There is nothing at this path'),
  methodNotAllowed: (allow: string) => refusal(405, `Use ${allow}`, { Allow: allow }),
  tooLarge: () => refusal(413, 'The request is too large', { Connection: 'close' }),
  upgradeRequired: () =>
    refusal(426, 'This path speaks WebSocket', { Upgrade: 'websocket', Connection: 'Upgrade, close' }),
  tooManyRequests: (seconds: number) => refusal(429, 'Too many requests', retryAfter(seconds)),
  tooManyConnections: (seconds: number) => refusal(429, 'Too many connections', retryAfter(seconds)),
  internal: () => refusal(500, 'The request could not be handled'),
  atCapacity: (seconds: number) => refusal(503, 'The server is at capacity', retryAfter(seconds)),
  shuttingDown: (seconds: number) => refusal(503, 'The server is shutting down', retryAfter(seconds)),
} as const;

const bodyOf = ({ error, message }: Refusal): string => JSON.stringify({ error, message });

export function refuse(response: ServerResponse, refused: Refusal): void {
  const body = bodyOf(refused);
  response
    .writeHead(refused.status, {
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(body),
      ...refused.headers,
    })
    .end(body);
}

/** An upgrade request has no response object; the socket is ended once the answer is written. */
export function refuseUpgrade(socket: Duplex, refused: Refusal): void {
  const body = bodyOf(refused);
  const headers = {
    Connection: 'close',
    'Content-Type': 'application/json',
    'Content-Length': String(Buffer.byteLength(body)),
    ...refused.headers,
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.once('finish', () => socket.destroy());
  socket.end(
    `HTTP/1.1 ${refused.status} ${STATUS_CODES[refused.status] ?? ''}\r\n${lines.join('')}\r\n${body}`,
  );
}
