// Listeners by the name of a message, or by a pattern of names. Names come from the wire and are nothing but names:
// no `error`, `__proto__` or `constructor` among them means anything here.
import type { ReportFailure, Unsubscribe } from './emitter.ts';

/** What it throws, or rejects with, is reported; the other listeners still run. */
export type RouteListener<Message> = (message: Message) => unknown;

interface Route<Message> {
  readonly pattern: string;
  readonly matches: (name: string) => boolean;
  readonly listener: RouteListener<Message>;
  readonly isOnce: boolean;
}

const isWildcard = (pattern: string): boolean =>
  pattern === '*' || pattern === '**' || pattern.endsWith('.*') || pattern.endsWith('.**');

/**
 * Compiles a pattern: `*` matches every name, `a.*` the names one level below `a`, `a.**` those of any level below it,
 * anything else the one name that it is. Nothing backtracks, however long a name is.
 */
export function matcherOf(pattern: string): (name: string) => boolean {
  if (!isWildcard(pattern)) return (name) => name === pattern;
  const prefix = pattern.slice(0, pattern.lastIndexOf('.') + 1);
  if (prefix === '') return () => true;
  const isBelow = (name: string) => name.length > prefix.length && name.startsWith(prefix);
  if (pattern.endsWith('**')) return isBelow;
  return (name) => isBelow(name) && !name.includes('.', prefix.length);
}

/** Hands each message to the listeners of its name, in the order of their registration, then to those of patterns. */
export class EventRouter<Message> {
  /** A Map, so that a name may be `__proto__`; lists are replaced, never changed, so that a dispatch sees one. */
  readonly #named = new Map<string, readonly Route<Message>[]>();
  #wildcards: readonly Route<Message>[] = [];
  readonly #report: ReportFailure;

  constructor(report: ReportFailure) {
    this.#report = report;
  }

  on(pattern: string, listener: RouteListener<Message>): Unsubscribe {
    return this.#add({ pattern, listener, matches: matcherOf(pattern), isOnce: false });
  }

  /** For the first message that matches. */
  once(pattern: string, listener: RouteListener<Message>): Unsubscribe {
    return this.#add({ pattern, listener, matches: matcherOf(pattern), isOnce: true });
  }

  off(pattern: string, listener: RouteListener<Message>): void {
    const found = this.#routesOf(pattern).find(
      (route) => route.pattern === pattern && route.listener === listener,
    );
    if (found !== undefined) this.#remove(found);
  }

  emit(name: string, message: Message): void {
    const wildcards = this.#wildcards;
    for (const route of this.#named.get(name) ?? []) this.#call(route, name, message);
    for (const route of wildcards) {
      if (route.matches(name)) this.#call(route, name, message);
    }
  }

  #routesOf(pattern: string): readonly Route<Message>[] {
    return isWildcard(pattern) ? this.#wildcards : (this.#named.get(pattern) ?? []);
  }

  #add(route: Route<Message>): Unsubscribe {
    this.#replace(route.pattern, [...this.#routesOf(route.pattern), route]);
    return () => void this.#remove(route);
  }

  /** Returns whether the route was still there. */
  #remove(route: Route<Message>): boolean {
    const routes = this.#routesOf(route.pattern);
    if (!routes.includes(route)) return false;
    this.#replace(
      route.pattern,
      routes.filter((other) => other !== route),
    );
    return true;
  }

  #replace(pattern: string, routes: readonly Route<Message>[]): void {
    if (isWildcard(pattern)) this.#wildcards = routes;
    else if (routes.length === 0) this.#named.delete(pattern);
    else this.#named.set(pattern, routes);
  }

  #call(route: Route<Message>, name: string, message: Message): void {
    if (route.isOnce && !this.#remove(route)) return;
    try {
      const result = route.listener(message);
      if (result instanceof Promise) result.catch((thrown: unknown) => this.#report(name, thrown));
    } catch (thrown) {
      this.#report(name, thrown);
    }
  }
}
