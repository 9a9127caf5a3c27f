// What a hub does not do, and what the client is told about it.
import type { HubErrorCode, Reply } from '../../channels/wire.ts';

/** What an answer is about, for the client to know. */
export type Subject = Omit<Extract<Reply, { action: 'error' }>, 'action' | 'code' | 'message'>;

export class Refused extends Error {
  readonly code: HubErrorCode;
  readonly subject: Subject;

  constructor(code: HubErrorCode, message: string, subject: Subject) {
    super(message);
    this.code = code;
    this.subject = subject;
  }
}
