// What is shown of publications beside the states of the connection.
import type { Publication } from '../../channels/index.ts';
import type { Io } from '../io.ts';
import { jsonStates } from '../session/json-states.ts';
import { stateLog } from '../session/state-log.ts';
import type { StateView } from '../session/view.ts';
import { problemOf } from './problems.ts';

export interface PublicationView extends StateView {
  published(publication: Publication): void;
}

export function jsonView(io: Pick<Io, 'stdout'>): PublicationView {
  const { say, ...states } = jsonStates(io);
  return { ...states, published: (publication) => say('published', publication) };
}

/** Outcomes on stdout, one a line; what happens to the connection on stderr. */
export function textView(
  io: Pick<Io, 'stdout' | 'stderr' | 'env'>,
  { isQuiet, address }: { readonly isQuiet: boolean; readonly address: string },
): PublicationView {
  const states = stateLog(io, { isQuiet, address, problemOf });
  return {
    ...states,
    published: (publication) => {
      if (isQuiet) return;
      const { outcome } = publication;
      io.stdout.write(outcome === 'acknowledged' ? `${outcome} ${publication.seq}\n` : `${outcome}\n`);
    },
  };
}
