// The publications of one client on their way to the broker: in order for each channel, and a limited number at once.
import type { Broker, NewMessage } from './broker.ts';
import type { Member } from './member.ts';
import { Refused, type Subject } from './refused.ts';
import type { Tally } from './tally.ts';

export interface PublicationsWorld {
  readonly settings: { readonly broker: Broker };
  readonly tally: Tally;
  readonly isClosing: boolean;
  hookFailed(hook: string, thrown: unknown): void;
}

export interface Publication extends Pick<NewMessage, 'payload' | 'messageId'> {
  readonly channel: string;
}

/** Publications of one client that the broker has not confirmed yet; then its next frame waits. */
const MAX_UNCONFIRMED = 256;

export class Publications {
  readonly #world: PublicationsWorld;
  readonly #member: Member;
  readonly #onRefused: (refused: Refused) => void;
  readonly #unconfirmed = new Set<Promise<void>>();
  /** The last one of each channel: the next waits for it, or one that failed could be overtaken. */
  readonly #lastOf = new Map<string, Promise<void>>();
  /** One has failed that the client sends again: what comes after it must not come before it. */
  #isOver = false;

  constructor(world: PublicationsWorld, member: Member, onRefused: (refused: Refused) => void) {
    this.#world = world;
    this.#member = member;
    this.#onRefused = onRefused;
  }

  take(publication: Publication, subject: Subject): void {
    const { channel } = publication;
    const before = this.#lastOf.get(channel);
    const confirmed =
      before === undefined
        ? this.#publish(publication, subject)
        : before.then(() => this.#publish(publication, subject));
    this.#unconfirmed.add(confirmed);
    this.#lastOf.set(channel, confirmed);
    void confirmed.then(() => {
      this.#unconfirmed.delete(confirmed);
      if (this.#lastOf.get(channel) === confirmed) this.#lastOf.delete(channel);
    });
  }

  async untilRoom(): Promise<void> {
    if (this.#unconfirmed.size >= MAX_UNCONFIRMED) await Promise.race(this.#unconfirmed);
  }

  async settled(): Promise<void> {
    while (this.#unconfirmed.size > 0) await Promise.all(this.#unconfirmed);
  }

  /** Never rejects. */
  async #publish({ channel, payload, messageId }: Publication, subject: Subject): Promise<void> {
    const { settings, tally, isClosing } = this.#world;
    if (this.#isOver) return;
    if (isClosing) {
      this.#endWith(messageId, subject);
      return;
    }
    try {
      const message = { payload, messageId, publisher: this.#member.id };
      const published = await settings.broker.publish(channel, message);
      tally.count(published);
      if (messageId === undefined) return;
      const { seq } = published;
      this.#member.reply({ action: 'published', channel, message_id: messageId, seq });
    } catch (thrown) {
      this.#world.hookFailed('broker', thrown);
      this.#endWith(messageId, subject);
      if (messageId !== undefined) this.#member.disconnect('The message could not be kept');
    }
  }

  /** Whoever gave an id comes back and sends again what has no answer, in order; a refusal would be the last word. */
  #endWith(messageId: string | undefined, subject: Subject): void {
    const text = 'The message could not be kept; publish it again.';
    if (messageId === undefined) this.#onRefused(new Refused('UNAVAILABLE', text, subject));
    else this.#isOver = true;
  }
}
