// Upgrades that are none for us: such a request is given back to its HTTP server, as if it had not asked for one.
import type { IncomingMessage, Server } from 'node:http';

const HOP_BY_HOP = /^(?:upgrade|http2-settings)$/i;

export const isForWebSocket = ({ headers }: IncomingMessage): boolean =>
  headers.upgrade?.toLowerCase() === 'websocket';

type ShouldUpgrade = (request: IncomingMessage) => boolean;

/**
 * RFC 9110 §7.8: a server may ignore an upgrade that it does not want; `curl --http2` and the HttpClient of Java offer h2c
 * with every first request. From version 22 on Node asks before it takes a request for an upgrade. Returns what undoes it.
 */
export function leaveOrdinary(server: Server, isOrdinary: ShouldUpgrade): () => void {
  const asked = server as { shouldUpgradeCallback?: ShouldUpgrade };
  const before = asked.shouldUpgradeCallback;
  if (before === undefined) return () => undefined;
  const shouldUpgrade: ShouldUpgrade = (request) => !isOrdinary(request) && before.call(server, request);
  asked.shouldUpgradeCallback = shouldUpgrade;
  return () => {
    if (asked.shouldUpgradeCallback === shouldUpgrade) asked.shouldUpgradeCallback = before;
  };
}

/** Node 20 does not ask, and has stopped parsing by then: the connection begins anew with the same request. */
export function answerWithoutUpgrade(server: Server, request: IncomingMessage, head: Buffer): void {
  const { method = '', url = '', httpVersion, socket } = request;
  const lines = [`${method} ${url} HTTP/${httpVersion}`, ...headersOf(request), '', ''];
  socket.unshift(Buffer.concat([Buffer.from(lines.join('\r\n'), 'latin1'), head]));
  server.emit('setSecureContext' in server ? 'secureConnection' : 'connection', socket);
}

function headersOf({ rawHeaders }: IncomingMessage): string[] {
  return rawHeaders.flatMap((name, index) => {
    const value = rawHeaders[index + 1] ?? '';
    if (index % 2 === 1 || HOP_BY_HOP.test(name)) return [];
    return name.toLowerCase() === 'connection' ? withoutUpgrade(value) : `${name}: ${value}`;
  });
}

function withoutUpgrade(connection: string): string[] {
  const options = connection.split(',').map((option) => option.trim());
  const kept = options.filter((option) => !HOP_BY_HOP.test(option));
  return kept.length === 0 ? [] : [`Connection: ${kept.join(', ')}`];
}
