// An assistant's answer, told while it is made: status, two tools, the text as it grows, and its end, through a connection
// that is cut in the middle.
// Run: node --conditions=statewire-source --import=tsx examples/channels/assistant.ts
import { AssistantRelay, ChannelClient, ConversationReader } from '../../src/channels/index.ts'; // in your project: 'statewire/channels'
import { createChannelHub } from '../../src/server/index.ts'; // in your project: 'statewire/server'
import { FaultProxy } from '../../src/testing/index.ts'; // in your project: 'statewire/testing'
import { assistant, run } from './support/script.ts';

await using hub = createChannelHub();
await hub.listen();
await using proxy = await FaultProxy.listen(hub.webSocketUrl);
const channel = 'user_session_abc123';

// The side of the assistant.
await using worker = new ChannelClient({ url: hub.webSocketUrl });
await worker.connect();
await worker.subscribe(channel);
const relay = new AssistantRelay(worker, assistant);

// The side of the user.
await using user = new ChannelClient({ url: proxy.url, retryDelayMs: 200 });
await user.connect();
const reader = new ConversationReader(await user.subscribe(channel), { messageId: 'message-1' });

const { finished } = relay.answer({ channel, messageId: 'message-1', run });

let told = 0;
let printed = 0;
let wasCut = false;
for await (const { tools, text, isLive, isFinal } of reader) {
  for (const tool of tools.slice(told)) console.log('·', tool);
  told = tools.length;
  process.stdout.write(text.slice(printed));
  printed = text.length;
  if (printed > 60 && !wasCut && !isFinal) {
    wasCut = true;
    proxy.reset();
  } else if (!isLive) console.log('\n[the connection is lost; what was said is kept]');
}

const { status, text, threadId, gaps } = await reader.finished;
const { outcome, text: said } = await finished;
console.log(`\n${status} in ${threadId ?? 'no thread'}: ${text.length} characters, ${gaps} gaps`);
console.log(`the assistant's side: ${outcome}; the same text: ${String(said === text)}`);
