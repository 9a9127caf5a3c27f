// The same conversation on a web page: the page asks over HTTP, and is answered over its channel.
// From a terminal this serves until Ctrl+C; from a program it asks itself once, as the page does, and ends.
// Run: node --conditions=statewire-source --import=tsx examples/channels/web.ts
import { once } from 'node:events';
import { ChannelClient, ConversationReader } from '../../src/channels/index.ts'; // in your project: 'statewire/channels'
import { serve } from './support/server.ts';

await using here = await serve();

if (process.stdout.isTTY) {
  console.log(`Open ${here.url} and ask. Ctrl+C ends it.`);
  await once(process, 'SIGINT');
} else {
  const script = await fetch(`${here.url}/page.js`);
  console.log('the page has a script:', script.status, script.headers.get('content-type'));
  await script.text();

  await using user = new ChannelClient({ url: `${here.url.replace('http', 'ws')}/ws`, retryDelayMs: 200 });
  user.connection.on('reconnecting', () => console.log('cut'));
  await user.connect();
  const channel = 'user_session_abc123';
  const reader = new ConversationReader(await user.subscribe(channel));
  const body = JSON.stringify({ channel, messageId: 'message-1' });
  const asked = await fetch(`${here.url}/ask`, { method: 'POST', body });
  console.log('asked:', asked.status);
  const { status, text, tools } = await reader.finished;
  console.log(`${status}: ${tools.length} tools, ${text.length} characters`);
}
