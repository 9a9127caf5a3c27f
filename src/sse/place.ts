// What one SSE connection remembers from request to request: where it is in the stream, and what the server asked for.

/** What the server answered when it opened the stream. */
export interface SseResponse {
  /** Where the answer came from, redirects followed. */
  readonly url: string;
  readonly headers: Headers;
}

export class Place {
  /** Sent as `Last-Event-ID`; empty: nothing is sent. */
  lastEventId: string;
  /** The last `retry:` of the server, in milliseconds. */
  retryHintMs: number | undefined;
  /** Requests in a row that opened no stream. */
  fruitless = 0;
  /** Of the present stream, or of the last one. */
  response: SseResponse | undefined;

  constructor(lastEventId: string) {
    this.lastEventId = lastEventId;
  }
}
