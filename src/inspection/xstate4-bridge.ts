// Shows XState 5 actors to viewers of XState 4, in the protocol of @xstate/inspect 0.8, and takes from them the events
// that the application allows. Nothing is converted while nobody looks, and then only after the actor has gone on.
import type { AnyActor, AnyStateMachine, EventObject, InspectionEvent } from 'xstate';
import { InvalidOptionError } from '../errors.ts';
import { redactorFor, redactorOf, type Redactor } from '../redact.ts';
import type { Inspected, Inspector } from './inspector.ts';
import { toXState4Config } from './xstate4-config.ts';
import { eventJson, stateJson, type Snapshot, type XState4Frame } from './xstate4-protocol.ts';
import { Visit, type XState4Viewer, type XState4Visit } from './xstate4-visit.ts';

export interface XState4BridgeOptions {
  /**
   * The types of the events that a viewer may send to a machine, such as `['connect', 'disconnect']`. Whoever reaches
   * the viewer can send them; events that a machine does not know, and XState's own, are always refused.
   *
   * @defaultValue `[]`: none
   */
  readonly acceptEvents?: readonly string[];
  /**
   * Bytes that may wait for a slow viewer. Above it, it is told nothing more until it has read on, and then of every
   * machine that it missed something of, how it is by now.
   *
   * @defaultValue `1_048_576`
   */
  readonly maxBufferedBytes?: number;
}

export interface XState4Bridge extends Inspector {
  /** Lets somebody look. It is told of every machine as soon as it asks for it with `xstate.inspecting`. */
  visit(viewer: XState4Viewer): XState4Visit;
  /** Says `xstate.disconnect` to every viewer, and forgets them. */
  close(): void;
}

/** An inspector for `inspect`, for any number of connections or other XState 5 actors. */
export const xstate4Bridge = (options: XState4BridgeOptions = {}): XState4Bridge => new Bridge(options);

/** More than this is told at once, even if the turn is not over. */
const MAX_NEWS = 1_000;

/** A machine that runs. It holds the actor weakly: to be looked at must not keep it in memory. */
interface Service {
  readonly id: string;
  readonly attached: Attached | undefined;
  readonly sessionId: string;
  readonly parent: string | undefined;
  readonly actor: WeakRef<AnyActor>;
  lastEvent: EventObject;
}

/** A connection among the machines: what is secret in it, even when it is gone. */
interface Attached {
  readonly inspected: WeakRef<Inspected>;
  redactor: Redactor;
}

const PLAIN_REDACTOR = redactorOf({});

/** What happened and was not told yet; it is converted when it is told. */
interface News {
  readonly sessionId: string;
  readonly frame: () => XState4Frame;
}

class Bridge implements XState4Bridge {
  readonly #acceptEvents: ReadonlySet<string>;
  readonly #maxBufferedBytes: number;
  readonly #services = new Map<string, Service>();
  readonly #attached = new Map<string, Attached>();
  readonly #visits = new Set<Visit>();
  readonly #collected = new FinalizationRegistry<string>((sessionId) => this.#forget(sessionId));
  #news: News[] = [];

  constructor({ acceptEvents = [], maxBufferedBytes = 1_048_576 }: XState4BridgeOptions) {
    if (!Array.isArray(acceptEvents) || acceptEvents.some((type) => typeof type !== 'string'))
      throw new InvalidOptionError('acceptEvents', 'a list of event types', acceptEvents);
    if (!(maxBufferedBytes >= 0))
      throw new InvalidOptionError('maxBufferedBytes', '0 or more', maxBufferedBytes);
    this.#acceptEvents = new Set(acceptEvents);
    this.#maxBufferedBytes = maxBufferedBytes;
  }

  attach(sessionId: string, inspected: Inspected): void {
    this.#attached.set(sessionId, {
      inspected: new WeakRef(inspected),
      redactor: redactorFor(inspected),
    });
  }

  next(told: InspectionEvent): void {
    if (told.type !== '@xstate.event' && told.type !== '@xstate.snapshot') return;
    const actor = told.actorRef as AnyActor;
    if (!isMachine(actor.logic)) return;
    const { sessionId } = actor;
    const service = this.#services.get(sessionId) ?? this.#register(actor, told);
    const { event } = told;
    service.lastEvent = event;
    if (told.type === '@xstate.event') {
      const origin = (told.sourceRef as AnyActor | undefined)?.sessionId;
      this.#tell(sessionId, () => {
        const json = eventJson(event, origin, presentRedactor(service));
        return { type: 'service.event', event: json, sessionId };
      });
      return;
    }
    const snapshot = told.snapshot as unknown as Snapshot;
    if (snapshot.status !== 'stopped') {
      this.#tell(sessionId, () => {
        const json = stateJson(sessionId, { snapshot, event }, presentRedactor(service));
        return { type: 'service.state', state: json, sessionId };
      });
    }
    if (snapshot.status !== 'active') this.#forget(sessionId);
  }

  visit(viewer: XState4Viewer): XState4Visit {
    const visit = new Visit(viewer, this.#maxBufferedBytes, {
      services: () => this.#services.keys(),
      present: (sessionId) => this.#present(sessionId),
      flush: () => this.#flush(),
      send: (sessionId, event) => this.#send(sessionId, event),
      ended: (ended) => void this.#visits.delete(ended),
    });
    this.#visits.add(visit);
    return visit;
  }

  close(): void {
    this.#flush();
    for (const visit of this.#visits) {
      visit.say({ type: 'xstate.disconnect' });
      visit.end();
    }
  }

  #register(actor: AnyActor, { rootId, event }: { rootId: string; event: EventObject }): Service {
    const { sessionId } = actor;
    const service: Service = {
      id: this.#attached.get(sessionId)?.inspected.deref()?.name ?? actor.id,
      attached: this.#attached.get(rootId),
      sessionId,
      parent: actor._parent?.sessionId,
      actor: new WeakRef(actor),
      lastEvent: event,
    };
    this.#services.set(sessionId, service);
    this.#collected.register(actor, sessionId);
    const snapshot = actor.getSnapshot() as Snapshot;
    this.#tell(sessionId, () => registerFrame(service, actor, snapshot));
    return service;
  }

  #forget(sessionId: string): void {
    this.#attached.delete(sessionId);
    if (this.#services.delete(sessionId)) this.#tell(sessionId, () => ({ type: 'service.stop', sessionId }));
  }

  /** In a later turn, so that what is watched is not held up by it. */
  #tell(sessionId: string, frame: News['frame']): void {
    if (this.#visits.size === 0) return;
    if (this.#news.length === 0) setTimeout(() => this.#flush(), 0);
    this.#news.push({ sessionId, frame });
    if (this.#news.length >= MAX_NEWS) this.#flush();
  }

  #flush(): void {
    const all = this.#news;
    this.#news = [];
    for (const { sessionId, frame } of all) {
      const told = [...this.#visits].filter((visit) => visit.wants(sessionId));
      if (told.length === 0) continue;
      const made = frame();
      for (const visit of told) visit.say(made);
    }
  }

  /** What makes a viewer know all that there is to know of a machine now. */
  #present(sessionId: string): XState4Frame {
    const service = this.#services.get(sessionId);
    const actor = service?.actor.deref();
    if (service === undefined || actor === undefined) return { type: 'service.stop', sessionId };
    return registerFrame(service, actor, actor.getSnapshot() as Snapshot);
  }

  /** Returns why not, if it was not sent. */
  #send(sessionId: string | undefined, event: EventObject): string | undefined {
    const { type } = event;
    const actor = sessionId === undefined ? undefined : this.#services.get(sessionId)?.actor.deref();
    if (actor === undefined) return `There is no machine ${JSON.stringify(sessionId)} here.`;
    if (type.startsWith('xstate.')) return `${JSON.stringify(type)} is XState's own.`;
    if (!this.#acceptEvents.has(type)) return `${JSON.stringify(type)} is not among acceptEvents.`;
    if (!knows(actor.logic as AnyStateMachine, type))
      return `The machine ${actor.id} knows no event ${JSON.stringify(type)}.`;
    actor.send(event);
    return undefined;
  }
}

/** A chart is the same for all actors of a machine. */
const machineJsons = new WeakMap<object, string>();

function machineJson({ config }: AnyStateMachine): string {
  const known = machineJsons.get(config);
  if (known !== undefined) return known;
  const made = JSON.stringify(toXState4Config(config));
  machineJsons.set(config, made);
  return made;
}

function registerFrame(service: Service, actor: AnyActor, snapshot: Snapshot): XState4Frame {
  const { id, sessionId, parent, lastEvent } = service;
  const redactor = presentRedactor(service);
  return {
    type: 'service.register',
    machine: machineJson(actor.logic as AnyStateMachine),
    state: stateJson(sessionId, { snapshot, event: lastEvent }, redactor),
    id: redactor.text(id),
    sessionId,
    ...(parent !== undefined && { parent }),
  };
}

/** By what a connection knows now; a token may have been renewed since. */
function presentRedactor({ attached }: Service): Redactor {
  const inspected = attached?.inspected.deref();
  if (attached !== undefined && inspected !== undefined) attached.redactor = redactorFor(inspected);
  return attached?.redactor ?? PLAIN_REDACTOR;
}

const isMachine = (logic: unknown): logic is AnyStateMachine =>
  typeof logic === 'object' && logic !== null && 'root' in logic && 'config' in logic;

/** Whether a type is among a machine's events, or matched by one of its wildcards, such as `heartbeat.*`. */
const knows = ({ events }: AnyStateMachine, type: string): boolean =>
  events.some(
    (known: string) => known === type || (known.endsWith('*') && `${type}.`.startsWith(known.slice(0, -1))),
  );
