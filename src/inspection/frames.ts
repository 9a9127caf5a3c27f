// The wire format of @statelyai/inspect, which our live view and Stately's inspector read: one JSON text for each actor,
// event and snapshot. Plain, of bounded size, and without secrets.
import type { InspectionEvent } from 'xstate';
import type { Redactor } from '../redact.ts';
import { toPlain } from './plain.ts';
import type { Sample } from './sample.ts';

/** The version of @statelyai/inspect whose format this is. */
const FORMAT_VERSION = '0.7.2';

/** Of one frame, in characters; the chart of a machine has a limit of its own. */
const MAX_CHARS = 64 * 1024;
const MAX_DEFINITION_CHARS = 512 * 1024;

/** The parts of an actor that a frame tells of. XState has no public type for all of them. */
export interface ToldActor {
  readonly sessionId: string;
  readonly id?: string;
  readonly logic?: { readonly config?: unknown };
  readonly _parent?: { readonly sessionId: string };
  getSnapshot?(): unknown;
}

export interface FrameFacts {
  readonly sessionId: string;
  readonly rootId: string;
  /** In milliseconds since 1970. */
  readonly at: number;
}

const frame = (type: string, { at, rootId, sessionId }: FrameFacts, parts: object): string =>
  JSON.stringify({
    _version: FORMAT_VERSION,
    createdAt: String(at),
    id: null,
    type,
    rootId,
    sessionId,
    ...parts,
  });

/** Tells of an actor, before anything that happens to it is told. */
export function actorFrame(
  facts: FrameFacts,
  {
    actor,
    name,
    snapshot,
  }: { readonly actor: ToldActor; readonly name?: string; readonly snapshot: unknown },
  redactor: Redactor,
): string {
  const config = actor.logic?.config;
  const called = name ?? nameOf(actor, config);
  return frame('@xstate.actor', facts, {
    name: redactor.text(called),
    parentId: actor._parent?.sessionId ?? null,
    definition: definitionOf(config, called),
    snapshot: snapshotParts(snapshot, redactor),
  });
}

export function eventFrame(
  facts: FrameFacts,
  { event, sourceId }: { readonly event: unknown; readonly sourceId: string | undefined },
  redactor: Redactor,
): string {
  return frame('@xstate.event', facts, { sourceId: sourceId ?? null, event: eventParts(event, redactor) });
}

export function snapshotFrame(
  facts: FrameFacts,
  { event, snapshot }: { readonly event: unknown; readonly snapshot: unknown },
  redactor: Redactor,
): string {
  const parts = { event: eventParts(event, redactor), snapshot: snapshotParts(snapshot, redactor) };
  return frame('@xstate.snapshot', facts, parts);
}

/** Our own: the figures of a connection. Others ignore it. */
export const sampleFrame = (facts: FrameFacts, sample: Sample): string =>
  frame('statewire.sample', facts, { sample });

/** Our own: which process or page all of this is about. */
export const applicationFrame = (name: string, at: number): string =>
  JSON.stringify({ _version: FORMAT_VERSION, createdAt: String(at), type: 'statewire.application', name });

/** An event as it may be shown: the first one would tell the input of the actor, which is nobody else's business. */
export function eventParts(event: unknown, redactor: Redactor): unknown {
  const { type } = event as { readonly type?: unknown };
  return type === 'xstate.init' ? { type } : shown(event, redactor);
}

/** A value as it may be shown. */
export const shown = (value: unknown, redactor: Redactor): unknown =>
  redactor.data(toPlain(value, MAX_CHARS / 2));

/** Snapshots of machines have methods and a machine; those of other actors have their input. */
function snapshotParts(snapshot: unknown, redactor: Redactor): object {
  const { status, value, context, tags, children, output, error } = (snapshot ?? {}) as Record<
    string,
    unknown
  >;
  return {
    status: status ?? 'active',
    ...(value !== undefined && { value: shown(value, redactor) }),
    ...(context !== undefined && { context: shown(context, redactor) }),
    ...(tags instanceof Set && { tags: [...tags] as unknown[] }),
    ...(children !== undefined && { children: shown(children, redactor), historyValue: {} }),
    ...(output !== undefined && { output: shown(output, redactor) }),
    ...(error !== undefined && { error: shown(error, redactor) }),
  };
}

/** As @statelyai/inspect names them. */
function nameOf({ id, sessionId }: ToldActor, config: unknown): string {
  const { id: chartId } = (config ?? {}) as { readonly id?: unknown };
  return id === sessionId && typeof chartId === 'string' ? chartId : (id ?? sessionId);
}

const definitions = new WeakMap<object, string>();

/** The configuration of a machine, its keys in the order of the alphabet. Made once for all actors that share it. */
function definitionOf(config: unknown, name: string): string {
  if (typeof config !== 'object' || config === null) return JSON.stringify({ id: name });
  const known = definitions.get(config);
  if (known !== undefined) return known;
  const definition = JSON.stringify(sorted(toPlainConfig(config)));
  definitions.set(config, definition);
  return definition;
}

/**
 * Inline actions and guards are told by their names, as @statelyai/inspect does. A first context is left out: it may
 * hold what no redactor knows.
 */
function toPlainConfig(config: object): unknown {
  return toPlain({ ...config, context: undefined }, MAX_DEFINITION_CHARS, ({ name }) => ({ type: name }));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  return Object.fromEntries(entries.map(([key, one]) => [key, sorted(one)]));
}

/** Whether an inspection event is one that is told: single steps and actions are noise. */
export const isTold = (
  told: InspectionEvent,
): told is Extract<InspectionEvent, { type: '@xstate.event' | '@xstate.snapshot' }> =>
  told.type === '@xstate.event' || told.type === '@xstate.snapshot';
