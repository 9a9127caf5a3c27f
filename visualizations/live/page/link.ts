// The WebSocket to the server of this page: whenever it is lost, it is dialled again after a second.
import type { FromPage, FromServer } from '../protocol.ts';

const RETRY_AFTER_MS = 1000;

export interface LinkListener {
  opened(): void;
  heard(message: FromServer): void;
  lost(): void;
}

export class Link {
  readonly #url: string;
  readonly #listener: LinkListener;
  #socket: WebSocket | undefined;

  constructor(url: string, listener: LinkListener) {
    this.#url = url;
    this.#listener = listener;
    this.#dial();
  }

  /** Sends a message now; while the server is not there it is lost, so say it again when `opened` is called. */
  send(message: FromPage): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #dial(): void {
    const socket = (this.#socket = new WebSocket(this.#url));
    socket.onopen = () => this.#listener.opened();
    socket.onmessage = ({ data }) => this.#listener.heard(JSON.parse(String(data)) as FromServer);
    socket.onclose = () => {
      this.#listener.lost();
      setTimeout(() => this.#dial(), RETRY_AFTER_MS);
    };
  }
}
