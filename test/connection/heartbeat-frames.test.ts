// A frame in place of a protocol ping, where the platform cannot send one, as a page cannot.
import { describe, expect, test } from 'vitest';
import { Connection, type Link, type Protocol } from '../../src/index.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';
import { until } from '../../src/testing/wait.ts';
import { FakeTransport, type FakeLink } from '../support/fake-transport.ts';
import { heartbeat, isProbing } from '../support/heartbeat.ts';

type InsteadOfPing = (() => string | undefined) | undefined;

/** An open connection over a link without `ping()`, or with it. */
async function overLink(insteadOfPing: InsteadOfPing, canPing = false) {
  const clock = new VirtualClock();
  const transport = new FakeTransport();
  const protocol: Protocol<string> = {
    name: 'pinging',
    heartbeat: { probe: 'ping', ...(insteadOfPing !== undefined && { insteadOfPing }) },
    encode: (message) => message,
    decode: String,
  };
  const connection = new Connection<string>({ url: 'ws://fake', protocol, heartbeat, clock, transport });
  const codes: string[] = [];
  connection.on('reconnecting', ({ error }) => codes.push(error.code));
  connection.on('error', ({ code }) => codes.push(code));
  const connecting = connection.connect();
  await until(() => transport.links.length > 0);
  const { link }: { link: FakeLink } = transport;
  if (!canPing) Object.assign(link, { ping: undefined } satisfies { ping: Link['ping'] | undefined });
  link.open();
  await connecting;
  return { clock, connection, link, codes };
}

describe('a frame instead of a ping', () => {
  test('is sent after the silence, and any answer shows that the link lives', async () => {
    const { clock, connection, link, codes } = await overLink(() => 'are you there?');

    clock.advance(14_999);
    expect(link.sent).toEqual([]);
    clock.advance(1);
    expect([link.sent, isProbing(connection)]).toEqual([['are you there?'], true]);
    clock.advance(70);
    link.receive('yes');
    expect(isProbing(connection)).toBe(false);
    expect(connection.stats.rttMs).toBe(70);
    clock.advance(15_000);

    expect(link.sent).toHaveLength(2);
    expect(codes).toEqual([]);
  });

  test('that nobody answers shows that the link is dead', async () => {
    const { clock, codes } = await overLink(() => 'are you there?');

    clock.advance(24_999);
    expect(codes).toEqual([]);
    clock.advance(1);

    expect(codes).toEqual(['HEARTBEAT_TIMEOUT']);
  });

  test('is not sent where a ping can be', async () => {
    const { clock, link } = await overLink(() => 'are you there?', true);

    clock.advance(15_000);

    expect([link.sent, link.pings]).toEqual([[], 1]);
  });

  test('that there is none of has a silent link live on, and be asked as soon as there is one', async () => {
    const frames: string[] = [];
    const { clock, connection, link, codes } = await overLink(() => frames[0]);

    clock.advance(100_000);
    expect([link.sent, codes, connection.state]).toEqual([[], [], 'open']);
    link.receive('news');
    frames.push('are you there?');
    clock.advance(15_000);
    expect(link.sent).toEqual(['are you there?']);
    clock.advance(10_000);

    expect(codes).toEqual(['HEARTBEAT_TIMEOUT']);
  });

  test('that cannot be made is reported, and the link is judged by what comes', async () => {
    const { clock, link, codes } = await overLink(() => {
      throw new Error('no frame');
    });

    clock.advance(15_000);
    expect(codes).toEqual(['PROTOCOL_FAILED']);
    link.receive('news');
    clock.advance(10_000);

    expect(codes).toEqual(['PROTOCOL_FAILED']);
  });

  test('that a protocol does not have leaves such a platform without a heartbeat', async () => {
    const { clock, connection, link, codes } = await overLink(undefined);

    clock.advance(100_000);

    expect([link.sent, codes, isProbing(connection)]).toEqual([[], [], false]);
  });
});
