// The errors of channels in the words of the command line.
import { problemsOf } from '../session/problems.ts';

const SEND_AGAIN = 'Publish it again; it may have arrived already.';

export const problemOf = problemsOf(
  {
    CONNECT_TIMEOUT: 'Check that a hub accepts WebSocket upgrades at --url, or raise --timeout.',
    CONNECT_FAILED: 'Check that the hub runs (statewire serve channels), and --url.',
    UPGRADE_REJECTED: 'Check the path of --url, and what --header says.',
    SUBSCRIPTION_REFUSED: 'Check the name of the channel, and what --header says.',
    SUBSCRIPTION_TIMEOUT: 'Check that the hub can be reached, or raise --timeout.',
    PUBLISH_REFUSED: 'Correct the message, or publish it again later, according to what the hub said.',
    PUBLISH_FAILED: SEND_AGAIN,
    MESSAGE_EXPIRED: 'Publish it again, or raise --timeout.',
    MESSAGE_UNDELIVERED: 'Publish it again.',
    DELIVERY_UNKNOWN: SEND_AGAIN,
  },
  () => undefined,
);
