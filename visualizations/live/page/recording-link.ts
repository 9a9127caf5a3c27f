// "Save recording": where the recording of a row is, or why there is none.
import type { Row } from '../protocol.ts';
import { plural } from './format.ts';
import type { Store } from './store.ts';

/** The attributes of the link: without a recording it stays in reach, and says why it leads nowhere. */
export function recordingLink(
  row: Row,
  store: Pick<Store, 'link' | 'keeps'>,
): Readonly<Record<'href' | 'title' | 'role' | 'aria-disabled' | 'tabindex', string | number | undefined>> {
  const refusal = refusalOf(row, store);
  if (refusal !== undefined)
    return { href: undefined, title: refusal, role: 'link', 'aria-disabled': 'true', tabindex: 0 };
  return {
    href: `/recordings/${encodeURIComponent(row.id)}.json`,
    title: `The last ${plural(row.events, 'event')} as JSON: attach it to a bug report, or look at it with statewire replay`,
    role: undefined,
    'aria-disabled': undefined,
    tabindex: undefined,
  };
}

/** The server makes the recording, of what it keeps itself. */
function refusalOf(row: Row, store: Pick<Store, 'link' | 'keeps'>): string | undefined {
  if (store.link !== 'up') return 'The server of this page makes the recording, and it is gone.';
  if (!store.keeps(row.id))
    return 'The server does not keep this connection any more, so there is nothing to save.';
  return row.events === 0 ? 'Nothing has happened yet, so there is nothing to save.' : undefined;
}
