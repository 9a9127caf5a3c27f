// One viewer that looks through the bridge: what it was told, what it missed because it reads slowly, what it asks for.
import type { EventObject } from 'xstate';
import { parseRequest, type XState4Frame } from './xstate4-protocol.ts';

/** Somebody who looks: a WebSocket, a window. */
export interface XState4Viewer {
  /** What it throws ends this viewer's visit, and nothing else. */
  send(frame: XState4Frame): void;
  /** Bytes that were sent and not yet read. Default: never any. */
  readonly bufferedBytes?: number;
}

/** The visit of one viewer. */
export interface XState4Visit {
  /**
   * Takes a message of the viewer's: JSON text, or what it means.
   *
   * @returns why it was refused, if it was
   */
  receive(message: unknown): string | undefined;
  /** Tells the viewer what it missed, if it has read on since. */
  catchUp(): void;
  /** The viewer has gone: it is told nothing more. */
  end(): void;
}

/** What a visit may ask of the bridge. */
export interface Host {
  /** The session ids of all machines, parents first. */
  services(): Iterable<string>;
  /** What makes a viewer know all that there is to know of a machine now. */
  present(sessionId: string): XState4Frame;
  /** Tells everybody what happened so far. */
  flush(): void;
  /** Returns why not, if it was not sent. */
  send(sessionId: string | undefined, event: EventObject): string | undefined;
  ended(visit: Visit): void;
}

/** No request of a viewer is longer, in characters. */
const MAX_REQUEST_CHARS = 65_536;

export class Visit implements XState4Visit {
  readonly #viewer: XState4Viewer;
  readonly #maxBufferedBytes: number;
  readonly #host: Host;
  /** Machines that the viewer has not been told everything of. */
  readonly #missed = new Set<string>();
  #isLooking = false;

  constructor(viewer: XState4Viewer, maxBufferedBytes: number, host: Host) {
    this.#viewer = viewer;
    this.#maxBufferedBytes = maxBufferedBytes;
    this.#host = host;
  }

  receive(message: unknown): string | undefined {
    if (typeof message === 'string' && message.length > MAX_REQUEST_CHARS)
      return `A request has at most ${MAX_REQUEST_CHARS} characters.`;
    const request = parseRequest(message);
    if (request === undefined) return 'This is no request of @xstate/inspect.';
    if (request.type === 'xstate.event') return this.#host.send(request.sessionId, request.event);
    this.#host.flush();
    this.#isLooking = true;
    for (const sessionId of this.#host.services()) this.#missed.add(sessionId);
    this.catchUp();
    return undefined;
  }

  /** Whether the viewer is to be told this now; if it is slow, it is told later how the machine is by then. */
  wants(sessionId: string): boolean {
    if (!this.#isLooking) return false;
    this.catchUp();
    if (!this.#isBehind) return true;
    this.#missed.add(sessionId);
    return false;
  }

  say(frame: XState4Frame): void {
    try {
      this.#viewer.send(frame);
    } catch {
      this.end();
    }
  }

  catchUp(): void {
    for (const sessionId of this.#missed) {
      if (this.#isBehind) return;
      this.#missed.delete(sessionId);
      this.say(this.#host.present(sessionId));
    }
  }

  end(): void {
    this.#isLooking = false;
    this.#missed.clear();
    this.#host.ended(this);
  }

  get #isBehind(): boolean {
    return (this.#viewer.bufferedBytes ?? 0) > this.#maxBufferedBytes;
  }
}
