// What each option must look like, one row each: types do not reach callers who write JavaScript.
import { InvalidOptionError } from './errors.ts';
import type { ConnectionOptions } from './options.ts';
import { checkHeaders, checkProtocols, isProvider } from './providers.ts';

type Options = ConnectionOptions<never, never, never, never>;
type Check = readonly [name: keyof Options, isRight: (value: unknown) => boolean, expected: string];

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null;

const has =
  (...methods: readonly string[]) =>
  (value: unknown): boolean =>
    isObject(value) &&
    methods.every((name) => typeof (value as Record<string, unknown>)[name] === 'function');

const isGroup = (value: unknown): boolean => isObject(value) && !Array.isArray(value);
const isGroupOrOff = (value: unknown): boolean => value === false || isGroup(value);

const isNameOrPattern = (value: unknown): boolean =>
  value instanceof RegExp || (typeof value === 'string' && /[^\s$._-]/.test(value));

const CHECKS: readonly Check[] = [
  ['protocol', has('encode', 'decode'), 'a protocol: an object with encode() and decode()'],
  ['resume', isProvider, 'a function'],
  ['retry', isGroupOrOff, 'an object, or false'],
  ['heartbeat', isGroupOrOff, 'an object, or false'],
  ['outbox', isGroup, 'an object'],
  ['timeouts', isGroup, 'an object'],
  ['webSocket', isGroup, 'an object'],
  ['transport', has('open'), 'a transport: an object with open()'],
  ['surroundings', has('isOnline', 'subscribe'), 'an object with isOnline() and subscribe()'],
  [
    'clock',
    has('now', 'setTimeout', 'clearTimeout'),
    'an object with now(), setTimeout() and clearTimeout()',
  ],
  ['random', isProvider, 'a function'],
  ['logger', has('debug', 'info', 'warn', 'error'), 'an object with debug(), info(), warn() and error()'],
  ['name', (value) => typeof value === 'string', 'a string'],
  ['recorder', (value) => value === false || has('next', 'recording')(value), 'a recorder(), or false'],
  [
    'redact',
    (value) => Array.isArray(value) && value.every(isNameOrPattern),
    'a list of names and regular expressions',
  ],
  ['inspect', (value) => isProvider(value) || has('next')(value), 'a function, or an object with next()'],
];

/** @throws {InvalidOptionError} for the first option that is given and cannot be meant */
export function checkOptions(options: object): void {
  const given = options as Options;
  for (const [name, isRight, expected] of CHECKS) {
    const value: unknown = given[name];
    if (value !== undefined && !isRight(value)) throw new InvalidOptionError(name, expected, value);
  }
  if (given.headers !== undefined && !isProvider(given.headers)) checkHeaders(given.headers);
  if (given.protocols !== undefined && !isProvider(given.protocols)) checkProtocols(given.protocols);
}
