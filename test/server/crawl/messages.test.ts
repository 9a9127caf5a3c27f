import { once } from 'node:events';
import { decode, encode } from '@msgpack/msgpack';
import { describe, expect, it } from 'vitest';
import { CRAWL_SUBPROTOCOLS } from '../../../src/crawl/messages.ts';
import { until } from '../../../src/testing/wait.ts';
import { Site } from '../../support/site.ts';
import { RawClient, serve } from './raw-client.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00$/;

/** A message as it came, with what differs from run to run replaced. */
const stable = (text: string): string =>
  text
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+\+00:00/g, 'TIME')
    .replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, 'ID')
    .replaceAll(/127\.0\.0\.1:\d+/g, 'SITE')
    .replaceAll(/("(?:processing_time_ms|total_processing_time_ms|connected_duration_ms)":)\d+/g, '$1MS')
    .replaceAll(/("cache_key":)"[0-9a-f]{32}"/g, '$1"KEY"');

describe('a session', () => {
  it('greets at once, then answers a crawl with metadata, results and summary, and stays open', async () => {
    await using site = await Site.listen();
    await using server = await serve();
    await using client = await RawClient.connect(server);
    await client.until('welcome');

    client.crawl([site.url('/page/1'), site.url('/status/404')], { concurrency: 1, cache_mode: 'none' });
    await client.until('summary');
    client.ask('ping');
    client.ask('status');
    await client.until('status');
    client.ask('dance');
    await client.until('error');

    const document =
      '{"url":"http://SITE/page/1","title":"Page 1","description":"About 1","language":"en",' +
      '"text":"Heading 1\\nWords about 1 and the next.","links":["http://SITE/","http://SITE/page/next"],' +
      '"media":["http://SITE/logo.png"],"word_count":8,"reading_time":1,' +
      '"markdown":"# Heading 1\\n\\nWords about **1** and [the next](http://SITE/page/next#part).\\n\\n' +
      '![Logo](http://SITE/logo.png)"}';
    expect(client.texts.map(stable)).toEqual([
      '{"message_type":"welcome","data":{"session_id":"ID","server_time":"TIME","protocol_version":"1.0",' +
        '"supported_operations":["crawl","ping","status","multiplexing","cancel","pause"]},"timestamp":"TIME"}',
      '{"message_type":"metadata","data":{"total_urls":2,"session_id":"ID","timestamp":"TIME",' +
        '"stream_type":"crawl"},"timestamp":"TIME"}',
      '{"message_type":"result","data":{"index":0,"result":{"url":"http://SITE/page/1","status":200,' +
        '"from_cache":false,"gate_decision":"raw","quality_score":0.52,"processing_time_ms":MS,' +
        `"document":${document},"error":null,"cache_key":"KEY"},` +
        '"progress":{"completed":1,"total":2,"success_rate":1}},"timestamp":"TIME"}',
      '{"message_type":"result","data":{"index":1,"result":{"url":"http://SITE/status/404","status":404,' +
        '"from_cache":false,"gate_decision":"failed","quality_score":0,"processing_time_ms":MS,"document":null,' +
        '"error":{"error_type":"http_error","message":"The site answered with HTTP 404","retryable":false},' +
        '"cache_key":""},"progress":{"completed":2,"total":2,"success_rate":0.5}},"timestamp":"TIME"}',
      '{"message_type":"summary","data":{"total_urls":2,"successful":1,"failed":1,' +
        '"total_processing_time_ms":MS},"timestamp":"TIME"}',
      '{"message_type":"pong","data":{"timestamp":"TIME","session_id":"ID"},"timestamp":"TIME"}',
      '{"message_type":"status","data":{"session_id":"ID","connected_duration_ms":MS,"is_healthy":true,' +
        '"message_count":6,"backpressure_count":0},"timestamp":"TIME"}',
      '{"message_type":"error","data":{"error_type":"unknown_request",' +
        '"message":"Unknown request type: dance"},"timestamp":"TIME"}',
    ]);
    expect(client.socket.readyState).toBe(client.socket.OPEN);
  });

  it('has an id of its own, the same in all its messages, and times with a numeric offset', async () => {
    await using server = await serve();
    await using first = await RawClient.connect(server);
    await using second = await RawClient.connect(server);
    first.ask('ping');

    const [welcome] = await first.until('welcome');
    const [pong] = await first.until('pong');
    const [other] = await second.until('welcome');
    expect(welcome!.data.session_id).toMatch(UUID);
    expect(pong!.data.session_id).toBe(welcome!.data.session_id);
    expect(other!.data.session_id).not.toBe(welcome!.data.session_id);
    expect(welcome!.timestamp).toMatch(TIME);
  });

  it('pings right after the welcome, with the time in milliseconds', async () => {
    await using server = await serve();
    await using client = await RawClient.connect(server);

    await until(() => client.pings.length > 0);
    expect(Math.abs(Number(client.pings[0]) - Date.now())).toBeLessThan(60_000);
  });

  it('counts in its status what it has sent before', async () => {
    await using server = await serve();
    await using client = await RawClient.connect(server);
    client.ask('status');
    client.ask('status');

    const counts = (await client.until('status', 2)).map(({ data }) => data.message_count);
    expect(counts).toEqual([1, 2]);
  });

  it('reads JSON from binary frames too', async () => {
    await using server = await serve();
    await using client = await RawClient.connect(server);
    client.socket.send(Buffer.from('{"request_type":"ping","data":{}}'));

    await client.until('pong');
  });

  it('speaks MessagePack with those who ask for it', async () => {
    await using server = await serve();
    const client = await RawClient.connect(server);
    await using plain = client;
    const { WebSocket } = await import('ws');
    const socket = new WebSocket(`${server.url.replace('http', 'ws')}/crawl/ws`, [
      CRAWL_SUBPROTOCOLS.messagePack,
      CRAWL_SUBPROTOCOLS.json,
    ]);
    const types: unknown[] = [];
    socket.on('message', (data: Buffer, isBinary) => {
      types.push(isBinary && (decode(data) as { message_type: string }).message_type);
    });
    await once(socket, 'open');
    socket.send(encode({ request_type: 'ping', data: {} }));
    await until(() => types.length === 2);
    socket.send(Buffer.from([0xc1]));
    await until(() => types.length === 3);
    socket.close();
    await once(socket, 'close');

    expect(types).toEqual(['welcome', 'pong', 'error']);
    expect(socket.protocol).toBe(CRAWL_SUBPROTOCOLS.messagePack);
    expect(plain.socket.protocol).toBe('');
  });

  it('compresses messages for clients that can take it, and none without the option', async () => {
    await using server = await serve();
    await using plainServer = await serve({ compression: false });
    await using client = await RawClient.connect(server);
    await using plain = await RawClient.connect(plainServer);

    expect([client.socket.extensions, plain.socket.extensions]).toEqual([
      expect.stringContaining('permessage-deflate'),
      '',
    ]);
  });

  it('is closed with 1009 after a message of more than ten megabytes', async () => {
    await using server = await serve();
    await using client = await RawClient.connect(server, { perMessageDeflate: false });
    client.send('x'.repeat(10 * 1024 * 1024 + 1));

    expect((await client.end()).code).toBe(1009);
  });
});

describe('a message that is no request', () => {
  it('is not even decoded when it is larger than any request', async () => {
    await using server = await serve();
    await using client = await RawClient.connect(server);
    client.send('['.repeat(2 * 1024 * 1024 + 1));

    const [error] = await client.until('error');
    expect(error!.data).toEqual({
      error_type: 'invalid_message',
      message: 'The message is too large for a request',
    });
  });

  it.each([
    ['no JSON', '{"request_type":', 'The message could not be decoded'],
    ['a list', '[]', 'A request is an object'],
    ['a message without a type', '{"data":{}}', 'Missing field: request_type'],
    ['a message without data', '{"request_type":"ping"}', 'Missing field: data'],
    [
      'a crawl without URLs',
      '{"request_type":"crawl","data":{}}',
      'Missing field: data.urls, a list of URLs',
    ],
    ['a URL that is no string', '{"request_type":"crawl","data":{"urls":[1]}}', 'Every URL is a string'],
    [
      'a request_id that is none',
      '{"request_type":"ping","data":{},"request_id":7}',
      'A request_id is a string of 1 to 128 characters',
    ],
    ['a cancellation of nothing', '{"request_type":"cancel","data":{}}', 'Missing field: request_id'],
  ])('is answered with an error: %s', async (_name, text, message) => {
    await using server = await serve();
    await using client = await RawClient.connect(server);
    client.send(text);
    client.ask('ping');

    const [error] = await client.until('error');
    await client.until('pong');
    expect(error!.data).toEqual({ error_type: 'invalid_message', message });
  });
});

describe('the check of URLs', () => {
  const long = `http://example.com/${'x'.repeat(2048)}`;

  it.each([
    [[], 'Validation error: At least one URL is required'],
    [
      Array.from({ length: 101 }, () => 'http://example.com/'),
      'Validation error: Too many URLs: 101 (maximum: 100)',
    ],
    [
      ['ftp://example.com/'],
      'Invalid URL: ftp://example.com/ - URL 1 validation failed: only http and https are crawled',
    ],
    [
      ['http://example.com/', 'nonsense'],
      'Invalid URL: nonsense - URL 2 validation failed: not an absolute URL',
    ],
    [[long], `Invalid URL: ${long.slice(0, 200)} - URL 1 validation failed: longer than 2048 characters`],
    [
      ['http://user:secret@example.com/'],
      'Invalid URL: http://example.com/ - URL 1 validation failed: it contains credentials',
    ],
    ...[
      'http://127.0.0.1/',
      'http://localhost:80/',
      'http://10.0.0.1/',
      'http://192.168.1.1/',
      'http://172.16.0.1/',
      'http://169.254.169.254/latest',
      'http://0.0.0.0/',
      'http://[::1]/',
      'http://[::ffff:10.0.0.1]/',
      'http://[fe80::1]/',
      'http://[fd00::1]/',
      'http://0x7f.1/',
      'http://2130706433/',
      'http://100.64.0.1/',
      'http://[64:ff9b::a00:1]/',
    ].map((url): [string[], string] => [
      [url],
      `Invalid URL: ${url} - URL 1 validation failed: the address is not public`,
    ]),
  ])('refuses a list, case %#', async (urls, message) => {
    await using server = await serve({ allowPrivateAddresses: false });
    await using client = await RawClient.connect(server);
    client.crawl(urls);
    client.ask('ping');

    const [error] = await client.until('error');
    await client.until('pong');
    expect(error!.data).toEqual({ error_type: 'validation_error', message });
    expect(client.of('summary')).toEqual([]);
  });

  it.each([
    [{ cache_mode: 'sometimes' }, 'Validation error: Unknown cache_mode'],
    [{ concurrency: 0 }, 'Validation error: concurrency is a whole number of at least 1'],
    [{ timeout_secs: -1 }, 'Validation error: timeout_secs is a number of at least 0'],
  ])('refuses the options %j', async (options, message) => {
    await using server = await serve();
    await using client = await RawClient.connect(server);
    client.crawl(['http://example.com/'], options);

    const [error] = await client.until('error');
    expect(error!.data).toEqual({ error_type: 'validation_error', message });
  });

  it('takes what the original refused without a reason', async () => {
    await using site = await Site.listen();
    await using server = await serve();
    await using client = await RawClient.connect(server);
    const paths = ['/page/data.json', '/page/v10.2', `/page/${'%41'.repeat(30)}`];
    client.crawl(
      paths.map((path) => site.url(path)),
      { scroll_steps: 8, use_spider: true, chunking_config: {} },
    );

    const [summary] = await client.until('summary');
    expect(summary!.data).toMatchObject({ total_urls: 3, successful: 3, failed: 0 });
  });
});
