// What a session shows beside its states, whatever it is shown on: a terminal, a pipe, or a program that reads JSON.
import type { ConnectionStats } from '../../statistics.ts';
import type { Frame } from '../../transports/transport.ts';
import type { StateView } from '../session/view.ts';

export interface View extends StateView {
  /** The server's answer to the authentication frame. */
  welcome(frame: Frame): void;
  message(frame: Frame): void;
  /** A line was taken; it waits when the connection is not open. */
  sent(line: string): void;
}

/** Where a view reads off what changes by itself. */
export type Gauges = Pick<ConnectionStats, 'rttMs' | 'messagesIn' | 'messagesOut'>;
