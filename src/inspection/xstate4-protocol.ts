// The wire format of @xstate/inspect 0.8: what its viewers are told of a service, in the words of XState 4.
import type { AnyActor, EventObject } from 'xstate';
import type { Redactor } from '../redact.ts';
import { toPlain } from './plain.ts';

/** What a viewer is told. What is JSON inside of it is text, as in the original. */
export type XState4Frame =
  | {
      readonly type: 'service.register';
      readonly machine: string;
      readonly state: string;
      readonly id: string;
      readonly sessionId: string;
      readonly parent?: string;
    }
  | { readonly type: 'service.state'; readonly state: string; readonly sessionId: string }
  | { readonly type: 'service.event'; readonly event: string; readonly sessionId: string }
  | { readonly type: 'service.stop'; readonly sessionId: string }
  | { readonly type: 'xstate.disconnect' };

/** What a viewer wants. */
export type XState4Request =
  | { readonly type: 'xstate.inspecting' }
  | {
      readonly type: 'xstate.event';
      readonly sessionId: string | undefined;
      readonly event: EventObject;
    };

/** The part of a snapshot of a machine that XState 4 has a place for. */
export interface Snapshot {
  readonly value: unknown;
  readonly context: unknown;
  readonly status: 'active' | 'done' | 'error' | 'stopped';
  readonly tags: ReadonlySet<string>;
  readonly children: Readonly<Record<string, AnyActor | undefined>>;
}

/** What a context, or an event, may take up of a frame, in characters of JSON. */
const MAX_SHOWN_CHARS = 262_144;

/** A snapshot as XState 4 would write its `State`. */
export function stateJson(
  sessionId: string,
  { snapshot, event }: { readonly snapshot: Snapshot; readonly event: EventObject },
  redactor: Redactor,
): string {
  const { value, context, status, tags, children } = snapshot;
  const _event = scxmlOf(event, redactor);
  const running = Object.values(children).filter((child) => child !== undefined);
  return JSON.stringify({
    value,
    context: shown(context, redactor) ?? {},
    _event,
    event: _event.data,
    _sessionid: sessionId,
    actions: [],
    activities: byId(running, ({ id, src }) => ({
      type: 'xstate.invoke',
      id,
      ...(typeof src === 'string' && { src }),
    })),
    meta: {},
    events: [],
    children: byId(running, ({ id, sessionId }) => ({ id, sessionId })),
    configuration: [],
    transitions: [],
    tags: [...tags],
    changed: true,
    done: status === 'done',
  });
}

export const eventJson = (event: EventObject, origin: string | undefined, redactor: Redactor): string =>
  JSON.stringify({ ...scxmlOf(event, redactor), origin });

const byId = <Shown>(actors: readonly AnyActor[], show: (actor: AnyActor) => Shown) =>
  Object.fromEntries(actors.map((actor) => [actor.id, show(actor)]));

/** Charts, states and types are the programmer's own words; data is not, and may hold secrets and anything else. */
const shown = (data: unknown, redactor: Redactor): unknown => redactor.data(toPlain(data, MAX_SHOWN_CHARS));

function scxmlOf(event: EventObject, redactor: Redactor) {
  const { type, ...fields } = eventOf(event);
  return {
    name: type,
    data: { ...(shown(fields, redactor) as object), type },
    $$type: 'scxml',
    type: 'external',
  };
}

/** XState's own events have other names and fields in version 4. The input of an actor is nobody's business. */
function eventOf(event: EventObject): EventObject & Readonly<Record<string, unknown>> {
  const { type, output, error } = event as EventObject & {
    readonly output?: unknown;
    readonly error?: unknown;
  };
  if (type === 'xstate.init') return { type };
  const [prefix, kind, of, ...rest] = type.split('.');
  const id = rest.join('.');
  if (prefix !== 'xstate') return event;
  if (kind === 'after') return { type: `xstate.after(${String(of)})#${id}` };
  if (kind === 'done') return { type: `done.${of === 'actor' ? 'invoke' : 'state'}.${id}`, data: output };
  if (kind === 'error') return { type: `error.platform.${id}`, data: error };
  return event;
}

/** What a viewer sent, as text or, through `postMessage`, as an object; `undefined` for what is no request. */
export function parseRequest(message: unknown): XState4Request | undefined {
  const given = typeof message === 'string' ? parsed(message) : message;
  const { type, event, service, sessionId } = fieldsOf(given);
  if (type === 'xstate.inspecting') return { type };
  if (type !== 'xstate.event') return undefined;
  const { name, data, origin } = fieldsOf(typeof event === 'string' ? parsed(event) : event);
  const sent = data === undefined ? { type: name } : fieldsOf(data);
  if (typeof sent['type'] !== 'string') return undefined;
  // The viewer of stately.ai names the service in `sessionId`, the types of @xstate/inspect in `service`, its own
  // server looks at the origin.
  const id = [service, sessionId, origin].find((one) => typeof one === 'string');
  return { type, sessionId: id, event: sent as EventObject };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const fieldsOf = (given: unknown): Readonly<Record<string, unknown>> =>
  typeof given === 'object' && given !== null ? (given as Readonly<Record<string, unknown>>) : {};
