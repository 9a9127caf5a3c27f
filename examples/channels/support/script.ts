// An assistant that says what is written here, in the events of a run: two tools are called, then the answer comes word
// by word. Take a model's stream in its place.
import { setTimeout as pause } from 'node:timers/promises';
import type { AssistantEvent, RelayOptions, ToolRound } from '../../../src/channels/index.ts'; // in your project: 'statewire/channels'

const WORD_MS = 25;
const RUN = { id: 'run_1', thread_id: 'thread_abc123' };

const call = (id: string, name: string, args: object) => ({
  id,
  type: 'function',
  function: { name, arguments: JSON.stringify(args) },
});

export async function* run(): AsyncGenerator<AssistantEvent> {
  yield { event: 'thread.run.created', data: RUN };
  await pause(WORD_MS);
  const tool_calls = [
    call('call_1', 'get_weather', { city: 'Makati' }),
    call('call_2', 'get_tide', { bay: 'Manila Bay' }),
  ];
  const required_action = { type: 'submit_tool_outputs', submit_tool_outputs: { tool_calls } };
  yield { event: 'thread.run.requires_action', data: { ...RUN, required_action } };
}

async function* goOn({ outputs }: ToolRound): AsyncGenerator<AssistantEvent> {
  const [weather, tide] = outputs.map(({ output }) => JSON.parse(output) as Record<string, unknown>);
  const text =
    `It is ${String(weather?.['celsius'])} °C in Makati, with light clouds and a breeze from the sea. ` +
    `The tide in Manila Bay is ${String(tide?.['tide'])} until ${String(tide?.['until'])}. ` +
    'Go for a swim before that, stay near the shore, and take some water and a hat with you.';
  for (const value of text.match(/\S+\s*/g) ?? []) {
    await pause(WORD_MS);
    const content = [{ index: 0, type: 'text', text: { value } }];
    yield { event: 'thread.message.delta', data: { id: 'msg_1', delta: { content } } };
  }
  yield { event: 'thread.message.completed', data: { id: 'msg_1' } };
  yield { event: 'thread.run.completed', data: RUN };
}

/** For the relay: the tools, and how the run goes on with their results. */
export const assistant: RelayOptions = {
  tools: {
    get_weather: {
      describe: ({ city }: { city: string }) => `Executing weather check for ${city}`,
      run: async ({ city }: { city: string }) => {
        await pause(WORD_MS);
        return { city, celsius: 31 };
      },
    },
    get_tide: {
      timeoutMs: 5_000,
      run: async (_: object, { signal }) => {
        await pause(2 * WORD_MS, undefined, { signal });
        return { tide: 'low', until: '17:40' };
      },
    },
  },
  submitToolOutputs: goOn,
};
