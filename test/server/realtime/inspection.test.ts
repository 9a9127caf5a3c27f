import type { InspectionEvent } from 'xstate';
import { describe, expect, it } from 'vitest';
import type { Inspected, Inspector } from '../../../src/inspection/inspector.ts';
import { until } from '../../../src/testing/wait.ts';
import { Client, echo, errorLog, only, serve } from './harness.ts';

/** The states of all machines, in the order in which they were entered. */
function watcher() {
  const states: string[] = [];
  const attached: Inspected[] = [];
  const inspect: Inspector = {
    next: (event: InspectionEvent) => {
      if (event.type !== '@xstate.snapshot' || !('value' in event.snapshot)) return;
      const { value } = event.snapshot as { value: unknown };
      const word = JSON.stringify(value);
      if (states.at(-1) !== word) states.push(word);
    },
    attach: (_sessionId, inspected) => attached.push(inspected),
  };
  return { states, attached, inspect };
}

describe('an inspector', () => {
  it('sees every session from its request to its end, with its name and figures', async () => {
    const { states, attached, inspect } = watcher();
    await using server = await serve({ inspect }, (routes) => routes.websocket('/rooms/:id', echo));
    const client = await Client.open(server, '/rooms/7');
    client.socket.send('four');
    await client.got(1);
    const [inspected] = attached;
    const { id } = only(server);

    expect(attached).toHaveLength(1);
    expect(inspected!.name).toBe(`/rooms/:id ${id}`);
    expect(inspected!.now).toBeGreaterThan(0);
    expect(inspected!.stats).toMatchObject({ messagesIn: 1, messagesOut: 1, bytesIn: 4, bytesOut: 4 });
    client.socket.close();
    await until(() => server.connections.size === 0);
    expect(states).toEqual(['"accepting"', '{"linked":"open"}', '"closed"']);
  });

  it('sees an event stream live the same life', async () => {
    const { states, inspect } = watcher();
    await using server = await serve({ inspect }, (routes) => routes.sse('/', (stream) => stream.send('a')));
    await (await fetch(server.url)).text();
    await until(() => server.connections.size === 0);
    expect(states).toEqual(['"accepting"', '{"linked":"open"}', '{"linked":"closing"}', '"closed"']);
  });

  it('that throws is logged, and changes nothing', async () => {
    const { errors, logger } = errorLog();
    const fails = (): never => {
      throw new Error('broken');
    };
    const inspect = { next: fails, attach: fails };
    await using server = await serve({ inspect, logger }, (routes) => routes.websocket('/', echo));
    await using client = await Client.open(server, '/');
    client.socket.send('still works');
    expect(await client.got(1)).toEqual(['still works']);
    expect(errors.length).toBeGreaterThan(1);
    expect(errors[0]).toEqual(['The function given as inspect failed', { error: 'broken' }]);
  });
});

describe('compression', () => {
  it('is agreed on without context takeover, and bounded by the size of the message inside', async () => {
    const limits = { maxMessageBytes: 100_000 };
    await using server = await serve({ compression: true, limits }, (routes) => routes.websocket('/', echo));
    await using client = await Client.open(server, '/');
    client.socket.send('x'.repeat(100_000));
    await client.got(1);
    expect(client.socket.extensions).toBe('permessage-deflate');
    client.socket.send('x'.repeat(100_001));
    expect(await client.end()).toEqual({ code: 1009, reason: '' });
  });

  it('is off unless it is asked for', async () => {
    await using server = await serve({}, (routes) => routes.websocket('/', echo));
    await using client = await Client.open(server, '/');
    expect(client.socket.extensions).toBe('');
  });
});
