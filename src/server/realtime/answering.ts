// HTTP requests that were handed to a handler and are not answered yet.
import type { ServerResponse } from 'node:http';
import { destroyResponse } from './queued-responses.ts';

export class Answering {
  readonly #pending = new Set<ServerResponse>();
  #onNone: (() => void) | undefined;

  add(response: ServerResponse): void {
    this.#pending.add(response);
    response.once('close', () => {
      if (this.#pending.delete(response) && this.#pending.size === 0) this.#onNone?.();
    });
  }

  /** Resolves when there is none. */
  none(): Promise<void> {
    if (this.#pending.size === 0) return Promise.resolve();
    return new Promise((resolve) => (this.#onNone = resolve));
  }

  cutOff(): void {
    for (const response of [...this.#pending]) destroyResponse(response);
  }
}
