// Who gets the messages of one subscription: listeners and iterators, and before the first of them the messages themselves
// wait, since whoever awaits a subscription cannot listen before it is there.
import { Emitter, type Reporter, type Unsubscribe } from '../emitter.ts';
import { MessageStream, type StreamOptions, type StreamSource } from '../message-stream.ts';
import type { SubscriptionEvents } from './subscription.ts';
import type { ChannelMessage } from './wire.ts';

/** Messages that wait for the first consumer; then the oldest are given up, and the consumer is told of a gap. */
export const MAX_EARLY = 256;

export type ReadingControl = Pick<StreamSource, 'canPause' | 'slowDown' | 'speedUp'>;

interface GivenUp {
  readonly first: ChannelMessage;
  last: ChannelMessage;
}

const NONE: readonly never[] = [];

export class Consumers implements StreamSource {
  readonly emitter: Emitter<SubscriptionEvents>;
  readonly #reading: ReadingControl;
  #streams: readonly MessageStream<ChannelMessage>[] = NONE;
  /** Until the first consumer is there. */
  #early: ChannelMessage[] | undefined = [];
  #givenUp: GivenUp | undefined;
  #hasBegun = false;

  constructor(reading: ReadingControl, reporter: Reporter) {
    this.#reading = reading;
    this.emitter = new Emitter(reporter);
  }

  get canPause(): boolean {
    return this.#reading.canPause;
  }

  slowDown(consumer: object): void {
    this.#reading.slowDown(consumer);
  }

  speedUp(consumer: object): void {
    this.#reading.speedUp(consumer);
  }

  release(stream: object): void {
    this.#streams = this.#streams.filter((other) => other !== stream);
  }

  on<E extends keyof SubscriptionEvents>(
    event: E,
    listener: SubscriptionEvents[E],
    times: 'on' | 'once',
  ): Unsubscribe {
    if (event === 'message') this.#begin();
    return this.emitter[times](event, listener);
  }

  messages(options: StreamOptions): MessageStream<ChannelMessage> {
    const stream = new MessageStream<ChannelMessage>(this, options);
    if (!stream.hasEnded) this.#streams = [...this.#streams, stream];
    this.#begin();
    return stream;
  }

  push(message: ChannelMessage): void {
    if (this.#early === undefined) this.#dispatch(message);
    else this.#keep(this.#early, message);
  }

  fail(reason: unknown): void {
    if (this.#hasBegun) this.flush();
    for (const stream of this.#streams) stream.fail(reason);
  }

  end(): void {
    if (this.#hasBegun) this.flush();
    for (const stream of this.#streams) stream.end();
  }

  /** In a moment: whoever adds a listener may be about to add another one. */
  #begin(): void {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    queueMicrotask(() => this.flush());
  }

  /** What waits for the first consumer goes to those who are there. */
  flush(): void {
    const early = this.#early;
    if (early === undefined) return;
    this.#early = undefined;
    if (this.#givenUp !== undefined) this.#tellOfGap(this.#givenUp);
    for (const message of early) this.#dispatch(message);
  }

  #tellOfGap({ first, last }: GivenUp): void {
    const { channel, seq } = first;
    const numbers =
      seq === undefined || last.seq === undefined ? {} : { after: Math.max(0, seq - 1), seq: last.seq };
    this.emitter.emit('gap', { channel, ...numbers });
  }

  #dispatch(message: ChannelMessage): void {
    for (const stream of this.#streams) stream.push(message);
    this.emitter.emit('message', message);
  }

  #keep(early: ChannelMessage[], message: ChannelMessage): void {
    early.push(message);
    if (early.length <= MAX_EARLY) return;
    const last = early.shift() as ChannelMessage;
    if (this.#givenUp === undefined) this.#givenUp = { first: last, last };
    else this.#givenUp.last = last;
  }
}
