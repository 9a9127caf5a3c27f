// What a user sees of a few lives of a connection, written down from the documentation. Together they leave no
// transition of the chart untried, and none of them looks at the chart.
import { expect } from 'vitest';
import { Subject, type SubjectSettings } from './subject.ts';
import { kindOf } from './talk-protocol.ts';

type Life = (subject: Subject) => Promise<void>;

interface Scenario {
  readonly given?: Partial<SubjectSettings>;
  readonly live: Life;
  /** Each state that was told of: why, in which attempt, and how long until the next. */
  readonly told: readonly string[];
}

const CONNECT_MS = 15_000;
const HANDSHAKE_MS = 10_000;
const CLOSE_MS = 3_000;
const STABLE_MS = 5_000;
const PATIENCE_MS = 30_000;
const DEATH_MS = 25_000;

const OPENED = ['connecting CONNECT_CALLED', 'authenticating CONNECT_CALLED', 'open HANDSHAKE_ACCEPTED'];
const leaving = (attempt: number) =>
  ['closing', 'closed'].map((state) => `${state} DISCONNECT_CALLED${attempt === 0 ? '' : ` #${attempt}`}`);
const LEFT = leaving(0);
const again = (code: string, attempt: number) => [
  `connecting ${code} #${attempt}`,
  `authenticating ${code} #${attempt}`,
  `open HANDSHAKE_ACCEPTED #${attempt}`,
];
const lost = (code: string, attempt: number, retryInMs: number) =>
  `reconnecting ${code} #${attempt} in ${retryInMs} ms`;

const pass = (subject: Subject, ms: number) => subject.run(() => subject.clock.advance(ms));
const establish = (subject: Subject) => subject.run(() => subject.establish());
const connect = (subject: Subject) => subject.run(() => subject.connect());
const disconnect = (subject: Subject) => subject.run(() => subject.disconnect());
const cut = (subject: Subject, closeCode = 1006) => subject.run(() => void subject.link?.ends({ closeCode }));
const hear = (subject: Subject, content: object) =>
  subject.run(() => void subject.link?.hears(JSON.stringify(content)));

/** The server lets in whoever has dialled. */
const letIn: Life = async (subject) => {
  await subject.run(() => subject.opens());
  await subject.run(() => subject.accepts());
};

/** To `failed`: the server does not want us. */
const fail: Life = async (subject) => {
  await connect(subject);
  await subject.run(() => subject.opens());
  await hear(subject, { rejected: 'stop' });
};

export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  'a session, and its end': {
    live: async (subject) => {
      await establish(subject);
      await disconnect(subject);
      await cut(subject, 1000);
      expect(subject.connection.state).toBe('closed');
      await establish(subject);
    },
    told: [...OPENED, ...LEFT, ...OPENED],
  },
  'disconnect() before anything, while dialling and in the handshake': {
    live: async (subject) => {
      await disconnect(subject);
      await connect(subject);
      await disconnect(subject);
      await connect(subject);
      await subject.run(() => subject.opens());
      await disconnect(subject);
      await disconnect(subject);
      await pass(subject, CLOSE_MS - 1);
      expect(subject.connection.state).toBe('closing');
      await pass(subject, 1);
    },
    told: [
      'closed DISCONNECT_CALLED',
      'connecting CONNECT_CALLED',
      'closed DISCONNECT_CALLED',
      ...OPENED.slice(0, 2),
      ...LEFT,
    ],
  },
  'a mind changed thrice': {
    live: async (subject) => {
      await establish(subject);
      await disconnect(subject);
      await connect(subject);
      await disconnect(subject);
      await cut(subject, 1000);
      await establish(subject);
      await disconnect(subject);
      await connect(subject);
      await cut(subject, 1000);
      await letIn(subject);
      await disconnect(subject);
      await connect(subject);
      await pass(subject, CLOSE_MS);
      await letIn(subject);
    },
    told: [...[...OPENED, ...LEFT, ...OPENED], ...[LEFT[0]!, ...OPENED, LEFT[0]!, ...OPENED]],
  },
  'a server that never answers': {
    live: async (subject) => {
      await connect(subject);
      await pass(subject, CONNECT_MS);
      await pass(subject, 100);
      await subject.run(() => subject.opens());
      await pass(subject, HANDSHAKE_MS);
    },
    told: [
      'connecting CONNECT_CALLED',
      lost('CONNECT_TIMEOUT', 1, 100),
      ...again('CONNECT_TIMEOUT', 1).slice(0, 2),
      lost('HANDSHAKE_TIMEOUT', 2, 1_000),
    ],
  },
  'losses of sessions that hold, and of some that do not': {
    live: async (subject) => {
      await establish(subject);
      await pass(subject, STABLE_MS);
      await cut(subject);
      await pass(subject, 100);
      await letIn(subject);
      await pass(subject, STABLE_MS);
      await cut(subject);
      await pass(subject, 100);
      await letIn(subject);
      await pass(subject, STABLE_MS - 1);
      await cut(subject, 1011);
      await pass(subject, 1_000);
      await letIn(subject);
      expect(subject.connection.stats.reconnects).toBe(3);
      await disconnect(subject);
      await pass(subject, CLOSE_MS);
      await establish(subject);
      expect(subject.connection.stats.reconnects).toBe(3);
      await cut(subject);
    },
    told: [
      ...[...OPENED, lost('LINK_LOST', 1, 100), ...again('LINK_LOST', 1)],
      ...[lost('LINK_LOST', 1, 100), ...again('LINK_LOST', 1)],
      ...[lost('CLOSED_BY_PEER', 2, 1_000), ...again('CLOSED_BY_PEER', 2)],
      ...[...leaving(2), ...OPENED, lost('LINK_LOST', 1, 100)],
    ],
  },
  'a link that lives, then dies silently': {
    live: async (subject) => {
      await establish(subject);
      await pass(subject, 15_000);
      await subject.run(() => void subject.link?.pongs());
      await pass(subject, 15_000);
      await subject.run(() => void subject.link?.pongs());
      await pass(subject, DEATH_MS - 1);
      expect(subject.connection.state).toBe('open');
      await pass(subject, 1);
    },
    told: [...OPENED, lost('HEARTBEAT_TIMEOUT', 1, 100)],
  },
  'a server that refuses': {
    live: async (subject) => {
      await fail(subject);
      await disconnect(subject);
      await fail(subject);
      await establish(subject);
    },
    told: [
      ...[...OPENED.slice(0, 2), 'failed CREDENTIALS_REJECTED #1', 'closed DISCONNECT_CALLED #1'],
      ...[...OPENED.slice(0, 2), 'failed CREDENTIALS_REJECTED #1', ...OPENED],
    ],
  },
  'credentials that expire, and are refreshed once for each session': {
    given: { providers: 'functions' },
    live: async (subject) => {
      await connect(subject);
      for (let sessions = 0; sessions < 2; sessions += 1) {
        await subject.run(() => subject.opens());
        await hear(subject, { rejected: 'refresh' });
        await letIn(subject);
        await pass(subject, STABLE_MS);
        await cut(subject);
        await pass(subject, 100);
      }
      await subject.run(() => subject.opens());
      await hear(subject, { rejected: 'refresh' });
      await subject.run(() => subject.opens());
      await hear(subject, { rejected: 'refresh' });
    },
    told: [
      ...[...OPENED.slice(0, 2), ...again('CREDENTIALS_REJECTED', 1), lost('LINK_LOST', 1, 100)],
      ...[
        ...again('LINK_LOST', 1).slice(0, 2),
        ...again('CREDENTIALS_REJECTED', 2),
        lost('LINK_LOST', 1, 100),
      ],
      ...[...again('LINK_LOST', 1).slice(0, 2), ...again('CREDENTIALS_REJECTED', 2).slice(0, 2)],
      'failed CREDENTIALS_REJECTED #3',
    ],
  },
  'a message that kills each session': {
    live: async (subject) => {
      await establish(subject);
      await cut(subject, 1009);
      await pass(subject, 100);
      await letIn(subject);
      await pass(subject, STABLE_MS);
      await cut(subject, 1009);
      await pass(subject, 100);
      await letIn(subject);
      await cut(subject, 1009);
    },
    told: [
      ...[...OPENED, lost('CLOSED_BY_PEER', 1, 100), ...again('CLOSED_BY_PEER', 1)],
      ...[lost('CLOSED_BY_PEER', 1, 100), ...again('CLOSED_BY_PEER', 1), 'failed CLOSED_BY_PEER #2'],
    ],
  },
  'no more attempts than wanted': {
    given: { retry: { stableAfterMs: 0, maxAttempts: 2 } },
    live: async (subject) => {
      await establish(subject);
      await cut(subject);
      for (const waitMs of [100, 1_000]) {
        await pass(subject, waitMs);
        await cut(subject);
      }
    },
    told: [
      ...[...OPENED, lost('LINK_LOST', 1, 100), 'connecting LINK_LOST #1'],
      ...[lost('CONNECT_FAILED', 2, 1_000), 'connecting CONNECT_FAILED #2', 'failed RETRIES_EXHAUSTED #3'],
    ],
  },
  'waits that somebody ends': {
    live: async (subject) => {
      await establish(subject);
      for (const end of ENDS_OF_WAITS) {
        await pass(subject, STABLE_MS);
        await cut(subject);
        await end(subject);
      }
      await disconnect(subject);
    },
    told: [
      ...[...OPENED, lost('LINK_LOST', 1, 100), ...again('CONNECT_CALLED', 1)],
      ...[lost('LINK_LOST', 1, 100), ...again('NETWORK_RETURNED', 1)],
      ...[lost('LINK_LOST', 1, 100), ...again('PAGE_RETURNED', 1)],
      ...[lost('LINK_LOST', 1, 100), 'closed DISCONNECT_CALLED #1'],
    ],
  },
  'no network': {
    live: async (subject) => {
      await establish(subject);
      subject.surroundings.online = false;
      await cut(subject);
      await pass(subject, PATIENCE_MS - 1);
      expect(subject.connection.state).toBe('reconnecting');
      await pass(subject, 1);
      await cut(subject);
      await subject.run(() => subject.surroundings.tell('network.returned'));
    },
    told: [
      ...[...OPENED, 'reconnecting LINK_LOST #1', 'connecting LINK_LOST #1'],
      ...['reconnecting CONNECT_FAILED #2', 'connecting NETWORK_RETURNED #2'],
    ],
  },
  'a policy that disconnects': {
    given: { hasPolicy: true },
    live: async (subject) => {
      await establish(subject);
      subject.decide = (proposal) => {
        subject.disconnect({ inListener: true });
        return proposal;
      };
      await cut(subject);
    },
    told: [...OPENED, 'closed DISCONNECT_CALLED #1'],
  },
  'what the policy is told of each loss': {
    given: { hasPolicy: true },
    live: async (subject) => {
      const losses: unknown[] = [];
      subject.decide = (proposal, loss) => {
        losses.push([loss.phase, loss.initial, loss.attempt, loss.previousDelayMs, loss.stableForMs]);
        return proposal;
      };
      await connect(subject);
      await cut(subject);
      await pass(subject, 100);
      await subject.run(() => subject.opens());
      await cut(subject);
      await pass(subject, 1_000);
      await letIn(subject);
      await pass(subject, 7);
      await cut(subject);
      await pass(subject, 10_000);
      subject.surroundings.online = false;
      await pass(subject, CONNECT_MS);
      await pass(subject, PATIENCE_MS);
      await cut(subject);
      expect(losses).toEqual([
        ['connecting', true, 1, null, 0],
        ['authenticating', true, 2, 100, 0],
        ['open', false, 3, 1_000, 7],
        ['connecting', false, 4, 10_000, 0],
        ['connecting', false, 5, null, 0],
      ]);
    },
    told: [
      ...['connecting CONNECT_CALLED', lost('CONNECT_FAILED', 1, 100)],
      ...[...again('CONNECT_FAILED', 1).slice(0, 2), lost('LINK_LOST', 2, 1_000), ...again('LINK_LOST', 2)],
      ...[lost('LINK_LOST', 3, 10_000), 'connecting LINK_LOST #3', 'reconnecting CONNECT_TIMEOUT #4'],
      ...['connecting CONNECT_TIMEOUT #4', 'reconnecting CONNECT_FAILED #5'],
    ],
  },
  'messages that wait behind a slow link, through a loss and until the farewell': {
    given: { outbox: { highWaterBytes: 1 } },
    live: async (subject) => {
      await establish(subject);
      for (const isLost of [true, false]) {
        subject.link?.stalls();
        for (let count = 0; count < 3; count += 1) await subject.run(() => subject.ledger.send());
        if (isLost) await cut(subject);
        else await disconnect(subject);
        await pass(subject, isLost ? 100 : CLOSE_MS);
        await letIn(subject);
      }
      expect(subject.transport.links.map(({ frames }) => frames.map(kindOf))).toEqual([
        ['hello', 'step', 'again'],
        ['hello', 'step', 'again', ...new Array<string>(6).fill('talk'), 'bye'],
      ]);
    },
    told: [...[...OPENED, lost('LINK_LOST', 1, 100), ...again('LINK_LOST', 1), ...leaving(1)]],
  },
  'messages in every state': {
    live: async (subject) => {
      const send = () => subject.run(() => subject.ledger.send());
      await send();
      await connect(subject);
      await send();
      await subject.run(() => subject.opens());
      await send();
      await subject.run(() => subject.accepts());
      await send();
      expect(subject.connection.stats.messagesOut).toBe(4);
      await cut(subject);
      await send();
      await pass(subject, 100);
      await letIn(subject);
      expect(subject.connection.stats.messagesOut).toBe(5);
      await disconnect(subject);
      await send();
      await connect(subject);
      await send();
      await cut(subject, 1000);
      await letIn(subject);
      await disconnect(subject);
      await pass(subject, CLOSE_MS);
      await send();
      await fail(subject);
      await send();
      const lines = subject.ledger.outcomes.map((line) => line.slice(line.indexOf(' ') + 1));
      const taken = new Array<string>(5).fill('taken');
      expect(lines).toEqual([...taken, 'refused', 'taken', 'refused', 'refused']);
    },
    told: [
      ...[...OPENED, lost('LINK_LOST', 1, 100), ...again('LINK_LOST', 1)],
      ...[leaving(1)[0]!, ...OPENED, ...LEFT],
      ...[...OPENED.slice(0, 2), 'failed CREDENTIALS_REJECTED #1'],
    ],
  },
};

const ENDS_OF_WAITS: readonly Life[] = [
  establish,
  async (subject) => {
    await subject.run(() => subject.surroundings.tell('network.returned'));
    await letIn(subject);
  },
  async (subject) => {
    await subject.run(() => subject.surroundings.tell('page.returned'));
    await letIn(subject);
  },
  async () => undefined,
];

/** Lives one scenario to its end, and the end after that. @throws {Error} when a user would see something else */
export async function observe({ given = {}, live, told }: Scenario): Promise<void> {
  const subject = new Subject(given);
  await live(subject);
  expect(subject.changes.map(lineOf)).toEqual(told);
  await subject.finish();
}

const lineOf = ({ state, reason, attempt, retryInMs }: Subject['changes'][number]) =>
  `${state} ${reason}${attempt === 0 ? '' : ` #${attempt}`}${retryInMs === null ? '' : ` in ${retryInMs} ms`}`;
