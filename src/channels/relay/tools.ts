// The tools that an assistant may call: run with what it gave them, each within its time, and what became of them as a
// text for it to read.
import { deferred } from '../../deferred.ts';
import type { Clock } from '../../clock.ts';
import { textOf } from '../../errors.ts';
import type { Logger } from '../../options.ts';
import { ChannelError } from '../errors.ts';
import type { ToolCall } from './events.ts';

export interface ToolContext {
  /** Aborted when the tool's time is over, and when nobody wants the answer any more. */
  readonly signal: AbortSignal;
  readonly toolCallId: string;
  readonly name: string;
  readonly messageId: string;
  readonly threadId: string | null;
}

/**
 * @param args what the assistant gave, read from its JSON; it was made by a model, so check it
 * @returns what JSON can express, or a promise of it; nothing is `null`. What it throws is told to the assistant.
 */
export type ToolFunction = (args: never, context: ToolContext) => unknown;

export interface Tool {
  readonly run: ToolFunction;
  /** For one call, in milliseconds. Default: the relay's `toolTimeoutMs`. */
  readonly timeoutMs?: number;
  /** What the user is told while it runs. Default: `Executing <name>...` */
  readonly describe?: (args: never) => string;
}

/** By their names. */
export type Tools = Readonly<Record<string, Tool | ToolFunction>>;

export interface ToolOutput {
  readonly tool_call_id: string;
  readonly output: string;
}

export const TOOL_TOOK_TOO_LONG = 'The operation took too long to complete. Please try again.';

/** What running a tool takes beside the tool. */
export interface Workshop {
  readonly tools: Tools;
  readonly toolTimeoutMs: number;
  readonly clock: Clock;
  readonly logger: Logger | undefined;
}

export type Job = Omit<ToolContext, 'toolCallId' | 'name'>;

/** What is shown while a tool runs. Never throws. */
export function describeCall(call: ToolCall, { tools, logger }: Workshop): string {
  const { name } = call;
  try {
    const said: unknown = toolNamed(name, tools)?.describe?.(argumentsOf(call) as never);
    if (typeof said === 'string') return said;
  } catch (thrown) {
    logger?.warn(`The description of the tool ${name} failed: ${textOf(thrown)}`, { error: thrown });
  }
  return `Executing ${name}...`;
}

/** Runs them side by side. Never rejects; the outputs are in the order of the calls. */
export const runTools = (
  calls: readonly ToolCall[],
  workshop: Workshop,
  job: Job,
): Promise<readonly ToolOutput[]> =>
  Promise.all(
    calls.map(async (call) => ({ tool_call_id: call.id, output: await outputOf(call, workshop, job) })),
  );

async function outputOf(call: ToolCall, workshop: Workshop, job: Job): Promise<string> {
  try {
    const result = JSON.stringify(await resultOf(call, workshop, job)) as string | undefined;
    // JSON has no other word for nothing.
    return result ?? 'null';
  } catch (thrown) {
    const isLate = thrown instanceof ChannelError && thrown.code === 'TOOL_TIMEOUT';
    const cause = textOf(thrown);
    const error = isLate
      ? thrown
      : new ChannelError('TOOL_FAILED', { details: { tool: call.name, cause }, cause: thrown });
    workshop.logger?.warn(error.message, { error });
    return isLate ? TOOL_TOOK_TOO_LONG : cause;
  }
}

/** @throws what the tool throws, `TOOL_TIMEOUT`, or the reason of the signal; the tool is not waited for then */
async function resultOf(
  call: ToolCall,
  { tools, toolTimeoutMs, clock }: Workshop,
  job: Job,
): Promise<unknown> {
  const { name, id: toolCallId } = call;
  const tool = toolNamed(name, tools);
  if (tool === undefined) throw new Error(`Tool not found: ${name}`);
  const limitMs = tool.timeoutMs ?? toolTimeoutMs;
  const over = new AbortController();
  const ended = deferred<never>();
  over.signal.addEventListener('abort', () => ended.reject(over.signal.reason), { once: true });
  const stop = (): void => over.abort(job.signal.reason);
  job.signal.addEventListener('abort', stop, { once: true });
  const late = (): void => over.abort(new ChannelError('TOOL_TIMEOUT', { details: { tool: name, limitMs } }));
  const timer = limitMs === Infinity ? undefined : clock.setTimeout(late, limitMs);
  try {
    const work = async (): Promise<unknown> =>
      await tool.run(argumentsOf(call) as never, { ...job, signal: over.signal, toolCallId, name });
    return await Promise.race([ended.promise, work()]);
  } finally {
    clock.clearTimeout(timer);
    job.signal.removeEventListener('abort', stop);
  }
}

function toolNamed(name: string, tools: Tools): Tool | undefined {
  const tool = Object.hasOwn(tools, name) ? tools[name] : undefined;
  return typeof tool === 'function' ? { run: tool } : tool;
}

function argumentsOf({ name, arguments: given = {} }: ToolCall): unknown {
  if (typeof given !== 'string') return given;
  if (given.trim() === '') return {};
  try {
    return JSON.parse(given);
  } catch {
    throw new Error(`Invalid arguments for ${name}: expected JSON.`);
  }
}
