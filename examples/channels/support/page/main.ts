// The page: asks over HTTP, and shows the answer that comes over the channel. What comes is shown as text, never as HTML.
import {
  ChannelClient,
  ConversationReader,
  type ConversationSnapshot,
} from '../../../../src/channels/index.ts'; // in your project: 'statewire/channels'

const part = (id: string): HTMLElement => {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`The page has no #${id}.`);
  return element;
};
const [status, tools, text, ask] = ['status', 'tools', 'text', 'ask'].map(part) as [
  HTMLElement,
  HTMLElement,
  HTMLElement,
  HTMLButtonElement,
];

// Whoever knows the name of a channel may read it: a random one cannot be guessed.
const channel = `user_session_${crypto.getRandomValues(new Uint32Array(4)).join('')}`;
const channels = new ChannelClient({
  url: `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/ws`,
  maxRetries: Infinity,
  retryDelayMs: 3_000,
});

function show({ status: now, notice, text: said, tools: used, isLive, error }: ConversationSnapshot): void {
  status.dataset['live'] = String(isLive);
  if (!isLive) status.textContent = 'Connection lost; what was said is kept.';
  else status.textContent = error?.message ?? (now === 'completed' ? 'Done.' : notice);
  text.textContent = said;
  tools.replaceChildren(
    ...used.map((tool) => Object.assign(document.createElement('li'), { textContent: tool })),
  );
}

await channels.connect();
const subscription = await channels.subscribe(channel);
status.textContent = 'Ready.';
ask.disabled = false;

let count = 0;
ask.addEventListener('click', () => {
  void answer(`message-${(count += 1)}`);
});

async function answer(messageId: string): Promise<void> {
  ask.disabled = true;
  try {
    const reader = new ConversationReader(subscription, { messageId, signal: AbortSignal.timeout(120_000) });
    await fetch('/ask', { method: 'POST', body: JSON.stringify({ channel, messageId }) });
    for await (const snapshot of reader) show(snapshot);
  } catch (thrown) {
    status.textContent = thrown instanceof Error ? thrown.message : 'There is no answer.';
  } finally {
    ask.disabled = false;
  }
}
