// Real sockets, cut at random points in random ways: a message that is acknowledged is never lost, one that is not
// comes again, and the server, which looks at the ids, has each of them once, in order. Time is virtual.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Connection, ConnectionError, listBackoff } from '../../src/index.ts';
import { PuppetServer, type PuppetSocket } from '../../src/testing/puppet-server.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';
import { until } from '../../src/testing/wait.ts';
import { holds, runs } from '../support/hold.ts';
import { PostOffice, Scissors, receipts, type Letter } from '../support/receipts.ts';

const HEARTBEAT = { intervalMs: 15_000, timeoutMs: 10_000 };

/** One session, and how it ends. */
interface Round {
  readonly letters: number;
  readonly numbers: number;
  readonly by: 'close' | 'restart' | 'reset' | 'fin' | 'freeze' | 'destroy';
  /** Where the cut is: among the letters that are on their way, or at once when there are fewer. */
  readonly afterLetters: number;
  readonly withReceipt: boolean;
  readonly lettersWhileDown: number;
  readonly refusals: readonly ('503' | 'no answer')[];
}

const round: fc.Arbitrary<Round> = fc.record({
  letters: fc.nat(6),
  numbers: fc.nat(3),
  by: fc.constantFrom('close', 'restart', 'reset', 'fin', 'freeze', 'destroy'),
  afterLetters: fc.nat(8),
  withReceipt: fc.boolean(),
  lettersWhileDown: fc.nat(3),
  refusals: fc.array(fc.constantFrom('503', 'no answer'), { maxLength: 2 }),
});

const CUTS: Readonly<Record<Round['by'], (socket: PuppetSocket) => void>> = {
  close: (socket) => socket.close(1001),
  restart: (socket) => socket.close(1012),
  reset: (socket) => socket.reset(),
  fin: (socket) => socket.drop(),
  freeze: (socket) => socket.freeze(),
  destroy: (socket) => socket.request.socket.destroy(),
};

class Correspondence implements AsyncDisposable {
  readonly clock = new VirtualClock();
  readonly office = new PostOffice();
  readonly outcomes: string[] = [];
  readonly heard: number[] = [];
  readonly connection: Connection<Letter>;
  readonly #server: PuppetServer;
  #plans = 0;
  #retryInMs = 0;
  #posted = 0;
  #numbered = 0;

  constructor(server: PuppetServer) {
    this.#server = server;
    this.connection = new Connection({
      url: server.url,
      protocol: receipts,
      clock: this.clock,
      random: () => 0,
      heartbeat: HEARTBEAT,
      retry: { backoff: listBackoff([100, 1_000]) },
    });
    this.connection.on('message', ({ number }) => {
      if (number !== undefined) this.heard.push(number);
    });
    this.connection.on('reconnecting', ({ retryInMs }) => {
      this.#plans += 1;
      this.#retryInMs = retryInMs ?? 0;
    });
  }

  get posted(): string[] {
    return Array.from({ length: this.#posted }, (_, index) => String(index));
  }

  get undecided(): number {
    return this.outcomes.filter((outcome) => outcome === 'pending').length;
  }

  post(letters: number): void {
    for (let count = 0; count < letters; count += 1) {
      const at = this.outcomes.push('pending') - 1;
      this.connection.deliver({ id: String(this.#posted) }).then(
        ({ outcome }) => this.#decide(at, outcome),
        (thrown: unknown) =>
          this.#decide(at, thrown instanceof ConnectionError ? thrown.code : String(thrown)),
      );
      this.#posted += 1;
    }
  }

  /** Lets the client in, and waits until it knows. */
  async accept(): Promise<PuppetSocket> {
    const socket = await this.#server.accept();
    this.office.serve(socket);
    await until(() => this.connection.state === 'open');
    return socket;
  }

  async play({ letters, numbers, by, afterLetters, withReceipt, lettersWhileDown, refusals }: Round) {
    const socket = await this.#server.accept();
    const plansBefore = this.#plans;
    const scissors = new Scissors(afterLetters, withReceipt, CUTS[by]);
    this.office.serve(socket, scissors);
    await until(() => this.connection.state === 'open' || scissors.isUsed);
    for (let count = 0; count < numbers; count += 1) socket.send({ number: (this.#numbered += 1) });
    this.post(letters);
    // When fewer are on their way than the cut waits for, it is now.
    if (this.undecided < afterLetters) scissors.cut(socket);
    else if (afterLetters > 0) await until(() => scissors.isUsed || this.undecided === 0);
    scissors.cut(socket);
    if (by === 'freeze') await this.#noticeDeath(plansBefore);
    await until(() => this.#plans > plansBefore);
    this.post(lettersWhileDown);
    for (const refusal of refusals) await this.#refuse(refusal);
    this.clock.advance(this.#retryInMs);
  }

  async #noticeDeath(plansBefore: number): Promise<void> {
    // What had left the server before it froze may still come in, and is a sign of life.
    await until(() => {
      if (this.#plans === plansBefore) this.clock.advance(1_000);
      return this.#plans > plansBefore;
    });
  }

  async #refuse(refusal: Round['refusals'][number]): Promise<void> {
    const before = this.#plans;
    this.clock.advance(this.#retryInMs);
    const upgrade = await this.#server.upgrade();
    if (refusal === '503') upgrade.refuse(503);
    else upgrade.destroy();
    await until(() => this.#plans > before);
  }

  #decide(at: number, outcome: string): void {
    this.outcomes[at] = this.outcomes[at] === 'pending' ? outcome : `${outcome}, again`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = this.connection.disconnect();
    this.clock.advance(3_000);
    await ended;
  }
}

const words = ([rows]: readonly [readonly Round[], ...unknown[]]) =>
  rows.map((row, index) => `${index + 1}. ${JSON.stringify(row)}`).join('\n');

const rounds = fc.array(round, { minLength: 1, maxLength: 6 });

const timeout = 600_000;

test(
  'every message that is acknowledged arrives once and in order, wherever the link is cut',
  { timeout },
  () =>
    holds(
      fc.asyncProperty(rounds, fc.nat(4), async (rows, lettersBefore) => {
        await using server = await PuppetServer.listen();
        await using correspondence = new Correspondence(server);
        const { connection, office, clock } = correspondence;
        correspondence.post(lettersBefore);
        connection.connect().catch(() => undefined);
        for (const row of rows) await correspondence.play(row);
        await correspondence.accept();
        await until(() => correspondence.undecided === 0);

        expect(office.received).toEqual(correspondence.posted);
        expect(correspondence.outcomes).toEqual(correspondence.posted.map(() => 'acknowledged'));
        expect(correspondence.heard).toEqual([...new Set(correspondence.heard)].sort((a, b) => a - b));

        await connection.disconnect();
        expect(clock.pending).toBe(0);
      }),
      runs(50, 300),
      words,
    ),
);

test('what disconnect() leaves undecided is told as it is: not sent, or unknown', { timeout }, () =>
  holds(
    fc.asyncProperty(rounds, fc.boolean(), async (rows, isOpen) => {
      await using server = await PuppetServer.listen();
      await using correspondence = new Correspondence(server);
      const { connection, office, outcomes } = correspondence;
      connection.connect().catch(() => undefined);
      for (const row of rows) await correspondence.play(row);
      if (isOpen) {
        const socket = await correspondence.accept();
        socket.onFrame = undefined;
        correspondence.post(3);
      }
      const ended = connection.disconnect();
      await until(() => connection.state === 'closed');
      await ended;

      const told = (outcome: string) =>
        correspondence.posted.filter((_, index) => outcomes[index] === outcome);
      expect(outcomes.filter((outcome) => !OUTCOMES.includes(outcome))).toEqual([]);
      expect(told('acknowledged').filter((id) => !office.received.includes(id))).toEqual([]);
      expect(told('MESSAGE_UNDELIVERED').filter((id) => office.received.includes(id))).toEqual([]);
    }),
    runs(50, 300),
    words,
  ),
);

const OUTCOMES = ['acknowledged', 'DELIVERY_UNKNOWN', 'MESSAGE_UNDELIVERED'];
