// What the bridge makes of charts, states and events of XState 5, whom it tells, and what it does not keep.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import {
  and,
  assign,
  createActor,
  createMachine,
  not,
  raise,
  transition,
  type AnyStateMachine,
  type EventObject,
} from 'xstate';
import { describe, expect, test } from 'vitest';
import { connectionDelays } from '../../machines/connection.delays.ts';
import { connectionMachine } from '../../machines/index.ts';
import { Connection } from '../../src/connection.ts';
import { InvalidOptionError } from '../../src/errors.ts';
import { xstate4Bridge, type XState4Bridge } from '../../src/inspection/xstate4-bridge.ts';
import { toXState4Config } from '../../src/inspection/xstate4-config.ts';
import type { XState4Frame } from '../../src/inspection/xstate4-protocol.ts';
import { turn, until } from '../../src/testing/wait.ts';
import { toGraph, valueOf } from '../../visualizations/graph.ts';
import { xstate4 } from '../../visualizations/legacy/contract/viewer.ts';

/** Everything that differs between the generations, in one chart. */
const rich = createMachine({
  id: 'rich',
  initial: 'idle',
  description: 'The whole.',
  meta: { owner: 'us', count: 1n },
  states: {
    idle: {
      on: {
        GO: {
          target: 'work',
          guard: and(['isReady', not('isTired')]),
          actions: ['note', assign({}), raise({ type: 'Q' })],
        },
        SELF: 'idle',
        AGAIN: { target: 'idle', reenter: true },
        NOTHING: undefined,
        'part.*': { actions: { type: 'note', params: { a: 1 } } },
        FAR: { target: '#deep.two', description: 'By id.' },
      },
      exit: 'leave',
    },
    work: {
      initial: 'one',
      on: {
        INTO: '.two',
        INTO_AGAIN: { target: '.two', reenter: true },
        BY_ID: '#deep',
        OUT: [{ target: 'idle', guard: ({ event }) => event.type === 'OUT' }, { target: 'end' }],
      },
      onDone: 'end',
      invoke: [
        { src: 'load', onDone: 'end', onError: { target: 'idle' } },
        { id: 'named', src: 'load' },
      ],
      states: {
        one: { always: { target: 'two', guard: 'isReady' }, after: { 1000: 'two', pause: 'last' } },
        two: { id: 'deep', initial: 'one', states: { one: { tags: ['a', 'b'] }, two: { tags: 'c' } } },
        last: { type: 'final' },
        hist: { type: 'history', history: 'deep', target: 'one' },
      },
    },
    both: { type: 'parallel', states: { left: {}, right: { initial: 'x', states: { x: {} } } } },
    end: { type: 'final' },
  },
});

const json = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

describe('the chart for XState 4', () => {
  test('says everything in the words of that version', () => {
    expect(json(toXState4Config(rich.config))).toEqual({
      id: 'rich',
      initial: 'idle',
      description: 'The whole.',
      meta: { owner: 'us', count: '1n' },
      context: {},
      predictableActionArguments: true,
      states: {
        idle: {
          on: {
            GO: { target: 'work', cond: 'and(isReady, not(isTired))', actions: ['note', 'assign', 'raise'] },
            SELF: { target: 'idle', internal: true },
            AGAIN: { target: 'idle' },
            NOTHING: {},
            'part.*': { actions: ['note'] },
            FAR: { target: '#deep.two', description: 'By id.' },
          },
          exit: ['leave'],
        },
        work: {
          initial: 'one',
          on: {
            INTO: { target: '.two' },
            INTO_AGAIN: { target: '.two', internal: false },
            BY_ID: { target: '#deep', internal: true },
            OUT: [{ target: 'idle', cond: 'guard' }, { target: 'end' }],
          },
          onDone: { target: 'end' },
          invoke: [
            { id: '0.rich.work', src: 'load', onDone: { target: 'end' }, onError: { target: 'idle' } },
            { id: 'named', src: 'load' },
          ],
          states: {
            one: {
              always: { target: 'two', cond: 'isReady' },
              after: { 1000: { target: 'two' }, pause: { target: 'last' } },
            },
            two: {
              id: 'deep',
              initial: 'one',
              states: { one: { tags: ['a', 'b'] }, two: { tags: ['c'] } },
            },
            last: { type: 'final' },
            hist: { type: 'history', history: 'deep', target: 'one' },
          },
        },
        both: { type: 'parallel', states: { left: {}, right: { initial: 'x', states: { x: {} } } } },
        end: { type: 'final' },
      },
    });
  });

  test('is one that XState 4 makes a machine of', () => {
    const machine = xstate4.createMachine(json(toXState4Config(rich.config)) as object);

    expect(machine.transition('idle', 'FAR').value).toEqual({ work: { two: 'two' } });
    expect(machine.transition({ work: 'last' }, 'OUT_OF_NOWHERE').value).toEqual({ work: 'last' });
    expect(machine.transition({ work: { two: 'one' } }, 'done.invoke.0.rich.work').value).toBe('end');
  });

  test('leads XState 4 from each state of a connection, with each event, where XState 5 goes', () => {
    const delays = Object.fromEntries(Object.keys(connectionDelays).map((name) => [name, 1]));
    const machine4 = xstate4.createMachine(json(toXState4Config(connectionMachine.config)) as object, {
      delays,
    });
    const { states, edges } = toGraph(connectionMachine);
    const start = createActor(connectionMachine, { input: { limits: LIMITS } }).getSnapshot();
    const failure = { code: 'CONNECT_TIMEOUT', cure: 'retry', details: {} };

    const steps = states
      .filter(({ initial }) => initial === null)
      .flatMap(({ path }) => [...new Set(edges.map(({ event }) => event))].map((event) => ({ path, event })));
    const reached = steps.map(({ path, event }) => {
      const value = valueOf(path) as never;
      const before = connectionMachine.resolveState({ value, context: start.context });
      const given = { type: event, failure, delayMs: 1, silentForMs: 1, cause: 'clock' };
      const [after] = transition(connectionMachine as AnyStateMachine, before, given);
      return {
        path,
        event,
        five: after.value as unknown,
        four: machine4.transition(value, nameIn4(event)).value,
      };
    });

    expect(reached.length).toBeGreaterThan(200);
    expect(reached.filter(({ five, four }) => JSON.stringify(five) !== JSON.stringify(four))).toEqual([]);
  });
});

describe('a viewer', () => {
  test('is told nothing before it asks, and costs nothing until then', async () => {
    const bridge = xstate4Bridge();
    const frames = new Frames(bridge, { looks: false });
    const actor = start(bridge);

    actor.send({ type: 'NEXT' });
    await turns();

    expect(frames.types).toEqual([]);
  });

  test('is told of a machine, its events and states, and its end', async () => {
    const bridge = xstate4Bridge();
    const frames = new Frames(bridge);
    const actor = start(bridge);

    actor.send({ type: 'NEXT' });
    actor.stop();
    await until(() => frames.types.includes('service.stop'));

    expect(frames.types).toEqual([
      'service.register',
      'service.event',
      'service.state',
      'service.event',
      'service.state',
      'service.stop',
    ]);
    expect(frames.states.map(({ value, done }) => ({ value, done }))).toEqual([
      { value: 'one', done: false },
      { value: 'two', done: false },
    ]);
  });

  test('is told the parent of a machine before its children', async () => {
    const child = createMachine({ id: 'child', initial: 'a', states: { a: {} } });
    const parent = createMachine({
      id: 'parent',
      invoke: { id: 'kid', src: child },
      initial: 'a',
      states: { a: {} },
    });
    const bridge = xstate4Bridge();
    const frames = new Frames(bridge);

    const actor = createActor(parent, { inspect: bridge });
    actor.start();
    await until(() => frames.types.filter((type) => type === 'service.state').length === 2);

    const registered = frames.all.flatMap((frame) => (frame.type === 'service.register' ? [frame] : []));
    expect(registered.map(({ id }) => id)).toEqual([actor.id, 'kid']);
    expect(registered[1]?.parent).toBe(actor.sessionId);
  });

  test('gets data that is not JSON, and no secret', async () => {
    const bridge = xstate4Bridge();
    const frames = new Frames(bridge);
    const around: Record<string, unknown> = { big: 12n, fail: new TypeError('no'), call: () => 1, at: NaN };
    around['self'] = around;
    const trap = new Proxy(
      {},
      {
        ownKeys: () => {
          throw new Error('trap');
        },
      },
    );
    const machine = createMachine({ context: { around, trap }, initial: 'a', states: { a: {} } });

    createActor(machine, { inspect: bridge, input: { secret: 'swordfish' } }).start();
    await until(() => frames.states.length > 0);

    expect(frames.states[0]?.context).toEqual({
      around: {
        big: '12n',
        fail: { name: 'TypeError', message: 'no' },
        call: 'ƒ call',
        at: 'NaN',
        self: '… (itself)',
      },
      trap: '… (cannot be read)',
    });
    expect(JSON.stringify(frames.all)).not.toContain('swordfish');
  });

  test('does not see what a connection knows to be secret, nor what its user listed', async () => {
    const bridge = xstate4Bridge();
    const frames = new Frames(bridge);
    const connection = new Connection({
      url: 'ws://127.0.0.1:1/?ticket=swordfish',
      name: 'orders of 4711-0815',
      credentials: 'open sesame',
      redact: ['orderId', /\d{4}-\d{4}/],
      inspect: bridge,
    });

    connection.actor.send({ type: 'socket.closed', failure: SECRETIVE });
    connection.actor.send({ type: 'unheard', orderId: 'one', text: 'swordfish, open sesame' } as never);
    connection.actor.stop();
    await until(() => frames.types.includes('service.stop'));

    const all = JSON.stringify(frames.all);
    expect(all).toContain('orders of ***');
    expect(all).not.toMatch(/swordfish|sesame|4711|"one\\*"/);
  });

  test('that reads slowly is told how things are by then, and nothing piles up', async () => {
    const bridge = xstate4Bridge({ maxBufferedBytes: 10 });
    const frames = new Frames(bridge);
    const actor = start(bridge);
    await until(() => frames.states.length === 1);

    frames.bufferedBytes = 11;
    for (let index = 0; index < 5_000; index += 1) actor.send({ type: 'NEXT' });
    await turns();
    const before = frames.all.length;
    frames.bufferedBytes = 0;
    frames.visit.catchUp();

    const caughtUp = frames.all.slice(before);
    expect(caughtUp).toEqual([
      expect.objectContaining({ type: 'service.register', sessionId: actor.sessionId }),
    ]);
    expect(JSON.parse((caughtUp[0] as { state: string }).state)).toMatchObject({ value: 'one' });
  });

  test('that cannot be told any more is left alone, and the others are not', async () => {
    const bridge = xstate4Bridge();
    const gone = new Frames(bridge);
    const frames = new Frames(bridge);
    gone.failure = new Error('gone');

    start(bridge);
    await until(() => frames.states.length === 1);

    expect(gone.attempts).toBe(1);
  });

  test('is told goodbye at the end, and nothing after it', async () => {
    const bridge = xstate4Bridge();
    const frames = new Frames(bridge);

    bridge.close();
    start(bridge);
    await turns();

    expect(frames.all).toEqual([{ type: 'xstate.disconnect' }]);
  });
});

describe('a request', () => {
  const bridge = xstate4Bridge({ acceptEvents: ['NEXT', 'UNKNOWN', 'any.thing', 'xstate.stop'] });
  const frames = new Frames(bridge);
  const heard: EventObject[] = [];
  const actor = start(bridge, heard);
  const send = (event: unknown, service: unknown = actor.sessionId) =>
    frames.visit.receive(JSON.stringify({ type: 'xstate.event', service, event: JSON.stringify(event) }));

  test('with an event that is accepted is followed', () => {
    expect(send({ name: 'NEXT', data: { type: 'NEXT', by: 'viewer' } })).toBeUndefined();
    expect(send({ name: 'NEXT', origin: actor.sessionId }, null)).toBeUndefined();
    expect(send({ name: 'any.thing' })).toBeUndefined();

    expect(heard).toEqual([{ type: 'NEXT', by: 'viewer' }, { type: 'NEXT' }, { type: 'any.thing' }]);
  });

  test.each([
    ['an event that is not accepted', () => send({ name: 'OTHER' }), '"OTHER" is not among acceptEvents.'],
    ['an event of XState’s own', () => send({ name: 'xstate.stop' }), '"xstate.stop" is XState\'s own.'],
    [
      'an event that the machine does not know',
      () => send({ name: 'UNKNOWN' }),
      'The machine two knows no event "UNKNOWN".',
    ],
    [
      'a machine that is not here',
      () => send({ name: 'NEXT' }, 'x:none'),
      'There is no machine "x:none" here.',
    ],
    ['an event without a type', () => send({ data: { a: 1 } }), 'This is no request of @xstate/inspect.'],
    [
      'an event that is no JSON',
      () => frames.visit.receive('{"type":"xstate.event","event":"{"}'),
      'This is no request of @xstate/inspect.',
    ],
    ['no JSON', () => frames.visit.receive('{'), 'This is no request of @xstate/inspect.'],
    [
      'another word',
      () => frames.visit.receive({ type: 'xstate.other' }),
      'This is no request of @xstate/inspect.',
    ],
    ['nothing', () => frames.visit.receive(null), 'This is no request of @xstate/inspect.'],
    ['too much', () => frames.visit.receive(' '.repeat(65_537)), 'A request has at most 65536 characters.'],
  ])('with %s is refused, and says why', (_what, ask, why) => {
    const before = heard.length;

    expect(ask()).toBe(why);
    expect(heard.length).toBe(before);
  });

  test('is refused when the machine has ended', () => {
    const ended = start(bridge);
    ended.stop();

    expect(send({ name: 'NEXT' }, ended.sessionId)).toBe(`There is no machine "${ended.sessionId}" here.`);
  });
});

describe('the bridge', () => {
  test.each([
    [{ acceptEvents: 'connect' }, 'Expected `acceptEvents` to be a list of event types'],
    [{ acceptEvents: [1] }, 'Expected `acceptEvents` to be a list of event types'],
    [{ maxBufferedBytes: -1 }, 'Expected `maxBufferedBytes` to be 0 or more'],
  ])('refuses the options %j', (options, message) => {
    const make = () => xstate4Bridge(options as never);

    expect(make).toThrow(InvalidOptionError);
    expect(make).toThrow(message);
  });

  test('keeps no machine in memory that nobody else holds, and says that it has gone', async () => {
    const bridge = xstate4Bridge();
    const frames = new Frames(bridge);
    const sessionId = forgotten(bridge);
    await until(() => frames.states.length === 1);

    await until(() => {
      collectGarbage();
      return frames.types.includes('service.stop');
    });

    expect(frames.all.at(-1)).toEqual({ type: 'service.stop', sessionId });
  });
});

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Its actor is out of reach when it returns. */
const forgotten = (bridge: XState4Bridge): string => start(bridge).sessionId;

/** A machine that goes to and fro with `NEXT`, and keeps what it hears. */
function start(inspect: XState4Bridge, heard: EventObject[] = []) {
  const hear = ({ event }: { event: EventObject }) => void heard.push(event);
  const machine = createMachine({
    id: 'two',
    initial: 'one',
    states: {
      one: { on: { NEXT: { target: 'two', actions: hear } } },
      two: { on: { NEXT: { target: 'one', actions: hear } } },
    },
    on: { 'any.*': { actions: hear } },
  });
  return createActor(machine, { inspect, id: 'two' }).start();
}

/** A viewer that keeps what it is told. */
class Frames {
  readonly all: XState4Frame[] = [];
  readonly visit;
  bufferedBytes = 0;
  attempts = 0;
  failure: Error | undefined;

  constructor(bridge: XState4Bridge, { looks = true } = {}) {
    this.visit = bridge.visit(this);
    if (looks) this.visit.receive({ type: 'xstate.inspecting' });
  }

  send(frame: XState4Frame): void {
    this.attempts += 1;
    if (this.failure !== undefined) throw this.failure;
    this.all.push(frame);
  }

  get types(): string[] {
    return this.all.map(({ type }) => type);
  }

  get states(): { readonly value: unknown; readonly done: boolean; readonly context: unknown }[] {
    return this.all.flatMap((frame) =>
      frame.type === 'service.state'
        ? [JSON.parse(frame.state) as { value: unknown; done: boolean; context: unknown }]
        : [],
    );
  }
}

/** Enough turns for what is told in a later one. */
async function turns(): Promise<void> {
  let over = false;
  setTimeout(() => (over = true), 0);
  await until(() => over);
  await turn();
}

/** How XState 4 calls an event of XState 5's own. */
const nameIn4 = (event: string): string =>
  event.replace(/^xstate\.after\.([^.]+)\.(.+)$/, 'xstate.after($1)#$2');

const SECRETIVE = { code: 'X', cure: 'stop', details: { text: 'open sesame' } } as const;

const LIMITS = { connectMs: 1, handshakeMs: 1, closeMs: 1, stableAfterMs: 1, networkPatienceMs: 1 };
