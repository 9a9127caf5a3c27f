// An outbox alone, links for it, and messages.
import type { DeliveryError } from '../../src/index.ts';
import { DEFAULTS, type OutboxOptions } from '../../src/options.ts';
import { Outbox } from '../../src/outbox.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';
import { rejectionOf } from './connected.ts';
import { FakeLink } from './fake-transport.ts';

export interface Message {
  readonly id?: string;
  readonly ack?: string;
  readonly text?: string;
}

const acknowledgements = {
  idOf: (message: Message) => message.id,
  acknowledgedBy: (message: Message) => message.ack,
};

/** Text frames of messages with an id begin with it. */
export const encode = ({ id, text = '' }: Message) => (id === undefined ? text : `${id}:${text}`);

export function made(options: OutboxOptions = {}) {
  const clock = new VirtualClock();
  const dropped: [string | undefined, string][] = [];
  let drains = 0;
  const outbox = new Outbox<Message, Message>(
    { ...DEFAULTS.outbox, ...options },
    { encode, acknowledgements },
    clock,
    {
      dropped: (message: Message, error: DeliveryError) => dropped.push([message.text, error.code]),
      drained: () => (drains += 1),
    },
  );
  return { outbox, clock, dropped, drains: () => drains };
}

const silent = {
  opened: () => undefined,
  received: () => undefined,
  ponged: () => undefined,
  ended: () => undefined,
};
export const aLink = () => new FakeLink({ url: 'ws://fake', subprotocols: [], headers: {} }, silent);
export const say = (text: string): Message => ({ text });
export const codeOf = async (promise: Promise<unknown>) =>
  ((await rejectionOf(promise)) as DeliveryError).code;
