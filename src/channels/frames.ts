// The payloads by which an assistant tells how far it is (protocols of the seed, S3-16 … S3-22): made here, members in the
// seed's order.

export type AssistantStatus = 'started' | 'processing' | 'responding' | 'in_progress' | 'completed' | 'error';

export interface AssistantPayload {
  /** For the user to read. With `in_progress` and `completed` the whole text so far, not only what is new. */
  readonly message: string;
  /** Seconds since 1970, with a fraction. */
  readonly timestamp: number;
  readonly status: AssistantStatus;
  readonly type: 'status' | 'tool' | 'response' | 'error' | 'timeout';
  /** True with `completed` alone; absent from errors. */
  readonly final_message?: boolean;
  /** Of errors. */
  readonly error_details?: string;
  /** Of the request that is being answered: the same in all payloads of an answer. */
  readonly message_id?: string;
  /** `null` as long as it is not known. */
  readonly thread_id?: string | null;
}

/** To which request and conversation a payload belongs. */
export interface Correlation {
  readonly messageId?: string | undefined;
  readonly threadId?: string | null | undefined;
}

const members = ({ messageId, threadId }: Correlation) => ({
  ...(messageId !== undefined && { message_id: messageId }),
  ...(threadId !== undefined && { thread_id: threadId }),
});

/** A correlation, and the time that a payload bears. */
export interface FrameContext extends Correlation {
  /** Seconds since 1970; default: now. */
  readonly timestamp?: number | undefined;
}

const inSeconds = (): number => Date.now() / 1_000;

export const statusPayload = (
  status: Exclude<AssistantStatus, 'error'>,
  type: AssistantPayload['type'],
  message: string,
  { timestamp = inSeconds(), ...correlation }: FrameContext = {},
): AssistantPayload => ({
  message,
  timestamp,
  status,
  type,
  final_message: status === 'completed',
  ...members(correlation),
});

export const errorPayload = (
  message: string,
  details: string,
  { timestamp = inSeconds(), ...correlation }: FrameContext = {},
): AssistantPayload => ({
  message,
  timestamp,
  status: 'error',
  type: 'error',
  error_details: details,
  ...members(correlation),
});
