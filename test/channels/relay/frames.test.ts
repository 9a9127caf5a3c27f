// The frames of an answer, byte for byte as the seed has them (S3-16 … S3-22), and the order in which they come.
import { expect, test } from 'vitest';
import { frameAround } from '../../../src/channels/wire.ts';
import { run, Script, Stage, type Published } from './stage.ts';

const bytes = ({ channel, payload }: Published): string => frameAround(channel, JSON.stringify(payload));

const frame = (members: string): string =>
  `{"channel":"user_session_abc123","payload":{${members},"message_id":"unique-message-id","thread_id":"thread_abc123"}}`;

/** A conversation in which each stage comes at a second of its own. */
async function conversation(stage: Stage): Promise<Script> {
  const script = new Script();
  stage.answer(script, { threadId: 'thread_abc123' });
  await stage.pass(1_000);
  return script;
}

const withTool = () =>
  new Stage({
    tools: {
      get_weather: {
        run: () => ({ celsius: 31 }),
        describe: ({ city }: { city: string }) => `Executing weather check for ${city}`,
      },
    },
    submitToolOutputs: () => new Script().say(run.delta('Current weather in Makati...'), run.completed).end(),
  });

test('each stage is the frame of the seed', async () => {
  const stage = withTool();
  const script = await conversation(stage);
  script.say(run.created, run.requires(['call_1', 'get_weather', '{"city":"Makati"}']));
  await stage.pass();

  expect(stage.published.map(bytes)).toEqual([
    frame(
      '"message":"Assistant is processing your request...","timestamp":1683042123.456,"status":"started","type":"status","final_message":false',
    ),
    frame(
      '"message":"Executing weather check for Makati","timestamp":1683042124.456,"status":"processing","type":"tool","final_message":false',
    ),
    frame(
      '"message":"Assistant is responding...","timestamp":1683042124.456001,"status":"responding","type":"status","final_message":false',
    ),
    frame(
      '"message":"Current weather in Makati...","timestamp":1683042124.456002,"status":"in_progress","type":"response","final_message":false',
    ),
    frame(
      '"message":"Current weather in Makati...","timestamp":1683042124.456003,"status":"completed","type":"response","final_message":true',
    ),
  ]);
});

test('an error is the frame of the seed, without final_message', async () => {
  const stage = new Stage();
  const script = await conversation(stage);
  script.say({ type: 'error', error: new Error('Detailed error information') });
  await stage.pass();

  expect(bytes(stage.published[1]!)).toBe(
    frame(
      '"message":"I encountered an issue while processing your request.","timestamp":1683042124.456,"status":"error","type":"error","error_details":"Detailed error information"',
    ),
  );
});

test('the thread is null until the run names it', async () => {
  const stage = new Stage();
  const script = new Script();
  stage.answer(script);
  script.say(run.created, run.delta('Good morning'), run.completed).end();
  await stage.pass();

  expect(stage.payloads.map(({ thread_id }) => thread_id)).toEqual([
    null,
    'thread_abc123',
    'thread_abc123',
    'thread_abc123',
  ]);
});

test('no two frames bear the same time, even when the clock is set back', async () => {
  const stage = new Stage({ now: () => 1_683_042_123_456 - Math.random() });
  stage.answer(new Script().say(run.delta('Good morning'), run.completed).end());
  await stage.pass();

  const times = stage.payloads.map(({ timestamp }) => timestamp);
  expect(times.length).toBe(4);
  expect(times.toSorted((a, b) => a - b)).toEqual(times);
  expect(new Set(times).size).toBe(4);
});

test('the tool is named where nothing describes it', async () => {
  const stage = new Stage({ tools: { now: () => 12 }, submitToolOutputs: () => new Script().end() });
  stage.answer(new Script().say(run.requires(['call_1', 'now', ''])));
  await stage.pass();

  expect(stage.story).toEqual([
    'started: Assistant is processing your request...',
    'processing: Executing now...',
    'completed: ',
  ]);
});
