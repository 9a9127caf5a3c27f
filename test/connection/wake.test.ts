// A network or a page that returns, a clock that jumps: an open link proves itself before it is trusted again.
import { describe, expect, test } from 'vitest';
import { until } from '../../src/testing/wait.ts';
import { stage } from '../support/connected.ts';
import { heartbeat, isProbing, overFakeLink } from '../support/heartbeat.ts';

describe('a return', () => {
  test.each(['network.returned', 'page.returned'] as const)(
    '(%s) makes an open link prove itself',
    async (event) => {
      await using scene = await stage({ heartbeat });
      const socket = await scene.connect();
      scene.clock.advance(1_000);

      scene.surroundings.tell(event);
      expect(isProbing(scene.connection)).toBe(true);
      await socket.nextPing();
      socket.pong();
      await until(() => !isProbing(scene.connection));

      expect(scene.states.at(-1)).toBe('open');
    },
  );

  test('is the end of a link that does not answer within timeoutMs', async () => {
    await using scene = await stage({ heartbeat });
    const socket = await scene.connect();
    socket.freeze();
    scene.clock.advance(1_000);
    scene.surroundings.tell('network.returned');

    scene.clock.advance(9_999);
    expect(scene.connection.state).toBe('open');
    scene.clock.advance(1);

    expect(scene.connection.state).toBe('reconnecting');
    socket.thaw();
  });

  test('during a question gives the whole time again', async () => {
    const { clock, connection, link } = await overFakeLink();
    clock.advance(15_000);
    clock.jump(9_000);
    expect(link.sent).toHaveLength(1);
    clock.jump(2_500);
    expect(link.sent).toHaveLength(2);

    clock.advance(9_999);
    expect(connection.state).toBe('open');
    clock.advance(1);

    expect(connection.state).toBe('reconnecting');
  });
});

describe('a clock that jumps', () => {
  test('makes an open link prove itself before it is judged', async () => {
    await using scene = await stage({ heartbeat });
    const socket = await scene.connect();

    scene.clock.jump(8 * 60 * 60_000);
    expect([scene.connection.state, isProbing(scene.connection)]).toEqual(['open', true]);
    await socket.nextPing();
    socket.pong();
    await until(() => !isProbing(scene.connection));

    expect(scene.states).toEqual(['connecting', 'authenticating', 'open']);
  });

  test('is no excuse for a link that does not answer then', async () => {
    const { clock, connection, link } = await overFakeLink();
    clock.jump(3_600_000);
    expect(link.sent).toHaveLength(1);

    clock.advance(10_000);

    expect(connection.state).toBe('reconnecting');
  });

  test('lets what had come meanwhile be read first', async () => {
    const { clock, connection, link, codes } = await overFakeLink();
    clock.jump(3_600_000);
    link.receive('sent while we slept');

    clock.advance(14_999);

    expect([codes, isProbing(connection)]).toEqual([[], false]);
  });
});
