// The headers of a page that this package serves: it may load and run only what is from its own server.

export interface PageHeaderOptions {
  /** Of the request: not every browser takes 'self' to mean the WebSockets of the same host too. */
  readonly host: string | undefined;
  readonly cacheControl: 'no-store' | 'no-cache';
  /** Origins, beside our own, that the page may embed. */
  readonly frames?: string;
}

/** All but those of the content itself, with lower-case names. */
export const pageHeaders = ({
  host,
  cacheControl,
  frames,
}: PageHeaderOptions): Readonly<Record<string, string>> => ({
  'content-security-policy': policyFor(host, frames),
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cache-control': cacheControl,
});

/** A name or an address, and perhaps a port: nothing that would end the directive that it is put into. */
const HOST = /^(?:[\w.-]+|\[[\da-f:.]+\])(?::\d+)?$/i;

function policyFor(host: string | undefined, frames: string | undefined): string {
  const sockets = host !== undefined && HOST.test(host) ? ` ws://${host} wss://${host}` : '';
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    `connect-src 'self'${sockets}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    ...(frames === undefined ? [] : [`frame-src ${frames}`]),
  ].join('; ');
}
