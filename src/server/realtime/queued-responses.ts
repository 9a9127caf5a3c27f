// Responses to pipelined requests: until the ones before them are finished, Node gives them no socket, and tells them
// nothing of its end.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

export class QueuedResponses {
  readonly #bySocket = new WeakMap<Socket, Set<ServerResponse>>();

  /** Has `close` told of a response whose connection ends before its turn has come. */
  closeWithConnection({ socket }: IncomingMessage, response: ServerResponse): void {
    if (response.socket !== null) return;
    const queue = this.#bySocket.get(socket) ?? this.#watch(socket);
    queue.add(response);
    response.once('close', () => queue.delete(response));
  }

  #watch(socket: Socket): Set<ServerResponse> {
    const queue = new Set<ServerResponse>();
    this.#bySocket.set(socket, queue);
    socket.once('close', () => {
      for (const response of queue) if (response.socket === null) response.emit('close');
    });
    return queue;
  }
}

/** A response without a socket is destroyed by Node only when it is given one. */
export function destroyResponse(response: ServerResponse): void {
  response.destroy();
  if (response.socket === null && !response.writableFinished) response.req.socket.destroy();
}
