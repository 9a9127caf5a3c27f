// What a user runs in Node: every entry point of the packed package, at work.
import { deepEqual, equal } from 'node:assert/strict';
import { Connection } from 'statewire';
import { liveView } from 'statewire/inspect';
import { MockCoordinator, PuppetServer } from 'statewire/testing';
import { converse, identify, initialState, inspector, lastState } from './app.js';

equal(initialState, 'idle');

await using server = await PuppetServer.listen({
  onSocket: (socket) => {
    socket.onFrame = (frame) => {
      socket.send(String(frame).toUpperCase());
    };
  },
});
deepEqual(await converse(server.url, 'hello'), {
  answer: 'HELLO',
  states: ['connecting', 'authenticating', 'open', 'closing', 'closed'],
});

await using coordinator = await MockCoordinator.listen({ tokens: ['good'] });
const id = await identify(coordinator.url, 'good');
equal(id, coordinator.connections[0]?.connectionId);
equal(typeof id, 'string');

await using view = await liveView();
for (const path of ['/', '/page.css', '/page.js']) equal((await fetch(view.url + path)).status, 200);
for (const inspect of [view, inspector]) {
  const connection = new Connection({ url: server.url, inspect });
  await connection.connect();
  await connection.disconnect();
  equal(lastState(connection.recording()!), 'closed');
}

new Connection({ url: server.url, webSocket: { node: { rejectUnauthorized: true } } });
// @ts-expect-error -- with @types/ws and @types/node, the options of `ws` are checked too
new Connection({ url: server.url, webSocket: { node: { rejectUnauthorized: 'no' } } });
