// Whatever an assistant says, however it pauses, calls tools and ends, and however slowly frames go out: what a reader may
// rely on holds.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { AssistantPayload, RelayOptions } from '../../../src/channels/index.ts';
import { deferred } from '../../../src/deferred.ts';
import { holds, runs } from '../../support/hold.ts';
import { Script, Stage, text, tool } from './stage.ts';

const moves = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ say: fc.string({ maxLength: 25 }) }) },
    { weight: 3, arbitrary: fc.record({ pauseMs: fc.constantFrom(1, 100, 999, 1_000, 2_500) }) },
    { weight: 1, arbitrary: fc.record({ call: fc.integer({ min: 1, max: 3 }) }) },
  ),
  { maxLength: 25 },
);

const lives = fc.record({
  moves,
  ending: fc.constantFrom('done', 'error', 'cancel'),
  throttle: fc.record({
    minChars: fc.integer({ min: 1, max: 20 }),
    maxWaitMs: fc.integer({ max: 2_000, min: 0 }),
  }),
  /** How long each frame takes to go out; in turn. */
  publishMs: fc.array(fc.constantFrom(0, 0, 5, 700, 3_000), { minLength: 1, maxLength: 6 }),
});

type Life = typeof lives extends fc.Arbitrary<infer Value> ? Value : never;

const ENDLESS = { firstEventMs: Infinity, silenceMs: Infinity, overallMs: Infinity };

interface Lived {
  readonly stage: Stage;
  readonly said: string;
  readonly calls: number;
}

/** Calls of tools end a stream; the next moves are those of the stream that follows. */
async function live(
  { moves: made, ending, throttle, publishMs }: Life,
  heed: (stage: Stage, said: string, pausedMs: number) => void,
): Promise<Lived> {
  let script = new Script();
  const options: RelayOptions = {
    timeouts: ENDLESS,
    throttle,
    tools: { work: () => 'done' },
    submitToolOutputs: () => (script = new Script()),
  };
  const stage = new Stage(options);
  let count = 0;
  stage.fate = () => {
    const takesMs = publishMs[count++ % publishMs.length]!;
    const { promise, resolve } = deferred<undefined>();
    if (takesMs === 0) return undefined;
    stage.clock.setTimeout(() => resolve(undefined), takesMs);
    return promise;
  };
  const conversation = stage.answer(script);
  let said = '';
  let calls = 0;
  for (const move of made) {
    if ('say' in move) {
      script.say(text(move.say));
      said += move.say;
      await stage.pass();
    } else if ('pauseMs' in move) {
      await stage.pass(move.pauseMs);
      heed(stage, said, move.pauseMs);
    } else {
      for (let call = 0; call < move.call; call += 1) script.say(tool(`call-${(calls += 1)}`, 'work'));
      script.end();
      await stage.pass();
    }
  }
  if (ending === 'cancel') conversation.cancel();
  else script.say(ending === 'done' ? { type: 'done' } : { type: 'error', error: 'lost the thread' });
  while (stage.relay.conversations.size > 0) await stage.pass(1_000);
  expect(stage.clock.pending).toBe(0);
  return { stage, said, calls };
}

const texts = (payloads: readonly AssistantPayload[]) =>
  payloads.filter(({ status }) => status === 'in_progress' || status === 'completed');

function stagesInOrder({ stage, said, calls }: Lived, ending: Life['ending']): void {
  const { statuses } = stage;
  const count = (wanted: string) => statuses.filter((status) => status === wanted).length;
  expect(statuses[0]).toBe('started');
  expect(count('started')).toBe(1);
  expect(count('processing')).toBe(calls);
  expect(count('responding')).toBe(said === '' ? 0 : 1);
  expect(count('completed') + count('error')).toBe(1);
  expect(statuses.at(-1)).toBe(ending === 'done' ? 'completed' : 'error');
  const first = statuses.indexOf('in_progress');
  if (first >= 0) expect(statuses.indexOf('responding')).toBeLessThan(first);
}

function prefixes({ stage, said }: Lived): void {
  const messages = texts(stage.payloads).map(({ message }) => message);
  for (const [index, message] of messages.entries()) {
    expect(said.startsWith(message)).toBe(true);
    expect(message.startsWith(messages[index - 1] ?? '')).toBe(true);
  }
  const { status, message } = stage.payloads.at(-1)!;
  if (status === 'completed') expect(message).toBe(said);
}

function chunks({ stage }: Lived, { minChars, maxWaitMs }: Life['throttle']): void {
  const began = stage.payloads
    .filter(({ status }) => status === 'responding')
    .map((frame) => ({ ...frame, message: '' }));
  const told = [...began, ...stage.payloads.filter(({ status }) => status === 'in_progress')];
  for (const [index, { message, timestamp }] of told.entries()) {
    const before = told[index - 1];
    if (before === undefined) continue;
    const chars = message.length - before.message.length;
    const ms = (timestamp - before.timestamp) * 1_000;
    expect(chars > 0 && (chars >= minChars || ms >= maxWaitMs - 0.1)).toBe(true);
  }
}

function identified({ stage }: Lived): void {
  for (const [index, payload] of stage.payloads.entries()) {
    expect(payload.timestamp).toBeGreaterThan(stage.payloads[index - 1]?.timestamp ?? 0);
    expect([payload.message_id, payload.thread_id]).toEqual(['unique-message-id', null]);
  }
}

test('the stages come in order, the text only grows, and there is one end', { timeout: 120_000 }, () =>
  holds(
    fc.asyncProperty(lives, async (life) => {
      const lived = await live(life, () => undefined);
      stagesInOrder(lived, life.ending);
      prefixes(lived);
      chunks(lived, life.throttle);
      identified(lived);
    }),
    runs(300, 3_000),
    ([life]) => JSON.stringify(life),
  ),
);

test('a pause holds no text back', { timeout: 120_000 }, () =>
  holds(
    fc.asyncProperty(lives, async (life) => {
      await live({ ...life, publishMs: [0] }, (stage, said, pausedMs) => {
        if (said === '' || pausedMs < life.throttle.maxWaitMs) return;
        expect(texts(stage.payloads).at(-1)?.message).toBe(said);
      });
    }),
    runs(200, 2_000),
    ([life]) => JSON.stringify(life),
  ),
);
