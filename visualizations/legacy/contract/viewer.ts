// Plays the visualizer of XState 4's time: the official receiver of @xstate/inspect 0.8, and what xstate-viz does with
// what it receives. `xstate` means version 4 in this folder.
import { createRequire } from 'node:module';
import type * as Inspect from '@xstate/inspect';
import { WebSocket } from 'ws';
import type * as XState4 from 'xstate';

const require = createRequire(import.meta.url);
const { createWebSocketReceiver, createWindowReceiver } = require('@xstate/inspect') as typeof Inspect;

export const xstate4 = require('xstate') as typeof XState4;

export type Told = Inspect.ParsedReceiverEvent;

/** What the visualizer keeps of a service. */
export interface Service {
  readonly id: string;
  readonly parent: string | undefined;
  readonly machine: XState4.AnyStateMachine;
  state: XState4.AnyState;
  status: 'running' | 'stopped';
}

/** One state that was told, as the visualizer resolves it. */
export interface ToldState {
  readonly sessionId: string;
  readonly event: string;
  readonly value: XState4.StateValue;
}

export class Viewer implements Disposable {
  readonly services = new Map<string, Service>();
  readonly states: ToldState[] = [];
  readonly events: { readonly sessionId: string; readonly name: string; readonly data: unknown }[] = [];
  /** What was told of services that are not registered. */
  readonly strays: Told[] = [];
  readonly #receiver: Inspect.InspectReceiver;
  readonly #leave: () => void;

  constructor(receiver: Inspect.InspectReceiver, leave: () => void) {
    this.#receiver = receiver;
    this.#leave = leave;
    receiver.subscribe((told) => this.#take(told));
  }

  /** As the visualizer's address says it with `&server=ws://…`. */
  static open(url: string): Viewer {
    const [protocol, server = ''] = url.split('://');
    let socket: WebSocket | undefined;
    // The receiver keeps its socket to itself, and takes the class of the page.
    globalThis.WebSocket = class extends WebSocket {
      constructor(...args: ConstructorParameters<typeof WebSocket>) {
        super(...args);
        // eslint-disable-next-line @typescript-eslint/no-this-alias -- there is no other way to get hold of it
        socket = this;
      }
    } as unknown as typeof globalThis.WebSocket;
    const options = { protocol: protocol as 'ws', server, serialize: undefined };
    return new Viewer(createWebSocketReceiver(options), () => socket?.terminate());
  }

  /** As the visualizer does in an iframe. */
  static embed(options: Inspect.WindowReceiverOptions): Viewer {
    const receiver = createWindowReceiver(options);
    return new Viewer(receiver, () => receiver.stop?.());
  }

  /** The only service, or the first one. */
  get first(): [sessionId: string, service: Service] {
    const [first] = this.services;
    if (first === undefined) throw new Error('No service was registered.');
    return first;
  }

  /** What a click on an event in the drawing does. */
  click(sessionId: string, event: XState4.AnyEventObject): void {
    const sent = xstate4.toSCXMLEvent(event, { origin: sessionId });
    const message = { type: 'xstate.event' as const, event: JSON.stringify(sent), sessionId };
    this.#receiver.send(message as unknown as Inspect.ReceiverCommand);
  }

  [Symbol.dispose](): void {
    this.#leave();
  }

  #take(told: Told): void {
    const { sessionId } = told;
    if (told.type === 'service.register') {
      const { id, parent, machine } = told;
      const state = machine.resolveState(told.state) as XState4.AnyState;
      this.services.set(sessionId, { id, parent, machine, state, status: 'running' });
      return;
    }
    const service = this.services.get(sessionId);
    if (told.type === 'service.event') {
      const { name, data } = told.event as { readonly name: string; readonly data: unknown };
      this.events.push({ sessionId, name, data });
    } else if (service === undefined) this.strays.push(told);
    else if (told.type === 'service.stop') service.status = 'stopped';
    else {
      service.state = service.machine.resolveState(told.state) as XState4.AnyState;
      this.states.push({ sessionId, event: told.state._event.name, value: service.state.value });
    }
  }
}

/** One transition as XState 4 understands it. */
export interface Edge {
  readonly source: string;
  readonly event: string;
  readonly target: string | null;
  readonly guard: string | null;
  readonly actions: readonly string[];
}

/** The part of XState 4's transitions that its types know, instead of `any`. */
interface Transition {
  readonly eventType: string;
  readonly target: readonly { readonly id: string }[] | undefined;
  readonly cond?: { readonly name?: string; readonly type: string };
  readonly actions: readonly { readonly type: string }[];
}

/** Every transition of a machine: what the visualizer draws. */
export function edgesOf(machine: XState4.AnyStateMachine): Edge[] {
  const ids = machine.stateIds as readonly string[];
  return ids.flatMap((id) => {
    const { transitions } = machine.getStateNodeById(id) as { readonly transitions: readonly Transition[] };
    return transitions.map(({ eventType, target, cond, actions }) => ({
      source: id,
      event: eventType,
      target: target?.[0]?.id ?? null,
      guard: cond?.name ?? cond?.type ?? null,
      actions: actions.map(({ type }) => type),
    }));
  });
}
