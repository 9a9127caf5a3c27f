// What is sent to an event stream in one turn of the event loop, on its way out as one chunk of HTTP: to Node each chunk
// is four writes to the socket, and they are most of what a small event costs.
import type { ServerResponse } from 'node:http';

export type Done = (error?: Error | null) => void;

export class SseChunk {
  byteLength = 0;
  readonly #parts: (string | Buffer)[] = [];
  readonly #dones: Done[] = [];

  add(text: string | Buffer, bytes: number, done: Done | undefined): void {
    this.#parts.push(text);
    this.byteLength += bytes;
    if (done !== undefined) this.#dones.push(done);
  }

  writeTo(response: ServerResponse): void {
    response.write(this.#whole(), (error) => {
      for (const done of this.#dones) done(error);
    });
  }

  #whole(): string | Buffer {
    const parts = this.#parts;
    if (parts.length === 1) return parts[0] ?? '';
    if (parts.every((part) => typeof part === 'string')) return parts.join('');
    return Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)));
  }
}
