// Which addresses may be connected to. A name is judged by every address that it resolves to, in the very lookup whose
// answer is then connected to: a name that changes its mind between a check and the connection gains nothing.
import { lookup as lookUp } from 'node:dns/promises';
import type { LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';
import { PageError } from './page-errors.ts';

export interface ResolvedAddress {
  readonly address: string;
  readonly family: 4 | 6;
}

/** Resolves a host name. What it throws is a `dns_failed`. */
export type ResolveHost = (hostname: string) => Promise<readonly ResolvedAddress[]>;

/** Whether an address that is not public may be connected to all the same. */
export type AllowAddress = (address: string, hostname: string) => boolean;

const resolveBySystem: ResolveHost = async (hostname) =>
  (await lookUp(hostname, { all: true, verbatim: true })) as ResolvedAddress[];

/** Whether an address belongs to the public internet: nothing private, local, reserved or translated. */
export function isPublicAddress(address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.process(address);
  if (parsed.range() !== 'unicast') return false;
  // RFC 4291 §2.4: all of today's global unicast is in 2000::/3; the rest includes IPv4-compatible addresses.
  return parsed instanceof ipaddr.IPv4 || parsed.match(ipaddr.IPv6.parse('2000::'), 3);
}

/** RFC 6761 §6.3: these names mean the loopback address, whatever a name server says. */
const isLocalName = (hostname: string): boolean => /(^|\.)localhost\.?$/i.test(hostname);

const withoutBrackets = (hostname: string): string => hostname.replace(/^\[|\]$/g, '');

/** The rule about addresses, and a lookup that keeps it. */
export class AddressPolicy {
  readonly #allow: AllowAddress;
  readonly #resolve: ResolveHost;

  constructor(allowPrivate: boolean | AllowAddress, resolve: ResolveHost = resolveBySystem) {
    this.#allow = typeof allowPrivate === 'function' ? allowPrivate : () => allowPrivate;
    this.#resolve = resolve;
  }

  mayConnect(address: string, hostname: string): boolean {
    return isPublicAddress(address) || this.#isAllowed(address, hostname);
  }

  /**
   * Whether a host can be refused without asking a name server: an address, which no lookup would ever see, or a name
   * of this machine.
   */
  isForbiddenHost(hostname: string): boolean {
    const address = withoutBrackets(hostname);
    if (ipaddr.isValid(address)) return !this.mayConnect(address, hostname);
    return isLocalName(hostname) && !this.mayConnect('127.0.0.1', hostname);
  }

  /** For `net.connect`: answers with the allowed addresses only, and fails when none is left. */
  readonly lookup: LookupFunction = (hostname, options, callback) => {
    void this.#allowed(hostname).then(
      (addresses) => {
        const [first] = addresses;
        if (options.all) callback(null, [...addresses]);
        else callback(null, first?.address ?? '', first?.family);
      },
      (error: unknown) => callback(error as NodeJS.ErrnoException, ''),
    );
  };

  /** A function that fails has not allowed anything. */
  #isAllowed(address: string, hostname: string): boolean {
    try {
      return this.#allow(address, hostname);
    } catch {
      return false;
    }
  }

  async #allowed(hostname: string): Promise<readonly ResolvedAddress[]> {
    const addresses = await this.#resolved(hostname);
    if (addresses.length === 0) throw new PageError('dns_failed');
    const allowed = addresses.filter(({ address }) => this.mayConnect(address, hostname));
    if (allowed.length === 0) throw new PageError('forbidden_address');
    return allowed;
  }

  async #resolved(hostname: string): Promise<readonly ResolvedAddress[]> {
    try {
      return await this.#resolve(hostname);
    } catch {
      throw new PageError('dns_failed');
    }
  }
}
