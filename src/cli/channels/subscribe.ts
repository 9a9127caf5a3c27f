// One run of `statewire subscribe`: the messages of a channel, until the user, the count or the hub ends it.
import { ChannelClient, type Subscription } from '../../channels/index.ts';
import type { ChannelMessage } from '../../channels/wire.ts';
import type { ConnectionError } from '../../errors.ts';
import { redactUrl } from '../../redact.ts';
import { EXIT, type ExitCode, type Io } from '../io.ts';
import { Following, type Follower } from '../session/following.ts';
import type { Problem } from '../session/view.ts';
import { problemOf } from './problems.ts';
import { clientOptionsOf } from './settings.ts';
import type { SubscribeSettings } from './subscribe-command.ts';
import { jsonView, textView, type SubscriptionView } from './subscribe-views.ts';

/** Runs until it is over; resolves with the exit code, with nothing left open. */
export async function subscribe(settings: SubscribeSettings, io: Io): Promise<ExitCode> {
  // Whoever asked waits for the connection; for a subscription on it there is no limit besides.
  const client = new ChannelClient({ ...clientOptionsOf(settings), subscribeTimeoutMs: Infinity });
  const view = viewOf(settings, io);
  const follower: Follower<ChannelMessage> = {
    source: client,
    view,
    problemOf,
    lateRemedy: 'Check that a hub runs at --url, or raise --timeout.',
    show: (message) => view.message(message),
    report: (problem: Problem) => {
      view.problem(problem);
      view.close();
    },
    isGoodbye: () => false,
    codeOfDone: EXIT.done,
    codeOfInterrupt: EXIT.interrupted,
  };
  const following = new Following(client.connection, settings, io, follower);
  const fail = (error: unknown): void => {
    if (following.signal.aborted) return;
    follower.report(problemOf(error as ConnectionError));
    following.end(EXIT.failed);
  };
  client.on('refused', (error) => view.problem(problemOf(error)));
  return following.run(() => {
    const { signal } = following;
    client.subscribe(settings.channel, { signal }).then(
      (subscription) => follow(subscription, view, fail),
      // Aborted, or the connection itself has failed: that is told by whoever ended it.
      (thrown: unknown) => (client.state === 'failed' ? undefined : fail(thrown)),
    );
  });
}

function follow(subscription: Subscription, view: SubscriptionView, fail: (error: unknown) => void): void {
  const tell = (): void => view.subscription(subscription.state, subscription.isAcknowledged);
  tell();
  const { channel, members } = subscription;
  // They may have come with the answer, before anybody could listen.
  if (members.length > 0) view.presence({ channel, event: 'present', members });
  subscription.on('statechange', tell);
  subscription.on('gap', (gap) => view.gap(gap));
  subscription.on('presence', (presence) => view.presence(presence));
  subscription.on('failed', fail);
}

const viewOf = ({ url, channel, output, isJson, isQuiet }: SubscribeSettings, io: Io): SubscriptionView =>
  output === 'json' ? jsonView(io) : textView(io, { isJson, isQuiet, channel, address: redactUrl(url) });
