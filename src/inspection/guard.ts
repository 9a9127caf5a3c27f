// Between a machine and whoever looks at it: what an inspector throws is reported, and disturbs nothing.
import type { InspectionEvent } from 'xstate';
import { watchRejection } from '../rejections.ts';
import type { Inspected, Inspector } from './inspector.ts';

/** An inspector that never throws. */
export interface GuardedInspector {
  readonly next: (event: InspectionEvent) => void;
  attach(sessionId: string, inspected: Inspected): void;
}

/** XState lets what an inspector throws escape from `send()`. */
export function guardInspector(
  inspect: Inspector | ((event: InspectionEvent) => void),
  onFailed: (thrown: unknown) => void,
): GuardedInspector {
  const inspector: Inspector = typeof inspect === 'function' ? { next: inspect } : inspect;
  const guarded = (look: () => unknown): void => {
    try {
      // An inspector of the user's may be a function that returns a promise.
      watchRejection(look(), onFailed);
    } catch (thrown) {
      onFailed(thrown);
    }
  };
  return {
    next: (event) => guarded(() => inspector.next(event)),
    attach: (sessionId, inspected) => guarded(() => inspector.attach?.(sessionId, inspected)),
  };
}
