// A server that has the page, a hub, and an assistant that answers over it, behind a proxy that cuts the connection once
// in the middle of each answer.
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { AssistantRelay } from '../../../src/channels/index.ts'; // in your project: 'statewire/channels'
import { createChannelHub } from '../../../src/server/index.ts'; // in your project: 'statewire/server'
import { FaultProxy } from '../../../src/testing/index.ts'; // in your project: 'statewire/testing'
import { createPage } from './page.ts';
import { assistant, run } from './script.ts';

export async function serve(): Promise<AsyncDisposable & { readonly url: string }> {
  const page = await createPage();
  const hub = createChannelHub();
  const relay = new AssistantRelay(hub, assistant);

  const server = createServer((request, response) => {
    if (page(request, response)) return;
    if (request.method !== 'POST' || request.url !== '/ask') response.writeHead(404).end();
    else
      answer(request).then(
        () => response.writeHead(202).end(),
        () => response.writeHead(400).end(),
      );
  });
  hub.attach(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const proxy = await FaultProxy.listen(`http://127.0.0.1:${port}`);

  /** Begins an answer. The hub publishes it, so that nobody has to be subscribed here. */
  async function answer(request: IncomingMessage): Promise<void> {
    const { channel, messageId } = JSON.parse(await text(request)) as { channel: string; messageId: string };
    const conversation = relay.answer({ channel, messageId, run });
    const look = setInterval(() => {
      if (conversation.text.length < 80) return;
      clearInterval(look);
      proxy.reset();
    }, 20);
    void conversation.finished.then(() => clearInterval(look));
  }

  return {
    url: proxy.url,
    async [Symbol.asyncDispose]() {
      await relay.close();
      await hub.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await proxy.close();
    },
  };
}
