// STOPGAP
import type { WebSocketOptions } from '../platform/platform.ts';
import type { Transport } from './transport.ts';
export const nativeWebSocket = (_options: WebSocketOptions = {}): Transport => { throw new Error('not yet'); };
