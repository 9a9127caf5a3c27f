// How an answer stands, as far as its reader has heard: folded from frames, of which some come twice, late or never.
import type { AssistantPayload, AssistantStatus } from '../frames.ts';

export interface ConversationSnapshot {
  /** `waiting` before the first frame. */
  readonly status: 'waiting' | AssistantStatus;
  /** Whether this is the end: `completed` or `error`. */
  readonly isFinal: boolean;
  /** The whole text so far. */
  readonly text: string;
  /** What the assistant said last about what it does, such as `Assistant is responding...`. */
  readonly notice: string;
  /** What was said of each tool, in order. */
  readonly tools: readonly string[];
  /** With the status `error`: a text for the user, and what happened. */
  readonly error?: { readonly message: string; readonly details: string };
  readonly messageId: string | undefined;
  readonly threadId: string | null;
  /** The timestamp of the newest frame, in seconds since 1970. */
  readonly updatedAt: number | undefined;
  /** Whether messages come at present; `false` while the connection is lost. */
  readonly isLive: boolean;
  /**
   * Whether frames were missed, or may have been: since the connection was lost or the hub told of a gap. The next frame
   * with text makes up for it, because it holds all of the text.
   */
  readonly isBehind: boolean;
  /** Gaps that the hub has told of. */
  readonly gaps: number;
}

export const emptySnapshot = (messageId: string | undefined): ConversationSnapshot => ({
  status: 'waiting',
  isFinal: false,
  text: '',
  notice: '',
  tools: [],
  messageId,
  threadId: null,
  updatedAt: undefined,
  isLive: true,
  isBehind: false,
  gaps: 0,
});

const STATUSES: ReadonlySet<unknown> = new Set<AssistantStatus>([
  'started',
  'processing',
  'responding',
  'in_progress',
  'completed',
  'error',
]);

/** A payload as a frame of an assistant's; `undefined` for any other. */
export function readAssistantPayload(payload: unknown): AssistantPayload | undefined {
  if (typeof payload !== 'object' || payload === null) return undefined;
  const { message, status } = payload as Partial<Record<string, unknown>>;
  return typeof message === 'string' && STATUSES.has(status) ? (payload as AssistantPayload) : undefined;
}

/** Folds frames into snapshots. */
export class Fold {
  #snapshot: ConversationSnapshot;
  /** The frames that bear the newest timestamp: several may. */
  #newest = new Set<string>();

  constructor(messageId: string | undefined) {
    this.#snapshot = emptySnapshot(messageId);
  }

  get snapshot(): ConversationSnapshot {
    return this.#snapshot;
  }

  /** Returns whether it says something new. */
  take(payload: AssistantPayload): boolean {
    const { message_id: messageId, thread_id: threadId, status, message } = payload;
    const { isFinal, messageId: ours = messageId } = this.#snapshot;
    if (isFinal || messageId !== ours || !this.#isNew(payload)) return false;
    const { updatedAt, isBehind, ...before } = this.#snapshot;
    this.#snapshot = {
      ...before,
      ...told(payload, before),
      status,
      isFinal: status === 'completed' || status === 'error',
      notice: isTextual(payload) || status === 'error' ? before.notice : message,
      messageId,
      threadId: typeof threadId === 'string' ? threadId : before.threadId,
      updatedAt: timeOf(payload) ?? updatedAt,
      isBehind: isBehind && !isTextual(payload) && status !== 'error',
    };
    return true;
  }

  /** Returns whether that changes something. */
  note(change: Partial<Pick<ConversationSnapshot, 'isLive' | 'isBehind' | 'gaps'>>): boolean {
    const before = this.#snapshot;
    this.#snapshot = { ...before, ...change };
    return Object.entries(change).some(([name, value]) => before[name as keyof typeof change] !== value);
  }

  /**
   * A frame that is older than the newest one came late. One of the same time is new if no equal one came; where there is
   * no time, a text that is a part of what is known is old.
   */
  #isNew(payload: AssistantPayload): boolean {
    const { updatedAt, text } = this.#snapshot;
    const time = timeOf(payload);
    const isOldText = isTextual(payload) && text.startsWith(payload.message);
    if (time === undefined) return !isOldText || payload.status === 'completed';
    if (updatedAt !== undefined && time < updatedAt) return false;
    if (updatedAt === undefined || time > updatedAt) this.#newest.clear();
    const frame = `${payload.status} ${payload.message}`;
    const isNew = !this.#newest.has(frame);
    this.#newest.add(frame);
    return isNew;
  }
}

const isTextual = ({ status }: AssistantPayload): boolean =>
  status === 'in_progress' || status === 'completed';

const timeOf = ({ timestamp }: AssistantPayload): number | undefined =>
  Number.isFinite(timestamp) ? timestamp : undefined;

function told(
  payload: AssistantPayload,
  { tools }: Pick<ConversationSnapshot, 'tools'>,
): Partial<ConversationSnapshot> {
  const { type, message, status, error_details: details } = payload;
  if (isTextual(payload)) return { text: message };
  if (status === 'error')
    return { error: { message, details: typeof details === 'string' ? details : message } };
  return type === 'tool' ? { tools: [...tools, message] } : {};
}
