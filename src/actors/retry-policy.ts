// Asks the default policy, and the user's, for a verdict, and tells the machine. What a policy throws is reported
// and the default verdict used; it never reaches the machine.
import type { CallbackLogicFunction, EventObject } from 'xstate';
import { clampDelay, type Failure, type PolicyInput, type VerdictEvent } from '../../machines/index.ts';
import { toError } from '../errors.ts';
import { fixedBackoff } from '../backoff.ts';
import type { Surroundings } from '../platform/platform.ts';
import { canRefresh } from '../providers.ts';
import { watchRejection } from '../rejections.ts';
import { decide, type Decision, type Loss, type RetryRules, type Verdict } from '../retry-policy.ts';
import type { World } from '../world.ts';

type PolicyWorld = Pick<
  World<unknown, unknown, unknown, unknown>,
  'options' | 'settings' | 'wire' | 'surroundings' | 'report'
>;

export const retryPolicyActor =
  (world: PolicyWorld): CallbackLogicFunction<EventObject, VerdictEvent, PolicyInput> =>
  ({ input, sendBack }) => {
    const loss = lossOf(world, input);
    const decision = byDefault(world, loss, input.failure);
    sendBack(eventOf(byUser(world, loss, decision, input.failure)));
  };

function lossOf({ options, settings, wire, surroundings, report }: PolicyWorld, input: PolicyInput): Loss {
  const { details } = input.failure;
  const number = (name: string) => (typeof details[name] === 'number' ? details[name] : undefined);
  const { closeReason } = details;
  return {
    attempt: input.attempt,
    elapsedMs: settings.clock.now() - wire.downSince,
    phase: input.phase,
    initial: input.sessions === 0,
    closeCode: number('closeCode'),
    closeReason: typeof closeReason === 'string' ? closeReason : undefined,
    httpStatus: number('httpStatus'),
    retryAfterMs: number('retryAfterMs'),
    error: toError(input.failure),
    stableForMs: wire.stableForMs,
    online: isOnline(surroundings, report),
    repeats: input.repeats,
    refreshes: input.refreshes,
    canRefresh: canRefresh(options),
    previousDelayMs: input.previousDelayMs,
  };
}

function isOnline(surroundings: Surroundings, report: PolicyWorld['report']): boolean {
  try {
    return surroundings.isOnline();
  } catch (thrown) {
    report('RETRY_POLICY_FAILED', 'retry', thrown);
    return true;
  }
}

/** Backoff and randomness may be the user's: what they throw, or a delay that is none, is replaced by a second. */
function byDefault({ settings, report }: PolicyWorld, loss: Loss, failure: Failure): Decision {
  const { retry, random } = settings;
  try {
    const decision = decide(loss, failure, retry, random);
    checkDelay(decision);
    return decision;
  } catch (thrown) {
    report('RETRY_POLICY_FAILED', 'retry', thrown);
    return decide(loss, failure, { ...(retry as RetryRules), backoff: fixedBackoff() }, () => 0.5);
  }
}

function byUser(
  { settings, report }: PolicyWorld,
  loss: Loss,
  decision: Decision,
  failure: Failure,
): Decision {
  if (settings.policy === undefined) return decision;
  const proposal: Verdict =
    decision.action === 'stop' ? { action: 'stop', error: toError(decision.failure) } : decision;
  try {
    const verdict = settings.policy(loss, proposal);
    // The machine does not wait; what a promise rejects with is covered by the report of its being one.
    watchRejection(verdict, () => undefined);
    return verdict === proposal ? decision : decisionOf(verdict, failure);
  } catch (thrown) {
    report('RETRY_POLICY_FAILED', 'retry', thrown);
    return decision;
  }
}

/** @throws {TypeError} for what is no verdict, a promise of one included: the machine does not wait for it */
function decisionOf(verdict: Verdict, failure: Failure): Decision {
  switch ((verdict as Verdict | undefined)?.action) {
    case 'stop':
      return { action: 'stop', failure };
    case 'retry':
      checkDelay(verdict);
      return verdict as Decision;
    case 'reauthenticate':
    case 'waitForNetwork':
      return verdict as Decision;
    case undefined:
    default:
      throw new TypeError(
        'Expected a verdict with an action of retry, reauthenticate, waitForNetwork or stop',
      );
  }
}

function checkDelay(verdict: Verdict | Decision): void {
  if (verdict.action === 'retry' && !(verdict.delayMs >= 0)) {
    throw new TypeError(`Expected a delay of at least 0 ms, got ${String(verdict.delayMs)}`);
  }
}

function eventOf(decision: Decision): VerdictEvent {
  switch (decision.action) {
    case 'retry':
      // An event is data that can be written down: JSON knows no Infinity.
      return { type: 'verdict.retry', delayMs: clampDelay(decision.delayMs) };
    case 'stop':
      return { type: 'verdict.stop', failure: decision.failure };
    case 'reauthenticate':
      return { type: 'verdict.reauthenticate' };
    case 'waitForNetwork':
      return { type: 'verdict.waitForNetwork' };
  }
}
