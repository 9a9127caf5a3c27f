// Paths with parameters, and what is found there.
import { InvalidOptionError } from '../../errors.ts';

/** What a request asks for. */
export interface Target {
  /** The path as it was asked for, without the query. */
  readonly path: string;
  /** The path as it was registered. */
  readonly route: string;
  /** By the names in the route, decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
}

interface Segment {
  readonly text: string;
  readonly isParameter: boolean;
}

interface Place<Found> {
  readonly route: string;
  readonly segments: readonly Segment[];
  readonly found: Found;
}

const PARAMETER = /^:[A-Za-z_]\w*$/;
/** RFC 9112 §3.2.2 and RFC 6455 §4.2.1: what is asked for may be a whole URL. */
const ORIGIN = /^https?:\/\/[^/?]*/i;

/** Places by their routes. Where several match, a fixed segment goes before a parameter, from left to right. */
export class Places<Found> {
  #places: Place<Found>[] = [];

  /** What is at a route, made when it is asked for first. */
  at(route: string, make: () => Found): Found {
    const known = this.#places.find((place) => place.route === route);
    if (known !== undefined) return known.found;
    const place = { route, segments: segmentsOf(route), found: make() };
    this.#places = [...this.#places, place].sort(bySpecificity);
    return place.found;
  }

  /**
   * Everything that matches the URL of a request, the most specific one first.
   *
   * @throws {URIError} for a path with broken percent-encoding
   */
  match(url: string): { readonly found: Found; readonly target: Target }[] {
    const [given, ...rest] = url.replace(ORIGIN, '').split('?');
    const path = given || '/';
    const parts = path.split('/').slice(1).map(decodeURIComponent);
    const search = rest.join('?');
    return this.#places.flatMap(({ route, segments, found }) => {
      const params = paramsOf(segments, parts);
      return params === undefined ? [] : [{ found, target: new Asked(path, route, params, search) }];
    });
  }
}

/** Most handlers never look at the query. */
class Asked implements Target {
  readonly path: string;
  readonly route: string;
  readonly params: Readonly<Record<string, string>>;
  #query: string | URLSearchParams;

  constructor(path: string, route: string, params: Readonly<Record<string, string>>, search: string) {
    this.path = path;
    this.route = route;
    this.params = params;
    this.#query = search;
  }

  get query(): URLSearchParams {
    if (typeof this.#query === 'string') this.#query = new URLSearchParams(this.#query);
    return this.#query;
  }
}

function segmentsOf(route: string): Segment[] {
  const segments = route
    .split('/')
    .slice(1)
    .map((text) => ({ text, isParameter: text.startsWith(':') }));
  const names = segments.filter(({ isParameter }) => isParameter).map(({ text }) => text);
  const isRight =
    /^\/[^?#*]*$/.test(route) &&
    names.every((name) => PARAMETER.test(name)) &&
    new Set(names).size === names.length;
  if (isRight) return segments;
  const expected = 'a path such as `/rooms/:id`, without query, wildcard or a parameter that comes twice';
  throw new InvalidOptionError('path', expected, route);
}

function paramsOf(
  segments: readonly Segment[],
  parts: readonly string[],
): Record<string, string> | undefined {
  if (segments.length !== parts.length) return undefined;
  const params: [string, string][] = [];
  for (const [index, { text, isParameter }] of segments.entries()) {
    const part = parts[index] ?? '';
    if (isParameter && part !== '') params.push([text.slice(1), part]);
    else if (part !== text) return undefined;
  }
  return Object.fromEntries(params);
}

/** By length first: a path matches routes of its own length only, and all that sort equal must be equal to each other. */
function bySpecificity(one: Place<unknown>, other: Place<unknown>): number {
  if (one.segments.length !== other.segments.length) return one.segments.length - other.segments.length;
  for (const [index, { isParameter }] of one.segments.entries()) {
    const difference = Number(isParameter) - Number(other.segments[index]?.isParameter ?? isParameter);
    if (difference !== 0) return difference;
  }
  return 0;
}
