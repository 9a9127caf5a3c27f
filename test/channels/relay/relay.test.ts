// What becomes of an answer: throttling, tools, timeouts, errors, and a publisher that is slow or fails.
import { describe, expect, it } from 'vitest';
import {
  ChannelError,
  TOOL_TOOK_TOO_LONG,
  type AssistantPayload,
  type ToolContext,
  type ToolRound,
} from '../../../src/channels/index.ts';
import { deferred } from '../../../src/deferred.ts';
import { InvalidOptionError } from '../../../src/errors.ts';
import { warnings } from '../../support/warnings.ts';
import { run, Script, Stage, text, tool } from './stage.ts';

const STARTED = 'started: Assistant is processing your request...';
const RESPONDING = 'responding: Assistant is responding...';
const SORRY = 'error: I encountered an issue while processing your request.';
const TOO_LONG = 'error: The request took too long to process. Please try again.';

describe('the text so far', () => {
  it('is published after ten characters, or a second after the last frame', async () => {
    const stage = new Stage();
    const script = new Script();
    stage.answer(script.say(text('123')));
    await stage.pass(999);
    expect(stage.story).toEqual([STARTED, RESPONDING]);
    await stage.pass(1);
    expect(stage.story).toEqual([STARTED, RESPONDING, 'in_progress: 123']);
    script.say(text('456'), text('789'), text('012'), text('3'));
    await stage.pass();
    expect(stage.story.slice(3)).toEqual(['in_progress: 1234567890123']);
    script.say({ type: 'done' });
    await stage.pass();
    expect(stage.story.at(-1)).toBe('completed: 1234567890123');
    expect(stage.clock.pending).toBe(0);
  });

  it('is published as often as was asked for', async () => {
    const stage = new Stage({ throttle: { minChars: 1 } });
    stage.answer(new Script().say(text('a'), text('b'), { type: 'done' }));
    await stage.pass();
    expect(stage.story).toEqual([STARTED, RESPONDING, 'in_progress: a', 'in_progress: ab', 'completed: ab']);
  });

  it('begins a new paragraph with each message, and is the whole of them', async () => {
    const stage = new Stage();
    const script = new Script().say(
      run.created,
      run.delta('Let me look. '),
      run.messageCompleted('Let me look. '),
    );
    stage.answer(script.say(run.delta('It rains.', 'msg_2'), run.completed));
    await stage.pass();
    expect(stage.story.at(-1)).toBe('completed: Let me look. \n\nIt rains.');
  });

  it('is taken from a message that came without deltas', async () => {
    const stage = new Stage();
    stage.answer(new Script().say(run.created, run.messageCompleted('Whole.')).end());
    await stage.pass();
    expect(stage.story).toEqual([STARTED, RESPONDING, 'completed: Whole.']);
  });

  it('that waits gives place to a newer one, and nothing else does', async () => {
    const stage = new Stage({ throttle: { minChars: 1 } });
    const slow: (() => void)[] = [];
    stage.fate = () => {
      const { promise, resolve } = deferred<undefined>();
      slow.push(() => resolve(undefined));
      return promise;
    };
    const next = async () => {
      slow.shift()?.();
      await stage.pass();
    };
    const script = new Script();
    const { finished } = stage.answer(script.say(text('a'), text('b'), tool('1', 'x'), text('c'), text('d')));
    script.say({ type: 'tool-result', id: '1' });
    await stage.pass();
    expect(stage.statuses).toEqual(['started']);
    await next();
    await next();
    await next();
    script.say(text('e'), text('f'), { type: 'done' });
    await stage.pass();
    await next();
    await next();

    expect(stage.story).toEqual([
      STARTED,
      RESPONDING,
      'processing: Executing x...',
      'in_progress: abcd',
      'completed: abcdef',
    ]);
    expect(await finished).toEqual({ outcome: 'completed', text: 'abcdef', lostFrames: 0 });
  });
});

describe('tools', () => {
  const rounds: ToolRound[] = [];
  const submitToolOutputs = (round: ToolRound) => {
    rounds.push(round);
    return new Script().say(text('Done with the tools.'));
  };
  const outputs = () => rounds.at(-1)?.outputs.map(({ output }) => output);

  it('run side by side, each with its arguments, and their results are handed over in order', async () => {
    const stage = new Stage({
      tools: {
        slow: ({ n }: { n: number }) =>
          new Promise((resolve) => void stage.clock.setTimeout(() => resolve(n), 100)),
        quick: (args: object, { toolCallId, name, threadId, messageId }: ToolContext) => ({
          ...{ args, toolCallId, name, threadId, messageId },
        }),
      },
      submitToolOutputs: (round) => submitToolOutputs(round).end(),
    });
    const { finished } = stage.answer(
      new Script().say(run.created, run.requires(['a', 'slow', '{"n":7}'], ['b', 'quick', ' '])),
    );
    await stage.pass(100);

    expect(stage.story.slice(0, 4)).toEqual([
      STARTED,
      'processing: Executing slow...',
      'processing: Executing quick...',
      RESPONDING,
    ]);
    const about = { args: {}, toolCallId: 'b', name: 'quick', threadId: 'thread_abc123' };
    const { outputs: results, runId, threadId, messageId } = rounds.at(-1)!;
    expect(results).toEqual([
      { tool_call_id: 'a', output: '7' },
      { tool_call_id: 'b', output: JSON.stringify({ ...about, messageId: 'unique-message-id' }) },
    ]);
    expect({ runId, threadId, messageId }).toEqual({
      runId: 'run_1',
      threadId: 'thread_abc123',
      messageId: 'unique-message-id',
    });
    expect((await finished).text).toBe('Done with the tools.');
  });

  it('that are steps of a stream run when it has ended, unless their results were in it', async () => {
    const ran: string[] = [];
    const stage = new Stage({
      tools: { mine: () => ran.push('mine'), theirs: () => ran.push('theirs') },
      submitToolOutputs: (round) => submitToolOutputs(round).end(),
    });
    const script = new Script().say(tool('1', 'theirs'), tool('2', 'mine'), tool('2', 'mine', { more: 1 }));
    stage.answer(script.say({ type: 'tool-result', id: '1', output: 4 }, text('So far')));
    await stage.pass();
    expect(ran).toEqual([]);
    script.end();
    await stage.pass();

    expect(ran).toEqual(['mine']);
    expect(rounds.at(-1)?.outputs).toEqual([{ tool_call_id: '2', output: '1' }]);
    expect(stage.statuses.filter((status) => status === 'processing')).toHaveLength(2);
    expect(stage.story.at(-1)).toBe('completed: So farDone with the tools.');
  });

  it('that return nothing, throw, are unknown or get nonsense have a result all the same', async () => {
    const circle: Record<string, unknown> = {};
    circle['self'] = circle;
    const stage = new Stage({
      tools: {
        nothing: () => undefined,
        none: () => null,
        word: () => 'sunny',
        broken: () => {
          throw new Error('No such city');
        },
        rejecting: () => Promise.reject(new Error('Out of order')),
        circle: () => circle,
      },
      submitToolOutputs,
    });
    const names = ['nothing', 'none', 'word', 'broken', 'rejecting', 'unknown', 'constructor'];
    const calls = names.map((name) => [name, name, '{}'] as const);
    stage.answer(new Script().say(run.requires(...calls, ['x', 'word', '{city:'], ['y', 'circle', '{}'])));
    await stage.pass();

    expect(outputs()?.slice(0, -1)).toEqual([
      'null',
      'null',
      '"sunny"',
      'No such city',
      'Out of order',
      'Tool not found: unknown',
      'Tool not found: constructor',
      'Invalid arguments for word: expected JSON.',
    ]);
    expect(outputs()?.at(-1)).toContain('circular');
    expect(stage.logged).toContain('The tool broken failed: No such city');
    await stage.relay.close();
  });

  it('that take too long are told to stop, each in its own time', async () => {
    const reasons: unknown[] = [];
    const hang = (_: unknown, { signal }: ToolContext) => {
      signal.addEventListener('abort', () => reasons.push(signal.reason));
      return new Promise(() => undefined);
    };
    const stage = new Stage({
      tools: { patient: hang, hasty: { run: hang, timeoutMs: 10 } },
      toolTimeoutMs: 1_000,
      submitToolOutputs,
    });
    stage.answer(new Script().say(run.requires(['a', 'patient', '{}'], ['b', 'hasty', '{}'])));
    await stage.pass(10);
    expect(reasons).toEqual([new ChannelError('TOOL_TIMEOUT', { details: { tool: 'hasty', limitMs: 10 } })]);
    await stage.pass(990);
    expect(outputs()).toEqual([TOOL_TOOK_TOO_LONG, TOOL_TOOK_TOO_LONG]);
    await stage.relay.close();
    expect(stage.clock.pending).toBe(0);
  });

  it('are told to stop when the answer is cancelled, and nobody waits for them', async () => {
    let signal: AbortSignal | undefined;
    const stage = new Stage({
      tools: {
        hang: (_: unknown, context: ToolContext) => {
          ({ signal } = context);
          return new Promise(() => undefined);
        },
      },
      submitToolOutputs,
    });
    const conversation = stage.answer(new Script().say(run.requires(['a', 'hang', '{}'])));
    await stage.pass();
    expect(conversation.state).toBe('executing');
    conversation.cancel();
    expect(await conversation.finished).toMatchObject({ outcome: 'failed' });
    expect(signal?.aborted).toBe(true);
    expect(stage.clock.pending).toBe(0);
  });

  it('may be called in several rounds, one after the other', async () => {
    const streams = [new Script().say(tool('2', 'n')).end(), new Script().say(text('Two rounds.')).end()];
    const stage = new Stage({ tools: { n: () => 1 }, submitToolOutputs: () => streams.shift()! });
    const first = new Script().say(run.requires(['1', 'n', '{}']));
    stage.answer(first);
    await stage.pass();
    expect(first.returned).toBe(1);
    expect(stage.statuses).toEqual([
      ...['started', 'processing', 'processing', 'responding', 'in_progress', 'completed'],
    ]);
  });

  it('cannot be run without somebody to hand their results to', async () => {
    const stage = new Stage({ tools: { n: () => 1 } });
    stage.answer(new Script().say(tool('1', 'n')).end());
    await stage.pass();
    expect(stage.payloads.at(-1)).toMatchObject({
      message: 'I had trouble executing one of my tools. Please try again.',
      error_details: 'Tool execution needs the option submitToolOutputs, which was not given.',
    });
  });
});

describe('an answer ends with an error', () => {
  it.each([
    [
      'failed',
      { last_error: { code: 'rate_limit_exceeded', message: 'Slow down.' } },
      'rate_limit_exceeded: Slow down.',
    ],
    ['failed', {}, 'The run failed.'],
    ['expired', {}, 'Timeout: the run expired before it had completed.'],
    ['cancelled', {}, 'The run was cancelled.'],
    ['incomplete', { incomplete_details: { reason: 'max_tokens' } }, 'The run ended incomplete: max_tokens.'],
  ])('when the run is %s', async (how, data, details) => {
    const stage = new Stage();
    const conversation = stage.answer(new Script().say(run.created, run.delta('Half'), run.ended(how, data)));
    await stage.pass();
    expect(stage.statuses).toEqual(['started', 'responding', 'error']);
    expect(stage.payloads.at(-1)?.error_details).toBe(details);
    const outcome = await conversation.finished;
    expect(outcome).toMatchObject({
      outcome: 'failed',
      text: 'Half',
      message: stage.payloads.at(-1)?.message,
    });
    expect(stage.logged.at(-1)).toBe(`The assistant failed: ${details}`);
  });

  it('when the stream throws, or cannot be had', async () => {
    const stage = new Stage();
    stage.answer(new Script().fail(new Error('Connection reset')));
    await stage.pass();
    stage.answer(() => Promise.reject(new Error('Invalid key')));
    await stage.pass();
    expect(stage.payloads.filter(({ status }) => status === 'error')).toMatchObject([
      { error_details: 'Connection reset' },
      { error_details: 'Invalid key' },
    ]);
  });

  it('when the stream ends before the run has', async () => {
    const stage = new Stage();
    stage.answer(new Script().say(run.created, run.delta('Half a sent')).end());
    await stage.pass();
    expect(stage.payloads.at(-1)?.error_details).toBe(
      'The connection to the assistant ended before its run had.',
    );
  });

  it.each([[42], [null], ['text'], [{}], [{ event: 'thread.run.requires_action', data: {} }]])(
    'when the stream says what nobody understands: %j',
    async (nonsense) => {
      const stage = new Stage();
      stage.answer(new Script().say(nonsense as never));
      await stage.pass();
      expect(stage.statuses).toEqual(['started', 'error']);
      expect(stage.payloads.at(-1)?.error_details).toMatch(/^Invalid event: expected /);
    },
  );

  it('when its signal is aborted, and the stream is told to end', async () => {
    const stage = new Stage();
    const controller = new AbortController();
    const script = new Script().say(text('One'));
    const { finished } = stage.answer(script, { signal: controller.signal });
    await stage.pass();
    controller.abort(new Error('The user has left'));
    script.say(text(' too late'));
    await stage.pass(120_000);
    expect(stage.story).toEqual([STARTED, RESPONDING, SORRY]);
    expect(stage.payloads.at(-1)?.error_details).toBe('The answer was cancelled: The user has left.');
    expect(await finished).toMatchObject({ error: { code: 'ANSWER_CANCELLED' }, text: 'One' });
    expect(script.returned).toBe(1);
    expect(stage.clock.pending).toBe(0);
  });

  it('when its signal was aborted before', async () => {
    const stage = new Stage();
    stage.answer(new Script(), { signal: AbortSignal.abort(new Error('Never mind')) });
    await stage.pass();
    expect(stage.story).toEqual([STARTED, SORRY]);
  });
});

describe('time limits', () => {
  it('hold for the first event', async () => {
    const stage = new Stage();
    stage.answer(new Script());
    await stage.pass(44_999);
    expect(stage.story).toEqual([STARTED]);
    await stage.pass(1);
    expect(stage.story).toEqual([STARTED, TOO_LONG]);
    expect(stage.payloads.at(-1)?.error_details).toBe(
      'The assistant ran into a timeout: no first event within 45000 ms.',
    );
  });

  it('hold between two events, and any event will do', async () => {
    const stage = new Stage({ timeouts: { overallMs: Infinity } });
    const script = new Script();
    stage.answer(script);
    for (const event of ['thread.run.queued', 'thread.run.step.created', 'thread.unheard.of']) {
      script.say({ event });
      await stage.pass(event === 'thread.run.queued' ? 44_000 : 59_000);
    }
    await stage.pass(999);
    expect(stage.story).toEqual([STARTED]);
    await stage.pass(1);
    expect(stage.payloads.at(-1)?.error_details).toBe(
      'The assistant ran into a timeout: no further event within 60000 ms.',
    );
    expect(script.returned).toBe(1);
  });

  it('hold for the whole answer', async () => {
    const stage = new Stage();
    const script = new Script();
    stage.answer(script);
    for (let second = 0; second < 90; second += 10) {
      expect(stage.statuses).not.toContain('error');
      script.say(text('More. '));
      await stage.pass(10_000);
    }
    expect(stage.payloads.at(-1)?.error_details).toBe(
      'The assistant ran into a timeout: no end within 90000 ms.',
    );
    expect(stage.clock.pending).toBe(0);
  });

  it('may be none', async () => {
    const endless = { firstEventMs: Infinity, silenceMs: Infinity, overallMs: Infinity };
    const stage = new Stage({ timeouts: endless });
    const script = new Script();
    stage.answer(script);
    await stage.pass(1e9);
    script.say(text('Finally.'));
    await stage.pass(1e9);
    script.end();
    await stage.pass();
    expect(stage.statuses).toEqual(['started', 'responding', 'in_progress', 'completed']);
  });
});

describe('a publisher', () => {
  it('that fails is logged, and the answer goes on', async () => {
    const stage = new Stage();
    stage.fate = ({ status }) => {
      if (status === 'started') throw new Error('no link');
      return status === 'responding' ? Promise.reject(new Error('no link either')) : undefined;
    };
    const { finished } = stage.answer(new Script().say(text('Good morning'), { type: 'done' }));
    await stage.pass();
    expect(stage.statuses).toEqual(['started', 'responding', 'in_progress', 'completed']);
    expect(stage.logged).toEqual([
      'A frame (started) was not published: no link',
      'A frame (responding) was not published: no link either',
    ]);
    expect(await finished).toEqual({ outcome: 'completed', text: 'Good morning', lostFrames: 2 });
  });

  it('that fails, and a logger that fails too, keep no answer from its end', async () => {
    const broken = (): never => {
      throw new Error('the disk is full');
    };
    const warned = warnings();
    const stage = new Stage({ logger: { debug: broken, info: broken, warn: broken, error: broken } });
    stage.fate = () => Promise.reject(new Error('no link'));
    const { finished } = stage.answer(new Script().fail(new Error('overloaded')));
    await stage.pass();
    expect(await finished).toMatchObject({ outcome: 'failed', lostFrames: 2 });
    expect(warned).toHaveLength(3);
  });

  it('is given more time for the last frame', async () => {
    const stage = new Stage();
    stage.answer(new Script().say(text('Good morning')).end());
    await stage.pass();
    expect(stage.published.map(({ options }) => options)).toEqual([{}, {}, {}, { timeoutMs: 30_000 }]);
  });

  it('that refuses the whole answer is asked to tell of the error', async () => {
    const stage = new Stage();
    const details = { channel: 'user_session_abc123', explanation: 'MESSAGE_TOO_LARGE: too large' };
    stage.fate = ({ status }: AssistantPayload) => {
      if (status === 'completed') throw new ChannelError('PUBLISH_REFUSED', { details });
    };
    const { finished } = stage.answer(new Script().say(text('Good morning')).end());
    await stage.pass();
    expect(stage.statuses).toEqual(['started', 'responding', 'in_progress', 'completed', 'error']);
    expect(await finished).toMatchObject({ outcome: 'failed', text: 'Good morning', lostFrames: 1 });
  });

  it.each(['RATE_LIMITED', 'UNAVAILABLE'])(
    'that cannot take the end for the moment is asked again: %s',
    async (code) => {
      const stage = new Stage();
      let refusals = 2;
      stage.fate = ({ status }: AssistantPayload) => {
        if (status === 'completed' && refusals-- > 0)
          throw new ChannelError('PUBLISH_REFUSED', { payload: { action: 'error', code } });
      };
      const { finished } = stage.answer(new Script().say(text('Good morning')).end());
      await stage.pass(1_000);
      await stage.pass(999);
      expect(stage.statuses.slice(3)).toEqual(['completed', 'completed']);
      await stage.pass(1);
      expect(stage.statuses.slice(3)).toEqual(['completed', 'completed', 'completed']);
      expect(await finished).toEqual({ outcome: 'completed', text: 'Good morning', lostFrames: 0 });
    },
  );

  it('that never can is asked no longer than the last frame may take', async () => {
    const stage = new Stage({ timeouts: { lastFrameMs: 2_500 } });
    stage.fate = () => {
      throw new ChannelError('PUBLISH_REFUSED', { payload: { action: 'error', code: 'UNAVAILABLE' } });
    };
    const { finished } = stage.answer(new Script().end());
    for (let second = 0; second < 10; second += 1) await stage.pass(1_000);
    expect(stage.statuses).toEqual([
      'started',
      'completed',
      'completed',
      'completed',
      'error',
      'error',
      'error',
    ]);
    expect(await finished).toMatchObject({ outcome: 'failed', lostFrames: 3 });
    expect(stage.clock.pending).toBe(0);
  });

  it('that may have published the end is not asked for another one', async () => {
    const stage = new Stage();
    stage.fate = ({ status }: AssistantPayload) => {
      if (status === 'completed') throw new Error('timeout');
    };
    const { finished } = stage.answer(new Script().say(text('Good morning')).end());
    await stage.pass();
    expect(stage.statuses.at(-1)).toBe('completed');
    expect(await finished).toEqual({ outcome: 'completed', text: 'Good morning', lostFrames: 1 });
  });
});

describe('a relay', () => {
  it('keeps several answers apart by their message ids', async () => {
    const stage = new Stage();
    const scripts = [new Script(), new Script()];
    const [one, two] = scripts.map((script, index) => stage.answer(script, { messageId: `m${index}` }));
    expect([...stage.relay.conversations.keys()]).toEqual(['m0', 'm1']);
    scripts[1]!.say(text('Second, and first to end')).end();
    await stage.pass();
    scripts[0]!.say(text('First')).end();
    await stage.pass();
    expect([(await one!.finished).text, (await two!.finished).text]).toEqual([
      'First',
      'Second, and first to end',
    ]);
    const of = (id: string) =>
      stage.payloads.filter(({ message_id }) => message_id === id).map(({ status }) => status);
    expect(of('m0')).toEqual(['started', 'responding', 'completed']);
    expect(of('m1')).toEqual(['started', 'responding', 'in_progress', 'completed']);
    expect(stage.relay.conversations.size).toBe(0);
  });

  it('does not answer the same request twice at a time', async () => {
    const stage = new Stage();
    stage.answer(new Script());
    expect(() => stage.answer(new Script())).toThrow(InvalidOptionError);
    await stage.relay.close();
    stage.answer(new Script());
    await stage.relay[Symbol.asyncDispose]();
    expect(stage.statuses).toEqual(['started', 'error', 'started', 'error']);
  });

  it('tells how an answer is', async () => {
    const stage = new Stage();
    const script = new Script();
    const conversation = stage.answer(script, { threadId: 't' });
    const seen: string[] = [conversation.state];
    script.say(text('Hi'));
    await stage.pass();
    seen.push(conversation.state);
    script.end();
    await conversation.finished;
    expect([...seen, conversation.state]).toEqual(['waiting', 'hearing', 'completed']);
    const { channel, messageId, threadId, text: said } = conversation;
    expect({ channel, messageId, threadId, said }).toEqual({
      channel: 'user_session_abc123',
      messageId: 'unique-message-id',
      threadId: 't',
      said: 'Hi',
    });
    conversation.cancel();
    expect(conversation.actor.getSnapshot().value).toBe('completed');
  });

  it.each([[{ channel: '' }], [{ messageId: 7 }], [{ threadId: 7 }], [{ run: 'no stream' }]])(
    'refuses a request that cannot be meant: %j',
    (wrong) => {
      const stage = new Stage();
      expect(() => stage.answer(new Script(), wrong as never)).toThrow(InvalidOptionError);
      expect(stage.published).toEqual([]);
    },
  );

  it.each([
    [{ toolTimeoutMs: 0 }, '`toolTimeoutMs`'],
    [{ friendlyMessages: [{ when: 'quota', say: 'Later.' }, { when: 'quota' }] }, '`friendlyMessages[1]`'],
    [{ friendlyMessages: [null] }, '`friendlyMessages[0]`'],
    [{ throttle: { minChars: 0 } }, '`throttle.minChars`'],
    [{ throttle: { maxWaitMs: -1 } }, '`throttle.maxWaitMs`'],
    [{ timeouts: { silenceMs: Number.NaN } }, '`timeouts.silenceMs`'],
    [{ tools: { x: { run: 1 } } }, '`tools.x`'],
    [{ tools: { x: { run: () => 1, timeoutMs: 0 } } }, '`tools.x.timeoutMs`'],
    [{ submitToolOutputs: 1 }, '`submitToolOutputs`'],
  ])('refuses options that cannot be meant: %j', (wrong, name) => {
    expect(() => new Stage(wrong as never)).toThrow(`Expected ${name} to be`);
  });

  it('lets its machines be looked at, and an inspector that throws changes nothing', async () => {
    const types: string[] = [];
    const stage = new Stage({
      inspect: ({ type }) => {
        types.push(type);
        throw new Error('blind');
      },
    });
    stage.answer(new Script().say(text('Hi')).end());
    await stage.pass();
    expect(stage.statuses.at(-1)).toBe('completed');
    expect(types).toContain('@xstate.snapshot');
    expect(stage.logged).toContain('The inspector failed: blind');
  });
});
