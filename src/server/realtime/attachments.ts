// The HTTP servers that we serve on, beside whoever else does.
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { answerWithoutUpgrade, isForWebSocket, leaveOrdinary } from './ordinary.ts';

/** Each returns whether the request is its own. */
export interface Claims {
  request(request: IncomingMessage, response: ServerResponse): boolean;
  upgrade(request: IncomingMessage, socket: Socket, head: Buffer): boolean;
  /** Those that nobody claims, on a server where there is nobody else. */
  strayRequest(request: IncomingMessage, response: ServerResponse): void;
  strayUpgrade(request: IncomingMessage, socket: Socket): void;
}

/** Several of ours may share a server: none of them is anybody else. */
const ours = new WeakSet<object>();

/** Whether nobody else is there to answer, and this listener is the last of ours. */
function isLeftTo(listener: object, server: Server, event: 'request' | 'upgrade'): boolean {
  const listeners = server.listeners(event);
  return listeners.at(-1) === listener && listeners.every((each) => ours.has(each));
}

type Emit = (event: string, ...args: unknown[]) => boolean;

/**
 * Shows every request to us first. Listeners alone would not do: a framework answers whatever path it does not know
 * with a 404, and a `WebSocketServer` of `ws` with a 400. What is not ours goes to them as if we were not there.
 * Returns what undoes it.
 */
export function attachTo(server: Server, claims: Claims): () => void {
  const emitter = server as unknown as { emit: Emit };
  const before = emitter.emit;
  let isAttached = true;
  // Without us there would be no listener for upgrades, and Node would have taken it for an ordinary request.
  const isOrdinary = (request: IncomingMessage): boolean =>
    isAttached && !isForWebSocket(request) && server.listeners('upgrade').every((each) => ours.has(each));
  const forgetOrdinary = leaveOrdinary(server, isOrdinary);
  const first: Emit = (event, ...args) => {
    if (event === 'upgrade' && isOrdinary(args[0] as IncomingMessage)) {
      answerWithoutUpgrade(server, args[0] as IncomingMessage, args[2] as Buffer);
      return true;
    }
    const isOurs = isAttached && isClaimed(claims, event, args);
    return isOurs || before.call(server, event, ...args);
  };
  emitter.emit = first;
  const strayRequest = (request: IncomingMessage, response: ServerResponse): void => {
    if (isLeftTo(strayRequest, server, 'request')) claims.strayRequest(request, response);
  };
  // Node offers an upgrade only to a server that has a listener for it.
  const strayUpgrade = (request: IncomingMessage, socket: Socket): void => {
    if (isLeftTo(strayUpgrade, server, 'upgrade')) claims.strayUpgrade(request, socket);
  };
  for (const listener of [strayRequest, strayUpgrade]) ours.add(listener);
  server.on('request', strayRequest);
  server.on('upgrade', strayUpgrade);
  return () => {
    isAttached = false;
    forgetOrdinary();
    server.off('request', strayRequest);
    server.off('upgrade', strayUpgrade);
    // Whoever has put another one over ours in the meantime goes on calling it, and it does nothing any more.
    if (emitter.emit !== first) return;
    Reflect.deleteProperty(emitter, 'emit');
    if (emitter.emit !== before) emitter.emit = before;
  };
}

function isClaimed(claims: Claims, event: string, args: readonly unknown[]): boolean {
  if (event === 'request') return claims.request(args[0] as IncomingMessage, args[1] as ServerResponse);
  if (event !== 'upgrade' || !isForWebSocket(args[0] as IncomingMessage)) return false;
  return claims.upgrade(args[0] as IncomingMessage, args[1] as Socket, args[2] as Buffer);
}
