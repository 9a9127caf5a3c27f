// What the tests of the commands for channels have in common: a hub, and a server of the seed that acknowledges nothing.
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { WebSocketServer, type WebSocket } from 'ws';
// What the commands load when they are first run, so that no wait is for that.
import '../../src/cli/channels/publish.ts';
import '../../src/cli/channels/subscribe.ts';
import { createChannelHub, type ChannelHub, type ChannelHubOptions } from '../../src/server/index.ts';
import { TestIo } from './test-io.ts';

/** Retries after milliseconds. */
export const SOON = ['--retry-max-delay', '0.005'];

export async function hubWith(options: ChannelHubOptions = {}): Promise<ChannelHub> {
  const hub = await createChannelHub(options).listen();
  onTestFinished(() => hub.close({ deadlineMs: 0 }));
  return hub;
}

/** One that says nothing, and keeps what it hears. */
export async function plainServer() {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  onTestFinished(() => {
    for (const client of server.clients) client.terminate();
    server.close();
  });
  const heard: string[] = [];
  const clients: WebSocket[] = [];
  server.on('connection', (client) => {
    clients.push(client);
    client.on('message', (data: Buffer) => heard.push(data.toString()));
  });
  await once(server, 'listening');
  return { url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`, heard, clients };
}

export function start(...argv: readonly string[]) {
  const io = new TestIo();
  return { io, ended: io.run(...argv) };
}
