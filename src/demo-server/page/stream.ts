// One event stream of the page: its connection, and whether it is complete.
import { SseConnection } from '../../sse/index.ts';
import { plural } from '../../../visualizations/live/page/format.ts';
import { Continuity } from './continuity.ts';
import { LinkView } from './link-view.ts';

export interface StreamPanel {
  /** The id of its section. */
  readonly id: string;
  readonly title: string;
  readonly path: string;
  /** The name of the events that are numbered. */
  readonly event: string;
  /** An event came: what is in it has not been checked. */
  readonly show: (data: unknown, id: string) => void;
  /** Each other event, by its name. */
  readonly others?: Readonly<Record<string, (data: unknown, id: string) => void>>;
}

export class Stream {
  readonly #view: LinkView;
  readonly #continuity = new Continuity();

  constructor({ id, title, path, event, show, others = {} }: StreamPanel) {
    const connection = new SseConnection<unknown>({ url: path, decode: 'json', name: title });
    this.#view = new LinkView(id, title, connection);
    connection.onEvent(event, (told) => {
      this.#continuity.take(told.id);
      show(told.data, told.id);
      this.#count();
    });
    for (const [name, showOther] of Object.entries(others))
      connection.onEvent(name, (told) => showOther(told.data, told.id));
    this.#count();
    this.#view.connect();
  }

  tick(now: number): void {
    this.#view.tick(now);
  }

  #count(): void {
    const { received, missing, repeated } = this.#continuity;
    this.#view.figures(`${plural(received, 'event')} · ${missing} missing · ${repeated} repeated`);
  }
}
