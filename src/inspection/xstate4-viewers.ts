// The two ways in which a viewer of @xstate/inspect can be reached: over a WebSocket that it opened, and as a window.
import type { XState4Bridge } from './xstate4-bridge.ts';
import type { XState4Visit } from './xstate4-visit.ts';

/** A WebSocket that a viewer opened: one of `ws`, or any that is like the browser's. */
export interface ViewerSocket {
  readonly bufferedAmount: number;
  /** `ws` calls back when it has handed the text on; others leave that out. */
  send(text: string, sent?: () => void): void;
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void;
  addEventListener(type: 'close' | 'error', listener: () => void): void;
}

/** Lets whoever opened this socket look, until it closes. Returns the visit. */
export function serveXState4(socket: ViewerSocket, bridge: XState4Bridge): XState4Visit {
  const visit = bridge.visit({
    send: (frame) => socket.send(JSON.stringify(frame), () => visit.catchUp()),
    get bufferedBytes() {
      return socket.bufferedAmount;
    },
  });
  socket.addEventListener('message', ({ data }) => {
    if (typeof data === 'string') visit.receive(data);
  });
  socket.addEventListener('close', () => visit.end());
  socket.addEventListener('error', () => visit.end());
  return visit;
}

/** The window of a viewer: the `contentWindow` of an iframe, or what `window.open()` returned. */
export interface ViewerWindow {
  postMessage(message: unknown, targetOrigin: string): void;
}

/** The window that the viewer's messages come to: the page's own. */
export interface PageWindow {
  addEventListener(type: 'message', listener: (event: MessageEvent) => void): void;
  removeEventListener(type: 'message', listener: (event: MessageEvent) => void): void;
}

export interface PostXState4Options {
  readonly viewer: ViewerWindow;
  /** The origin of the viewer, such as `https://stately.ai`: nobody else is listened to, nobody else is told. */
  readonly origin: string;
  /** Default: `window`. */
  readonly page?: PageWindow;
}

/** Lets the viewer in a window look, until the function that is returned is called. */
export function postXState4(
  bridge: XState4Bridge,
  { viewer, origin, page = window }: PostXState4Options,
): () => void {
  const visit = bridge.visit({ send: (frame) => viewer.postMessage(frame, origin) });
  const listener = ({ source, origin: sender, data }: MessageEvent): void => {
    if (source === viewer && sender === origin) visit.receive(data);
  };
  page.addEventListener('message', listener);
  return () => {
    page.removeEventListener('message', listener);
    viewer.postMessage({ type: 'xstate.disconnect' }, origin);
    visit.end();
  };
}
