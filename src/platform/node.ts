// Node: `ws` carries the bytes, the process is always online, and what nobody listens for becomes a warning.
import { nativeWebSocket } from '../transports/websocket-native.ts';
import { nodeWebSocket } from '../transports/websocket-node.ts';
import type { Platform } from './platform.ts';

export const defaultTransport: Platform['defaultTransport'] = (options) =>
  options.WebSocket !== undefined || options.createWebSocket !== undefined
    ? nativeWebSocket(options)
    : nodeWebSocket(options);

export const surroundings: Platform['surroundings'] = {
  isOnline: () => true,
  subscribe: () => () => undefined,
};

export const afterTurn: Platform['afterTurn'] = (callback) => {
  setImmediate(callback).unref();
};

export const reportUncaught: Platform['reportUncaught'] = (error) => {
  process.emitWarning(error);
};
