// The parser against the text of the standard (WHATWG HTML §9.2.6), against an oracle written from it, in whatever
// pieces the bytes come.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EventStreamParser, EventTooLongError, type StreamedEvent } from '../../src/sse/event-stream.ts';

const utf8 = new TextEncoder();

interface Heard {
  readonly events: StreamedEvent[];
  readonly retries: number[];
  lastId: string;
}

function read(chunks: Iterable<Uint8Array>, { maxBytes = 1_000, lastId = '' } = {}): Heard {
  const heard: Heard = { events: [], retries: [], lastId };
  const parser = new EventStreamParser(
    {
      event: (event) => {
        heard.events.push(event);
        heard.lastId = event.id;
      },
      id: (id) => (heard.lastId = id),
      retry: (ms) => heard.retries.push(ms),
    },
    maxBytes,
    lastId,
  );
  for (const chunk of chunks) parser.feed(chunk);
  return heard;
}

const readText = (text: string, lastId = ''): Heard => read([utf8.encode(text)], { lastId });

const messages = (...data: string[]) => data.map((text) => ({ event: 'message', data: text, id: '' }));

/** The standard, line by line, of a stream that is there as a whole. */
function oracle(bytes: Uint8Array): Heard {
  const heard: Heard = { events: [], retries: [], lastId: '' };
  const lines = new TextDecoder().decode(bytes).split(/\r\n|\r|\n/);
  lines.pop();
  let data = '';
  let type = '';
  let id = '';
  for (const line of lines) {
    const [, field = line, value = ''] = /^([^:]*): ?(.*)$/su.exec(line) ?? [];
    if (line === '') {
      heard.lastId = id;
      if (data !== '') heard.events.push({ event: type || 'message', data: data.slice(0, -1), id });
      data = type = '';
    } else if (field === 'event') type = value;
    else if (field === 'data') data += `${value}\n`;
    else if (field === 'id' && !value.includes('\0')) id = value;
    else if (field === 'retry' && /^[0-9]+$/.test(value)) heard.retries.push(Number(value));
  }
  return heard;
}

describe('the cases of the standard', () => {
  test('joins the lines of data', () => {
    expect(readText('data: YHOO\ndata: +2\ndata: 10\n\n').events).toEqual(messages('YHOO\n+2\n10'));
  });

  test('skips a comment, resets the id with an empty one, keeps a second space', () => {
    const text =
      ': test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n';

    expect(readText(text).events).toEqual([
      { event: 'message', data: 'first event', id: '1' },
      { event: 'message', data: 'second event', id: '' },
      { event: 'message', data: ' third event', id: '' },
    ]);
  });

  test('dispatches empty data that was said, and nothing for an event that does not end', () => {
    expect(readText('data\n\ndata\ndata\n\ndata:').events).toEqual(messages('', '\n'));
  });

  test('dispatches nothing without data, and forgets the name', () => {
    expect(readText('event: lost\n\ndata: x\n\n').events).toEqual(messages('x'));
  });

  test('takes one space away after the colon, and no other', () => {
    expect(readText('data:test\n\ndata: test\n\ndata:\ttest\n\n').events).toEqual(
      messages('test', 'test', '\ttest'),
    );
  });

  test('takes a name, the last one, and an empty one for none', () => {
    const { events } = readText('event: a\nevent: b\ndata\n\nevent: c\nevent:\ndata\n\n');

    expect(events.map(({ event }) => event)).toEqual(['b', 'message']);
  });

  test('counts an id without data', () => {
    expect(readText('id: 5\n\n')).toEqual({ events: [], retries: [], lastId: '5' });
    expect(readText('id: 5\n\ndata: x\n\n').events).toEqual([{ event: 'message', data: 'x', id: '5' }]);
  });

  test('counts an id with its event only', () => {
    expect(readText('id: 5\ndata: x', '4').lastId).toBe('4');
  });

  test('ignores an id with NUL, and takes an empty one', () => {
    expect(readText('id: 4\ndata: x\n\nid: 5\0\ndata: y\n\nid\n\n', '3')).toEqual({
      events: [
        { event: 'message', data: 'x', id: '4' },
        { event: 'message', data: 'y', id: '4' },
      ],
      retries: [],
      lastId: '',
    });
  });

  test('reads retry only where it is digits', () => {
    expect(readText('retry: 1000\nretry: 1e3\nretry: -1\nretry:\nretry: 5 \nretry:30000\n').retries).toEqual([
      1_000, 30_000,
    ]);
  });

  test('ignores fields that it does not know, and compares names as they are', () => {
    expect(readText('Data: no\ndata : no\n data: no\nfoo\ndata: yes\n\n').events).toEqual(messages('yes'));
  });

  test('skips one byte order mark at the start, and no other', () => {
    expect(readText('\uFEFFdata: x\n\n').events).toEqual(messages('x'));
    expect(readText('\uFEFF\uFEFFdata: x\n\n').events).toEqual([]);
    expect(readText('data: x\n\n\uFEFFdata: y\n\n').events).toEqual(messages('x'));
    expect(readText('ï»¿data: x\n\n').events).toEqual([]);
  });

  test('reads what is not UTF-8 as U+FFFD', () => {
    expect(read([new Uint8Array([...utf8.encode('data: '), 0xff, 0x0a, 0x0a])]).events).toEqual(
      messages('\uFFFD'),
    );
  });

  test.each([
    ['LF', '\n'],
    ['CR', '\r'],
    ['CR LF', '\r\n'],
  ])('ends lines with %s, and tells an event with its last byte', (_, end) => {
    expect(readText(`data: a${end}data: b${end}${end}`).events).toEqual(messages('a\nb'));
  });

  test('is not confused by names that mean something elsewhere', () => {
    expect(readText('event: __proto__\ndata: x\n\n__proto__: y\nconstructor\n\n').events).toEqual([
      { event: '__proto__', data: 'x', id: '' },
    ]);
  });
});

describe('the bound', () => {
  const MAX = { maxBytes: 10 };
  const bytes = (text: string) => [utf8.encode(text)];

  test('lets an event pass that reaches it, in any pieces', () => {
    const whole = utf8.encode('data: 0123456789\n\n');

    for (let at = 0; at <= whole.length; at += 1)
      expect(read([whole.subarray(0, at), whole.subarray(at)], MAX).events).toEqual(messages('0123456789'));
  });

  test('counts bytes', () => {
    expect(read(bytes('data: ééééé\n\n'), MAX).events).toEqual(messages('ééééé'));
    expect(() => read(bytes('data: éééééé\n\n'), MAX)).toThrow(new EventTooLongError(10));
  });

  test('refuses a whole event, one of many lines, and one that never ends', () => {
    expect(() => read(bytes('data: 0123456789a\n\n'), MAX)).toThrow(EventTooLongError);
    expect(() => read(bytes('data: 01234\ndata: 56789\n\n'), MAX)).toThrow(EventTooLongError);
    expect(() => read([...bytes('data: 0123456789'), ...bytes('abc')], MAX)).toThrow(EventTooLongError);
    expect(() => read(bytes(`:${'-'.repeat(20)}`), MAX)).toThrow(EventTooLongError);
  });

  test('tells the events before the one that is too long, and none after it', () => {
    const events: string[] = [];
    const listener = {
      event: ({ data }: StreamedEvent) => events.push(data),
      id: () => undefined,
      retry: () => undefined,
    };
    const parser = new EventStreamParser(listener, 10);

    expect(() => parser.feed(utf8.encode('data: a\n\ndata: 0123456789a\n\ndata: b\n\n'))).toThrow(
      'An event is longer than 10 bytes.',
    );
    expect(events).toEqual(['a']);
  });
});

/** Everything that the grammar has, in two and three and four bytes, with every line end. */
const REFERENCE = utf8.encode(
  '\uFEFF: hello\r\n\r\nevent: größe\rid: ж1\rdata: 世界\rdata: 🚀🌟\r\rid: 2\n\nretry: 1500\nid: a\0b\n' +
    'data:\ndata\n\n\r\ndata: x\r\n\r\nid\r\ndata: end\n\nevent: lost\r\n\r\ndata: never ended',
);

describe('pieces', () => {
  test('make no difference: cut in two at every byte', () => {
    const whole = oracle(REFERENCE);
    expect(whole.events).toHaveLength(4);

    for (let at = 0; at <= REFERENCE.length; at += 1)
      expect(read([REFERENCE.subarray(0, at), REFERENCE.subarray(at)])).toEqual(whole);
  });

  test('make no difference: byte by byte', () => {
    expect(read(Array.from(REFERENCE, (byte) => Uint8Array.of(byte)))).toEqual(oracle(REFERENCE));
  });

  test('make no difference to any stream, which is read as the standard says', () => {
    const part = fc.constantFrom(
      ...[
        '\n',
        '\r',
        '\r\n',
        '\n\n',
        ':',
        ': ',
        ' ',
        'data',
        'data:',
        'data: ',
        'id',
        'id:',
        'event:',
        'retry:',
      ],
      ...['1', '20', 'x', '\0', 'é', '世', '🚀', '\uFEFF', 'Data:'],
    );
    const stream = fc.array(part, { maxLength: 40 }).map((parts) => utf8.encode(parts.join('')));
    const cuts = fc.array(fc.nat(80), { maxLength: 6 });
    fc.assert(
      fc.property(stream, cuts, (bytes, at) => {
        const places = [
          0,
          ...at.map((place) => Math.min(place, bytes.length)).sort((a, b) => a - b),
          bytes.length,
        ];
        const chunks = places.slice(1).map((end, index) => bytes.subarray(places[index], end));

        expect(read(chunks)).toEqual(oracle(bytes));
      }),
      { numRuns: 2_000 },
    );
  });
});
