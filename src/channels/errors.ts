// What a channel client throws of its own: a subscription or a publication that the server did not want, or that took
// too long. What is a matter of the connection is a ConnectionError as everywhere.
import { ConnectionError } from '../errors.ts';

/** Something about a channel. `code` says what, `details.channel` of which one. */
export class ChannelError extends ConnectionError {
  override readonly name: string = 'ChannelError';
}
