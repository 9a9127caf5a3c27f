// What is taken for a recording, and what is not.
import { createMachine } from 'xstate';
import { describe, expect, test } from 'vitest';
import { connectionMachine } from '../../machines/index.ts';
import { fingerprintOf, parseRecording, type Recording } from '../../src/inspection/recording.ts';
import { replay } from '../../src/inspection/replay.ts';
import { limits } from '../support/chart.ts';

const context = {
  limits,
  attempt: 0,
  sessions: 0,
  refreshes: 0,
  repeats: 0,
  retryInMs: null,
  phase: 'connecting',
  reason: 'CREATED',
  failure: null,
};

const recording: Recording = {
  format: 'statewire.recording',
  version: 1,
  name: 'a connection',
  machine: { id: 'connection', fingerprint: fingerprintOf(connectionMachine.config) },
  recordedAt: '2026-01-01T00:00:00.000Z',
  recordedAtMs: 50,
  start: { value: 'idle', context },
  droppedEvents: 0,
  events: [
    { atMs: 10, event: { type: 'connect' }, value: { online: 'connecting' } },
    { atMs: 20, event: { type: 'disconnect' }, value: 'closed' },
  ],
};

const nested = (levels: number): unknown => {
  let value: unknown = 'on';
  for (let level = 0; level < levels; level += 1) value = { on: value };
  return value;
};

describe('a recording is read', () => {
  test('from text and from data', () => {
    expect(parseRecording(JSON.stringify(recording))).toEqual(recording);
    expect(parseRecording(recording)).toEqual(recording);
  });

  test.each([
    ['text that is no JSON', 'not JSON', /expected JSON, got "not JSON"/],
    ['nothing', null, /expected JSON with the format "statewire.recording", got nothing/],
    ['another format', { format: 'har' }, /the format "statewire.recording", got "har"/],
    ['a version of the future', { ...recording, version: 2 }, /expected version 1 of the format, got 2/],
    ['no machine', { ...recording, machine: {} }, /expected a machine with an id and a fingerprint, got {}/],
    [
      'no start',
      { ...recording, start: undefined },
      /expected a start with a value and a context, got nothing/,
    ],
    ['no events', { ...recording, events: {} }, /expected a list of events, got {}/],
    [
      'an event without a type',
      { ...recording, events: [{ atMs: 1, event: {}, value: 'idle' }] },
      /expected a time, an event and a state value as event 0, got {/,
    ],
    [
      'a state nested deeper than any chart',
      { ...recording, start: { value: nested(30_000), context } },
      /expected a start with a value and a context, got what is nested too deep to show/,
    ],
  ])('and refused when it is %s', (_, given, message) => {
    expect(() => parseRecording(given)).toThrow(message);
  });
});

describe('a fingerprint', () => {
  const chart = { id: 'lamp', initial: 'off', states: { off: {}, on: {} } } as const;

  test('is that of the chart, in whatever order it is written', () => {
    const { id, initial, states } = chart;
    const reordered = { states: { on: states.on, off: states.off }, initial, id };

    expect(fingerprintOf(createMachine(reordered).config)).toBe(fingerprintOf(createMachine(chart).config));
  });

  test('is another one for another chart', () => {
    expect(fingerprintOf({ ...chart, initial: 'on' })).not.toBe(fingerprintOf(chart));
  });
});

describe('a replay', () => {
  test('goes through the states that were recorded', () => {
    const { steps, isSameMachine, differences } = replay(recording);

    expect(steps.map(({ before, after }) => [before.value as unknown, after.value as unknown])).toEqual([
      ['idle', { online: 'connecting' }],
      [{ online: 'connecting' }, 'closed'],
    ]);
    expect([isSameMachine, differences]).toEqual([true, []]);
  });

  test('says when the chart is not the one that was recorded', () => {
    const machine = { id: 'connection', fingerprint: '00000000' };

    expect(replay({ ...recording, machine }).isSameMachine).toBe(false);
  });

  test('tells where the machine of today goes another way', () => {
    const events = [{ atMs: 10, event: { type: 'connect' }, value: 'closed' }];

    const { differences } = replay({ ...recording, events });

    expect(differences.map(({ after, recorded }) => [after.value as unknown, recorded])).toEqual([
      [{ online: 'connecting' }, 'closed'],
    ]);
  });

  test('of a machine that is not ours needs that machine', () => {
    const lamp = createMachine({
      id: 'lamp',
      initial: 'off',
      states: { off: { on: { push: 'on' } }, on: {} },
    });
    const ofLamp: Recording = {
      ...recording,
      machine: { id: 'lamp', fingerprint: fingerprintOf(lamp.config) },
      start: { value: 'off', context: {} },
      events: [{ atMs: 1, event: { type: 'push' }, value: 'on' }],
    };

    expect(() => replay(ofLamp)).toThrow(
      /expected a machine that is known here \(connection, session, subscription, relay\), got "lamp"/,
    );
    expect(replay(ofLamp, lamp).differences).toEqual([]);
  });

  test('refuses to start in a state that the machine does not have', () => {
    expect(() => replay({ ...recording, start: { value: 'asleep', context } })).toThrow(
      'expected a start in a state of the machine connection, got "asleep".',
    );
  });

  test('refuses what this version of the machine cannot play', () => {
    const older = { ...recording, machine: { id: 'connection', fingerprint: '00000000' } };

    expect(() => replay({ ...older, start: { value: 'idle', context: { attempt: 0 } } })).toThrow(
      /expected what the machine connection \([0-9a-f]{8}\) can play, got "connect, recorded by 00000000: /,
    );
  });
});
