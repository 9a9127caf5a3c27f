// The chart of an XState 5 machine in the words of XState 4, as plain data: what a viewer of that time can draw.

import { redactData } from '../redact.ts';
import { toPlain } from './plain.ts';

/** What a `meta` may take up, in characters of JSON. */
const MAX_META_CHARS = 65_536;

type Fields = Readonly<Record<string, unknown>>;

/** Where a state node is, from the root, and how the ids of the chart are found. */
interface Place {
  readonly path: readonly string[];
  readonly chart: Chart;
}

interface Chart {
  readonly id: string;
  readonly paths: ReadonlyMap<string, readonly string[]>;
}

/**
 * The configuration of a machine for XState 4: `guard` becomes `cond`, functions become names, a transition says
 * `internal` wherever the two generations differ on what it leaves.
 */
export function toXState4Config(config: object): Fields {
  const root = { id: '(machine)', ...config };
  const chart = { id: root.id, paths: new Map(pathsBelow(root, root.id, [])) };
  // Without the last one, XState 4 prints a warning to whoever looks.
  return { ...nodeOf(root, { path: [], chart }), context: {}, predictableActionArguments: true };
}

/** Every id of the chart with the path of its state. */
function pathsBelow(node: Fields, rootId: string, path: readonly string[]): [string, readonly string[]][] {
  const below = Object.entries(fieldsOf(node['states']));
  return [
    [idOf(node, rootId, path), path],
    ...below.flatMap(([key, child]) => pathsBelow(fieldsOf(child), rootId, [...path, key])),
  ];
}

const idOf = (node: Fields, rootId: string, path: readonly string[]): string =>
  typeof node['id'] === 'string' ? node['id'] : [rootId, ...path].join('.');

function nodeOf(node: Fields, place: Place): Fields {
  const { path, chart } = place;
  const id = idOf(node, chart.id, path);
  const transitions = (given: unknown) => transitionsOf(given, place);
  return defined({
    ...copied(node, ['id', 'type', 'history', 'description', 'target']),
    meta: metaOf(node['meta']),
    initial: initialOf(node['initial']),
    tags: optional(node['tags'], listOf),
    entry: optional(node['entry'], namesOf),
    exit: optional(node['exit'], namesOf),
    on: optional(node['on'], (on) => mapped(on, transitions)),
    after: optional(node['after'], (after) => mapped(after, transitions)),
    always: optional(node['always'], transitions),
    onDone: optional(node['onDone'], transitions),
    invoke: optional(node['invoke'], (invoke) =>
      listOf(invoke).map((one, index) => invokeOf(fieldsOf(one), `${index}.${id}`, transitions)),
    ),
    states: optional(node['states'], (states) =>
      mapped(states, (child, key) => nodeOf(fieldsOf(child), { path: [...path, key], chart })),
    ),
  });
}

const invokeOf = (invoke: Fields, defaultId: string, transitions: (given: unknown) => unknown): Fields =>
  defined({
    id: invoke['id'] ?? defaultId,
    src: sourceOf(invoke['src']),
    onDone: optional(invoke['onDone'], transitions),
    onError: optional(invoke['onError'], transitions),
  });

const sourceOf = (src: unknown): string => {
  const { id } = fieldsOf(fieldsOf(src)['config']);
  return typeof src === 'string' ? src : typeof id === 'string' ? id : 'inline';
};

/** XState 5 also takes `{ target, actions }`, and a target in a list or with a dot in front. */
function initialOf(initial: unknown): string | undefined {
  const target = typeof initial === 'object' && initial !== null ? fieldsOf(initial)['target'] : initial;
  const first = listOf(target)[0];
  return typeof first === 'string' ? first.replace(/^\./, '') : undefined;
}

function transitionsOf(given: unknown, place: Place): unknown {
  if (Array.isArray(given)) return given.map((one) => transitionOf(one, place));
  return transitionOf(given, place);
}

/** An event that is forbidden is `undefined` in a chart; JSON leaves that out, and `{}` means the same. */
function transitionOf(given: unknown, place: Place): Fields {
  const transition = typeof given === 'string' ? { target: given } : fieldsOf(given);
  const { target, guard, actions, reenter } = transition as Fields & { readonly reenter?: boolean };
  return defined({
    ...copied(transition, ['target', 'description']),
    meta: metaOf(transition['meta']),
    cond: optional(guard, nameOf),
    actions: optional(actions, namesOf),
    internal: internalOf(listOf(target), reenter === true, place),
  });
}

/**
 * XState 4 leaves and enters a state again when a transition leads to itself or into it, unless the target starts with
 * a dot; XState 5 does so only when `reenter` says it. Elsewhere they agree, and nothing needs to be said.
 */
function internalOf(
  targets: readonly unknown[],
  reenter: boolean,
  { path, chart }: Place,
): boolean | undefined {
  const inward = targets.filter((target) => {
    const reached = typeof target === 'string' ? resolve(target, path, chart.paths) : undefined;
    return reached !== undefined && path.every((key, index) => reached[index] === key);
  });
  if (inward.length === 0) return undefined;
  const byDefault = inward.some((target) => String(target).startsWith('.'));
  return byDefault === !reenter ? undefined : !reenter;
}

function resolve(
  target: string,
  path: readonly string[],
  paths: Chart['paths'],
): readonly string[] | undefined {
  if (target.startsWith('.')) return [...path, ...target.slice(1).split('.')];
  if (!target.startsWith('#')) return [...path.slice(0, -1), ...target.split('.')];
  const keys = target.slice(1).split('.');
  for (let length = keys.length; length > 0; length -= 1) {
    const found = paths.get(keys.slice(0, length).join('.'));
    if (found !== undefined) return [...found, ...keys.slice(length)];
  }
  return undefined;
}

const metaOf = (meta: unknown): unknown => redactData(toPlain(meta, MAX_META_CHARS));

const namesOf = (given: unknown): string[] => listOf(given).map(nameOf);

/**
 * The name of an action or a guard. XState's own are functions with a type, such as `xstate.raise`, which XState 4
 * would run if it kept its prefix; `and`, `or` and `not` hold the guards that they combine.
 */
function nameOf(given: unknown): string {
  if (typeof given === 'string') return given;
  const { type, name, guards } = given as { type?: unknown; name?: unknown; guards?: unknown };
  if (Array.isArray(guards)) return `${String(name)}(${guards.map(nameOf).join(', ')})`;
  if (typeof type === 'string') return type.replace(/^xstate\./, '');
  return typeof name === 'string' && name !== '' ? name : 'inline';
}

const optional = <Result>(given: unknown, convert: (given: unknown) => Result): Result | undefined =>
  given === undefined || given === null ? undefined : convert(given);

const mapped = (given: unknown, convert: (value: unknown, key: string) => unknown): Fields =>
  Object.fromEntries(Object.entries(fieldsOf(given)).map(([key, value]) => [key, convert(value, key)]));

const copied = (given: Fields, keys: readonly string[]): Fields =>
  Object.fromEntries(keys.map((key) => [key, given[key]]));

const defined = (given: Fields): Fields =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));

const fieldsOf = (given: unknown): Fields =>
  typeof given === 'object' && given !== null ? (given as Fields) : {};

const listOf = (given: unknown): readonly unknown[] =>
  given === undefined ? [] : Array.isArray(given) ? given : [given];
