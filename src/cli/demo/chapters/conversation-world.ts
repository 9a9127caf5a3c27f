// What the chapter of the conversation needs: a hub, a fault proxy in front of it, and behind the proxy both ends of a
// conversation: an assistant with a tool, relayed, and the user who reads its answer. Loaded by that chapter only.
import {
  AssistantRelay,
  ChannelClient,
  ConversationReader,
  type AssistantPayload,
  type AssistantStep,
  type ChannelMessage,
  type Conversation,
  type FrameOptions,
  type Publication,
} from '../../../channels/index.ts';
import { createChannelHub, type ChannelHub } from '../../../server/index.ts';
import { FaultProxy } from '../../../testing/fault-proxy.ts';
import type { Stage } from '../stage.ts';
import { pause } from '../waiting.ts';

const CHANNEL = 'user_session_abc123';
const MESSAGE_ID = 'question-1';
const WORD_MS = 12;
const RETRY_DELAY_MS = 150;

const WORDS = `It is 31 degrees in Makati, the sky is clear, and it will stay so until the evening. Take water
with you, and something for your head. Towards nine a breeze comes in from the bay, and the nights are mild: there is
no need for a coat this week, nor for an umbrella before Friday.`.split(/\s+/);

export class ConversationWorld implements AsyncDisposable {
  readonly hub: ChannelHub;
  readonly proxy: FaultProxy;
  readonly assistant: ChannelClient;
  readonly user: ChannelClient;
  /** What the user was sent, in the order in which it came. */
  readonly heard: ChannelMessage<AssistantPayload>[] = [];
  /** What became of the frames that the relay published. */
  readonly publications: Publication[] = [];
  /** Aborted at the end, so that the assistant does not speak on. */
  readonly #over = new AbortController();

  private constructor(hub: ChannelHub, proxy: FaultProxy, { inspect }: Stage) {
    this.hub = hub;
    this.proxy = proxy;
    const options = { url: proxy.url, maxRetries: Infinity, retryDelayMs: RETRY_DELAY_MS };
    const clientOf = (name: string) => new ChannelClient({ ...options, name, ...(inspect && { inspect }) });
    this.assistant = clientOf('an assistant');
    this.user = clientOf('a user');
  }

  static async make(this: void, stage: Stage): Promise<ConversationWorld> {
    const hub = await createChannelHub().listen();
    const world = new ConversationWorld(hub, await FaultProxy.listen(hub.webSocketUrl), stage);
    stage.follow(world.user.connection);
    return world;
  }

  readonly answer = WORDS.join(' ');

  /** Begins the answer, and the reading of it. */
  async begin(): Promise<{ readonly conversation: Conversation; readonly reader: ConversationReader }> {
    const { assistant, user } = this;
    await Promise.all([assistant.connect(), user.connect()]);
    await assistant.subscribe(CHANNEL);
    const subscription = await user.subscribe(CHANNEL);
    subscription.on('message', (message) => this.heard.push(message as ChannelMessage<AssistantPayload>));
    const { signal } = this.#over;
    const reader = new ConversationReader(subscription, { messageId: MESSAGE_ID, signal });
    const publish = (channel: string, payload: AssistantPayload, options: FrameOptions) =>
      this.#publish(channel, payload, options);
    const relay = new AssistantRelay(
      { publish },
      { tools: { get_weather: () => ({ celsius: 31 }) }, submitToolOutputs: () => this.#words() },
    );
    const request = { channel: CHANNEL, messageId: MESSAGE_ID, run: callOfTool(), signal };
    return { conversation: relay.answer(request), reader };
  }

  async disconnect(): Promise<void> {
    this.#over.abort(new Error('The demo is over.'));
    await Promise.all([this.assistant.disconnect(), this.user.disconnect()]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.disconnect();
    await this.proxy.close();
    await this.hub.close({ deadlineMs: 0 });
  }

  async #publish(channel: string, payload: AssistantPayload, options: FrameOptions): Promise<void> {
    this.publications.push(await this.assistant.publish(channel, payload, options));
  }

  async *#words(): AsyncGenerator<AssistantStep> {
    for (const [at, word] of WORDS.entries()) {
      await pause(WORD_MS, this.#over.signal);
      yield { type: 'text', delta: at === 0 ? word : ` ${word}` };
    }
  }
}

async function* callOfTool(): AsyncGenerator<AssistantStep> {
  await Promise.resolve();
  yield { type: 'thread', threadId: 'thread_abc123' };
  yield { type: 'tool', id: 'call-1', name: 'get_weather', arguments: { city: 'Makati' } };
}
