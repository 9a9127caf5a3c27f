// What a hub puts on the wire, byte by byte.
import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { until } from '../../../src/testing/wait.ts';
import { RawClient, serveHub } from './harness.ts';

const epochOf = ({ payload }: { payload: Readonly<Record<string, unknown>> }): string =>
  String(payload['epoch']);

test('a subscription of the plain protocol is acknowledged with a position', async () => {
  await using hub = await serveHub();
  await using client = await RawClient.open(hub);
  client.send('{"channel":"subscription","payload":{"action":"subscribe","channel":"user_session_abc123"}}');
  const epoch = epochOf(await client.next());
  expect(client.texts).toEqual([
    `{"channel":"subscription","payload":{"action":"subscribed","channel":"user_session_abc123","seq":0,"epoch":"${epoch}"}}`,
  ]);
});

test('the end of a subscription is acknowledged, and so is one that never was', async () => {
  await using hub = await serveHub();
  await using client = await RawClient.in(hub, 'a');
  client.send('{"channel":"subscription","payload":{"action":"unsubscribe","channel":"a"}}');
  client.send('{"channel":"subscription","payload":{"action":"unsubscribe","channel":"a"}}');
  await client.nextFew(2);
  const unsubscribed = '{"channel":"subscription","payload":{"action":"unsubscribed","channel":"a"}}';
  expect(client.texts.slice(1)).toEqual([unsubscribed, unsubscribed]);
});

test('a message of the plain protocol goes to the others with its number, and is not answered', async () => {
  await using hub = await serveHub();
  await using publisher = await RawClient.in(hub, 'a');
  await using reader = await RawClient.in(hub, 'a');
  const payload =
    '{"message":"Assistant is processing your request...","timestamp":1683042123.456,"status":"started","type":"status","final_message":false,"message_id":"unique-message-id","thread_id":"thread_abc123"}';
  publisher.send(`{"channel":"a","payload":${payload}}`);
  await reader.next();
  expect(reader.texts.slice(1)).toEqual([`{"channel":"a","payload":${payload},"seq":1}`]);
  expect(await publisher.settled()).toEqual([]);
});

test('a message with an id of its own goes on with it, and is acknowledged', async () => {
  await using hub = await serveHub();
  await using publisher = await RawClient.open(hub);
  await using reader = await RawClient.in(hub, 'a');
  publisher.send('{"channel":"a","payload":[1,null,"ü"],"message_id":"p-1"}');
  publisher.send('{"channel":"a","payload":[1,null,"ü"],"message_id":"p-1"}');
  await publisher.nextFew(2);
  const published =
    '{"channel":"subscription","payload":{"action":"published","channel":"a","message_id":"p-1","seq":1}}';
  expect(publisher.texts).toEqual([published, published]);
  await reader.settled();
  expect(reader.texts.slice(1, -1)).toEqual([
    '{"channel":"a","payload":[1,null,"ü"],"seq":1,"message_id":"p-1"}',
  ]);
});

test('a page that pings is answered', async () => {
  await using hub = await serveHub();
  await using client = await RawClient.open(hub);
  client.send('{"channel":"subscription","payload":{"action":"ping"}}');
  await client.next();
  expect(client.texts).toEqual(['{"channel":"subscription","payload":{"action":"pong"}}']);
});

test('whoever comes back is told whether it gets everything', async () => {
  await using hub = await serveHub();
  await using reader = await RawClient.in(hub, 'a');
  const epoch = epochOf(reader.frames[0]!);
  await hub.publish('a', 'one');
  await hub.publish('a', 'two', { messageId: 'p-2' });
  await using client = await RawClient.open(hub);
  client.send(
    `{"channel":"subscription","payload":{"action":"subscribe","channel":"a","after":1,"epoch":"${epoch}"}}`,
  );
  client.send(
    '{"channel":"subscription","payload":{"action":"subscribe","channel":"a","after":1,"epoch":"old"}}',
  );
  await client.settled();
  expect(client.texts.slice(0, -1)).toEqual([
    `{"channel":"subscription","payload":{"action":"subscribed","channel":"a","seq":1,"epoch":"${epoch}","recovered":true}}`,
    '{"channel":"a","payload":"two","seq":2,"message_id":"p-2"}',
    `{"channel":"subscription","payload":{"action":"subscribed","channel":"a","seq":0,"epoch":"${epoch}","recovered":false}}`,
    '{"channel":"subscription","payload":{"action":"gap","channel":"a","after":0,"seq":0}}',
    '{"channel":"a","payload":"one","seq":1}',
    '{"channel":"a","payload":"two","seq":2,"message_id":"p-2"}',
  ]);
});

test('what is not done is said with a code, and with what it was about', async () => {
  await using hub = await serveHub({ limits: { maxPublishBytes: 100 } });
  await using client = await RawClient.open(hub);
  client.send('hello');
  client.send('{"channel":"subscription","payload":{"action":"subscribe","channel":""}}');
  client.send(`{"channel":"a","payload":"${'x'.repeat(100)}","message_id":"p-1"}`);
  await client.nextFew(3);
  expect(client.texts).toEqual([
    '{"channel":"subscription","payload":{"action":"error","code":"BAD_FRAME","message":"Expected JSON, got 5 characters that are none"}}',
    '{"channel":"subscription","payload":{"action":"error","code":"BAD_CHANNEL","message":"Expected a channel: a string of 1 to 200 characters other than \\"subscription\\".","request":"subscribe","channel":""}}',
    '{"channel":"subscription","payload":{"action":"error","code":"MESSAGE_TOO_LARGE","message":"A message has at most 100 bytes.","request":"publish","channel":"a","message_id":"p-1"}}',
  ]);
});

test('presence is told in frames of its own', async () => {
  await using hub = await serveHub({ presence: { data: ({ query }) => query.get('name') } });
  await using ann = await RawClient.in(hub, 'a');
  await using bob = await RawClient.in(hub, 'a');
  const [annId, bobId] = [...hub.connections.keys()];
  await until(() => ann.texts.length === 3);
  bob.send('{"channel":"subscription","payload":{"action":"unsubscribe","channel":"a"}}');
  await until(() => ann.texts.length === 4);
  expect(ann.texts.slice(1)).toEqual([
    `{"channel":"subscription","payload":{"action":"presence","channel":"a","event":"present","members":[{"id":"${annId}","data":null}]}}`,
    `{"channel":"subscription","payload":{"action":"presence","channel":"a","event":"join","members":[{"id":"${bobId}","data":null}]}}`,
    `{"channel":"subscription","payload":{"action":"presence","channel":"a","event":"leave","members":[{"id":"${bobId}"}]}}`,
  ]);
});

test('frames are not masked, and none is fragmented', async () => {
  await using hub = await serveHub();
  const tcp = connect(Number(new URL(hub.url).port), '127.0.0.1');
  const chunks: Buffer[] = [];
  tcp.on('data', (chunk) => chunks.push(chunk));
  tcp.write(
    'GET /ws HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  );
  const subscribe = Buffer.from('{"channel":"subscription","payload":{"action":"subscribe","channel":"a"}}');
  tcp.write(Buffer.concat([Buffer.from([0x81, 0x80 | subscribe.length, 0, 0, 0, 0]), subscribe]));
  await until(() => hub.channels.get('a') === 1);
  for (const size of [1, 200, 70_000]) await hub.publish('a', 'x'.repeat(size));
  await until(() => Buffer.concat(chunks).length > 70_000 + 500);
  const all = Buffer.concat(chunks).toString('latin1');
  const frameOf = (header: number[], size: number, seq: number): string =>
    Buffer.from(header).toString('latin1') + `{"channel":"a","payload":"${'x'.repeat(size)}","seq":${seq}}`;
  expect(all).toContain(frameOf([0x81, 37], 1, 1));
  expect(all).toContain(frameOf([0x81, 126, 0, 236], 200, 2));
  expect(all).toContain(frameOf([0x81, 127, 0, 0, 0, 0, 0, 1, 0x11, 0x94], 70_000, 3));
  tcp.destroy();
  await once(tcp, 'close');
});
