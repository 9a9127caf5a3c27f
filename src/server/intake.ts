// How fast a WebSocket client is listened to: no faster than it takes the answers, and no faster than anybody needs.
import type { WebSocket } from 'ws';
import type { Clock } from '../clock.ts';

/** Frames a second, on average. */
const FRAMES_PER_SECOND = 200;
/** Frames at once, after a pause. */
const BURST_FRAMES = 1_000;

export class Intake {
  readonly #socket: WebSocket;
  readonly #clock: Clock;
  readonly #isCongested: () => boolean;
  #allowance = BURST_FRAMES;
  #filledAtMs: number;
  #timer: unknown;

  /** @param isCongested whether too many answers have not been taken yet; call `relieve()` when that may have changed */
  constructor(socket: WebSocket, clock: Clock, isCongested: () => boolean) {
    this.#socket = socket;
    this.#clock = clock;
    this.#isCongested = isCongested;
    this.#filledAtMs = clock.now();
  }

  /** Counts a frame that came in. Beyond the limits the socket is paused: nothing is lost, the sender has to wait. */
  took(): void {
    this.#fill();
    this.#allowance -= 1;
    if (this.#allowance < 0) this.#resumeLater();
    if (this.#allowance < 0 || this.#isCongested()) this.#socket.pause();
  }

  relieve(): void {
    if (this.#socket.isPaused && this.#timer === undefined && !this.#isCongested()) this.#socket.resume();
  }

  stop(): void {
    this.#clock.clearTimeout(this.#timer);
  }

  #resumeLater(): void {
    this.#timer ??= this.#clock.setTimeout(
      () => {
        this.#timer = undefined;
        this.#fill();
        if (this.#allowance < 0) this.#resumeLater();
        else this.relieve();
      },
      Math.ceil((-this.#allowance / FRAMES_PER_SECOND) * 1000),
    );
  }

  #fill(): void {
    const nowMs = this.#clock.now();
    const gained = ((nowMs - this.#filledAtMs) / 1000) * FRAMES_PER_SECOND;
    this.#allowance = Math.min(BURST_FRAMES, this.#allowance + gained);
    this.#filledAtMs = nowMs;
  }
}
