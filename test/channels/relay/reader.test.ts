// What a reader makes of the frames of an answer, of which some come twice, late or never.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ConversationReader,
  type AssistantPayload,
  type ChannelMessage,
  type ConversationSnapshot,
} from '../../../src/channels/index.ts';
import { MessageStream } from '../../../src/message-stream.ts';
import { turn } from '../../../src/testing/wait.ts';

const FRAME = { message_id: 'm1', thread_id: 't1' } as const;

const frame = (
  timestamp: number,
  status: AssistantPayload['status'],
  message: string,
  more: Partial<AssistantPayload> = {},
): AssistantPayload => ({ ...FRAME, message, timestamp, status, type: 'response', ...more });

const started = frame(1, 'started', 'Assistant is processing your request...', {
  type: 'status',
  thread_id: null,
});
const working = frame(2, 'processing', 'Executing x...', { type: 'tool' });
const responding = frame(3, 'responding', 'Assistant is responding...', { type: 'status' });
const some = frame(4, 'in_progress', 'It is');
const more = frame(5, 'in_progress', 'It is raining');
const whole = frame(6, 'completed', 'It is raining.', { final_message: true });
const answer = [started, working, responding, some, more, whole];

const control = {
  canPause: false,
  slowDown: () => undefined,
  speedUp: () => undefined,
  release: () => undefined,
};

class Channel {
  readonly messages = new MessageStream<ChannelMessage>(control);

  async send(...payloads: readonly unknown[]): Promise<void> {
    for (const payload of payloads) this.messages.push({ channel: 'c', payload });
    await turn();
  }
}

function read(messageId?: string): { readonly channel: Channel; readonly reader: ConversationReader } {
  const channel = new Channel();
  const options = messageId === undefined ? {} : { messageId };
  return { channel, reader: new ConversationReader(channel.messages, options) };
}

const END: ConversationSnapshot = {
  status: 'completed',
  isFinal: true,
  text: 'It is raining.',
  notice: 'Assistant is responding...',
  tools: ['Executing x...'],
  messageId: 'm1',
  threadId: 't1',
  updatedAt: 6,
  isLive: true,
  isBehind: false,
  gaps: 0,
};

describe('a reader', () => {
  it('gives status, tools, the text so far, and the end', async () => {
    const { channel, reader } = read();
    const seen: ConversationSnapshot[] = [reader.snapshot];
    for (const payload of answer) {
      await channel.send(payload);
      seen.push(reader.snapshot);
    }
    expect(seen.map(({ status, text, notice, tools }) => [status, text, notice, tools.length])).toEqual([
      ['waiting', '', '', 0],
      ['started', '', 'Assistant is processing your request...', 0],
      ['processing', '', 'Executing x...', 1],
      ['responding', '', 'Assistant is responding...', 1],
      ['in_progress', 'It is', 'Assistant is responding...', 1],
      ['in_progress', 'It is raining', 'Assistant is responding...', 1],
      ['completed', 'It is raining.', 'Assistant is responding...', 1],
    ]);
    expect(await reader.finished).toEqual(END);
    expect(channel.messages.hasEnded).toBe(true);
  });

  it('is read as snapshots: the newest one, and always the last one', async () => {
    const { channel, reader } = read();
    const texts: string[] = [];
    const reading = (async () => {
      for await (const { text, status } of reader) texts.push(`${status} ${text}`);
    })();
    await channel.send(started);
    await channel.send(some);
    await channel.send(more, whole);
    await reading;
    expect([texts[0], texts[1], texts.at(-1)]).toEqual([
      'started ',
      'in_progress It is',
      'completed It is raining.',
    ]);
    const late: unknown[] = [];
    for await (const snapshot of reader) late.push(snapshot);
    expect(late).toEqual([await reader.finished]);
  });

  it('gives who reads slowly only what is newest', async () => {
    const { channel, reader } = read();
    const slow = reader[Symbol.asyncIterator]();
    await channel.send(...answer);
    expect(await slow.next()).toEqual({ done: false, value: END });
    expect(await slow.next()).toEqual({ done: true, value: undefined });
  });

  it('goes on when a loop over it is left', async () => {
    const { channel, reader } = read();
    const left = reader[Symbol.asyncIterator]();
    const waits = left.next();
    await left.return?.();
    expect(await waits).toEqual({ done: true, value: undefined });
    await channel.send(...answer);
    expect(await reader.finished).toEqual(END);
  });

  it('tells what went wrong, and keeps the text', async () => {
    const { channel, reader } = read();
    await channel.send(
      started,
      some,
      frame(9, 'error', 'Sorry.', { type: 'error', error_details: 'no model' }),
    );
    expect(await reader.finished).toMatchObject({
      status: 'error',
      isFinal: true,
      text: 'It is',
      error: { message: 'Sorry.', details: 'no model' },
    });
  });

  it('follows the answer that it is asked to follow, or the first one', async () => {
    const other = { message_id: 'm2', message: 'Other', timestamp: 7 };
    const wanted = read('m2');
    await wanted.channel.send(...answer, { ...whole, ...other });
    expect(await wanted.reader.finished).toMatchObject({ messageId: 'm2', text: 'Other' });

    const first = read();
    await first.channel.send(started, { ...whole, ...other }, whole);
    expect(await first.reader.finished).toMatchObject({ messageId: 'm1', text: 'It is raining.' });
  });

  it('passes over what is no frame of an assistant', async () => {
    const { channel, reader } = read();
    await channel.send(
      undefined,
      null,
      'text',
      [],
      {},
      { message: 'x', status: 'unheard of' },
      { status: 'started' },
    );
    expect(reader.snapshot.status).toBe('waiting');
    await channel.send(whole);
    expect((await reader.finished).text).toBe('It is raining.');
  });

  it('believes a newer text that begins anew', async () => {
    const { channel, reader } = read();
    await channel.send(more, frame(7, 'in_progress', 'No'));
    expect(reader.snapshot.text).toBe('No');
  });

  it('without timestamps, takes a text that it knows for old', async () => {
    const untimed = (payload: AssistantPayload) => ({ ...payload, timestamp: undefined });
    const { channel, reader } = read();
    await channel.send(untimed(more), untimed(some));
    expect(reader.snapshot.text).toBe('It is raining');
    await channel.send(untimed({ ...whole, message: 'It is' }));
    expect((await reader.finished).text).toBe('It is');
  });

  it('gives the same end whatever came twice or late', async () => {
    const disturbed = fc.array(fc.tuple(fc.nat(answer.length - 1), fc.nat(20))).map((copies) =>
      copies.reduce((all, [of, at]) => {
        const place = Math.max(all.indexOf(answer[of]!) + 1, Math.min(at, all.length - 1));
        return [...all.slice(0, place), answer[of]!, ...all.slice(place)];
      }, answer),
    );
    await fc.assert(
      fc.asyncProperty(disturbed, async (payloads) => {
        const { channel, reader } = read();
        await channel.send(...payloads);
        expect(await reader.finished).toEqual(END);
      }),
      { numRuns: 100 },
    );
  });

  it('gives the same end whatever was lost before it, but for what it only said', async () => {
    await fc.assert(
      fc.asyncProperty(fc.subarray(answer.slice(0, -1)), async (payloads) => {
        const { channel, reader } = read();
        await channel.send(...payloads, whole);
        const end = await reader.finished;
        expect({ ...end, notice: END.notice, tools: END.tools }).toEqual(END);
      }),
      { numRuns: 50 },
    );
  });

  it('is cut off when the messages end before the answer', async () => {
    const { channel, reader } = read();
    const iterator = reader[Symbol.asyncIterator]();
    await channel.send(started);
    channel.messages.end();
    await expect(reader.finished).rejects.toMatchObject({ code: 'ANSWER_CUT_OFF' });
    expect((await iterator.next()).value).toMatchObject({ status: 'started' });
    await expect(iterator.next()).rejects.toMatchObject({ code: 'ANSWER_CUT_OFF' });
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
  });

  it('fails as its messages fail', async () => {
    const { channel, reader } = read();
    const iterator = reader[Symbol.asyncIterator]();
    const waits = iterator.next();
    channel.messages.fail(new Error('gave up'));
    await expect(waits).rejects.toThrow('gave up');
    await expect(reader.finished).rejects.toThrow('gave up');
  });

  it('ends with its signal', async () => {
    const { messages } = new Channel();
    const controller = new AbortController();
    const reader = new ConversationReader(messages, { signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(reader.finished).rejects.toThrow('enough');
    expect(messages.hasEnded).toBe(true);
    const aborted = new ConversationReader(new Channel().messages, { signal: controller.signal });
    await expect(aborted.finished).rejects.toThrow('enough');
  });

  it('refuses what has no messages', () => {
    expect(() => new ConversationReader({} as never)).toThrow('Expected `source` to be');
  });
});
