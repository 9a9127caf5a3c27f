// Who may ask: only whoever is on this machine, and of web pages only our own. A page of a foreign origin could reach
// 127.0.0.1 too, directly or by a name of its own that resolves to it (DNS rebinding).
import type { IncomingMessage } from 'node:http';

type Asking = Pick<IncomingMessage, 'headers'>;

export class Access {
  readonly #hosts: ReadonlySet<string>;
  readonly #ownOrigins: ReadonlySet<string>;
  readonly #allowedOrigins: ReadonlySet<string>;

  constructor(port: number, allowOrigins: readonly string[]) {
    const names = ['127.0.0.1', 'localhost'];
    // Clients leave out the port that HTTP has by default.
    const hosts = names.flatMap((name) => [`${name}:${port}`, ...(port === 80 ? [name] : [])]);
    this.#hosts = new Set(hosts);
    this.#ownOrigins = new Set(hosts.map((host) => `http://${host}`));
    this.#allowedOrigins = new Set(allowOrigins);
  }

  /** Why a request is refused; `undefined` when it is not. */
  refusalOf({ headers: { host, origin } }: Asking): string | undefined {
    if (!this.#isOwnHost(host))
      return `This server answers to 127.0.0.1 and localhost only, not to ${quoted(host)}.`;
    if (origin !== undefined && !this.#ownOrigins.has(origin))
      return `A page of ${quoted(origin)} may not read this.`;
    return undefined;
  }

  /** The same for a page of the live view, which always tells where it comes from. */
  refusalOfViewer(request: Asking): string | undefined {
    if (request.headers.origin === undefined) return 'Only the page of this server may look.';
    return this.refusalOf(request);
  }

  /** The same for an application that wants to be looked at: Node tells no origin, a page's must have been allowed. */
  refusalOfApplication({ headers: { host, origin } }: Asking): string | undefined {
    if (!this.#isOwnHost(host))
      return `This server answers to 127.0.0.1 and localhost only, not to ${quoted(host)}.`;
    if (origin === undefined || this.#allowedOrigins.has(origin)) return undefined;
    return `A page of ${quoted(origin)} may not send here: start the server with --allow-origin ${quoted(origin)}.`;
  }

  #isOwnHost(host: string | undefined): boolean {
    return host !== undefined && this.#hosts.has(host.toLowerCase());
  }
}

/** A stranger's text: short, and without what a terminal would obey. */
const quoted = (text: string | undefined): string =>
  (text ?? 'nobody').slice(0, 200).replaceAll(/[^\x21-\x7e]/g, '?');
