// What may be sent on one link, and when: nothing but the handshake before the server has accepted, nothing but what
// was asked for before `disconnect()`, the farewell and the close frame after it.
import type { Act, MemoryLink } from './memory-transport.ts';
import { kindOf, talkOf, type FrameKind } from './talk-protocol.ts';

/** What was true of a link when `disconnect()` was called. */
export interface Farewell {
  /** The last message that had been given to the connection. */
  readonly lastId: number;
  readonly acceptedAt: number | undefined;
  readonly actsBefore: number;
  readonly wasOpen: boolean;
}

export type Farewells = Map<MemoryLink, Farewell>;

const HANDSHAKE: readonly FrameKind[] = ['hello', 'step'];

/** @param isResuming whether the server is still being told what it must know again */
export function auditLink(link: MemoryLink, farewell: Farewell | undefined, isResuming: boolean): string[] {
  return [
    ...beforeAcceptance(link),
    ...(isResuming && sent(link.acts).some(({ kind }) => kind === 'talk')
      ? ['a message was sent before the session was resumed']
      : []),
    ...(farewell === undefined ? [] : afterFarewell(link, farewell)),
    ...(link.isLive || link.terminations > 0 ? [] : ['a link that ended was not let go of']),
    ...(link.acts.filter(({ kind }) => kind === 'close').length > 1
      ? ['the close frame was sent twice']
      : []),
  ];
}

const sent = (acts: readonly Act[]) =>
  acts.flatMap((act) =>
    act.kind === 'send' ? [{ kind: kindOf(act.frame), id: talkOf(act.frame).talk ?? -1 }] : [],
  );

function beforeAcceptance({ acts, acceptedAt = acts.length }: MemoryLink): string[] {
  return sent(acts.slice(0, acceptedAt))
    .filter(({ kind }) => !HANDSHAKE.includes(kind))
    .map(({ kind, id }) => `${kind} ${id} was sent before the server had accepted`);
}

function afterFarewell(
  { acts }: MemoryLink,
  { lastId, acceptedAt, actsBefore, wasOpen }: Farewell,
): string[] {
  const frames = sent(acts.slice(actsBefore));
  const pings = acts.slice(actsBefore).filter(({ kind }) => kind === 'ping').length;
  const isAllowed = ({ kind, id }: { kind: FrameKind; id: number }) =>
    acceptedAt !== undefined && (kind === 'bye' || (kind === 'talk' && id <= lastId));
  return [
    ...frames.filter((frame) => !isAllowed(frame)).map(({ kind, id }) => `${kind} ${id} after disconnect()`),
    ...(pings > 0 ? ['a ping after disconnect()'] : []),
    ...(wasOpen && !acts.some(({ kind }) => kind === 'close') ? ['no close frame after disconnect()'] : []),
  ];
}
