// What is kept, as it is shown: plain, bounded, without secrets.
import { eventParts, shown } from '../../src/inspection/frames.ts';
import type { Redactor } from '../../src/redact.ts';
import type { Moment } from './kept-row.ts';
import type { Entry } from './protocol.ts';

export const toEntry = ({ at, event, value, context }: Moment, index: number, redactor: Redactor): Entry => ({
  index,
  at,
  event: eventParts(event, redactor) as Entry['event'],
  value,
  context: shown(context, redactor),
});
