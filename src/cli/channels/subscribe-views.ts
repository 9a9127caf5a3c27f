// What a subscription shows beside the states of its connection: messages, gaps, and who is there.
import type { SubscriptionState } from '../../../machines/index.ts';
import type { Gap, Presence } from '../../channels/index.ts';
import type { ChannelMessage } from '../../channels/wire.ts';
import type { Io } from '../io.ts';
import { jsonStates } from '../session/json-states.ts';
import { stateLog } from '../session/state-log.ts';
import type { StateView } from '../session/view.ts';
import { count, harmless } from '../style.ts';
import { problemOf } from './problems.ts';

export interface SubscriptionView extends StateView {
  message(message: ChannelMessage): void;
  gap(gap: Gap): void;
  presence(presence: Presence): void;
  /** @param isAcknowledged whether the server said so, or was taken to have agreed */
  subscription(state: SubscriptionState, isAcknowledged: boolean): void;
}

export function jsonView(io: Pick<Io, 'stdout'>): SubscriptionView {
  const { say, ...states } = jsonStates(io);
  return {
    ...states,
    message: (message) => say('message', message),
    gap: (gap) => say('gap', gap),
    presence: (presence) => say('presence', presence),
    subscription: (state, isAcknowledged) => say('subscription', { state, isAcknowledged }),
  };
}

export interface TextViewOptions {
  readonly isJson: boolean;
  readonly isQuiet: boolean;
  /** The server's address, fit to be shown. */
  readonly address: string;
  readonly channel: string;
}

/** Messages on stdout, one a line; everything else on stderr. */
export function textView(
  io: Pick<Io, 'stdout' | 'stderr' | 'env'>,
  { isJson, isQuiet, address, channel }: TextViewOptions,
): SubscriptionView {
  const { stdout } = io;
  const { log, ...states } = stateLog(io, { isQuiet, address, problemOf });
  const isTerminal = stdout.isTTY === true;
  return {
    ...states,
    message: ({ payload }) => {
      const text = JSON.stringify(payload, null, isJson ? 2 : 0);
      stdout.write(`${isTerminal ? harmless(text) : text}\n`);
    },
    gap: ({ after }) => {
      const where = after === undefined ? '' : ` after message ${after}`;
      io.stderr.write(`statewire: gap${where}: what came before the next one may be missing\n`);
    },
    presence: ({ event, members }) =>
      log(
        event === 'present' ? `present: ${count(members.length, 'member')}` : `${event}: ${idsOf(members)}`,
      ),
    subscription: (state, isAcknowledged) => {
      if (state === 'subscribed')
        log(`subscribed to ${channel}${isAcknowledged ? '' : '; the server does not say so'}`);
    },
  };
}

const idsOf = (members: Presence['members']): string => members.map(({ id }) => id).join(', ');
