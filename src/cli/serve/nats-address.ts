// Where NATS is, as the command line is told: URLs, with credentials if there are any.
import { readFileSync } from 'node:fs';
import { UsageError } from '../io.ts';
import { textOrFile } from '../session/settings.ts';

export interface NatsAddress {
  /** `host:port` each. */
  readonly servers: readonly string[];
  /** Credentials and TLS, as the NATS packages take them. */
  readonly connection: Readonly<Record<string, unknown>>;
}

const DEFAULT_PORT = 4222;

/**
 * `nats://user:password@host:port`, several of a cluster with commas in between, or `@file` with that in it.
 *
 * @throws {UsageError} that does not repeat what may be a secret
 */
export function natsAddress(given: string): NatsAddress {
  const text = textOrFile('--nats', given, (path) => readFileSync(path, 'utf8'))();
  const urls = text.split(',').map((part) => urlOf(part.trim()));
  const [{ username, password }] = urls as [URL, ...URL[]];
  const user = decodeURIComponent(username);
  const credentials = password === '' ? { token: user } : { user, pass: decodeURIComponent(password) };
  return {
    servers: urls.map(({ hostname, port }) => `${hostname}:${port === '' ? DEFAULT_PORT : port}`),
    connection: {
      ...(username !== '' && credentials),
      ...(urls.some(({ protocol }) => protocol === 'tls:') && { tls: {} }),
    },
  };
}

function urlOf(text: string): URL {
  const address = text.includes('://') ? text : `nats://${text}`;
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url !== undefined && url.hostname !== '' && /^(nats|tls):$/.test(url.protocol)) return url;
  throw new UsageError(
    '--nats is wrong: expected one or several of nats://host:port, with commas in between.',
    'Give one such as nats://127.0.0.1:4222, or @file with it.',
  );
}
