// How one connection is: its state in one of eight words, the attempt, the countdown, the round trip; and the buttons
// that end it and bring it back.
import type { ConnectionError } from '../../errors.ts';
import type { ConnectionEvents, StateChange } from '../../events.ts';
import type { ConnectionState } from '../../../machines/index.ts';
import { h, part, setText } from '../../../visualizations/live/page/dom.ts';
import { formatCountdown, formatDuration } from '../../../visualizations/live/page/format.ts';

/** What of a connection is shown, whatever its messages are. */
export interface Shown {
  readonly state: ConnectionState;
  connect(): Promise<unknown>;
  disconnect(): Promise<void>;
  on<
    E extends 'statechange' | 'reconnecting' | 'reconnected' | 'open' | 'failed' | 'error' | 'invalidMessage',
  >(
    event: E,
    listener: ConnectionEvents<never, never, undefined>[E],
  ): () => void;
}

const TONES: Readonly<Record<ConnectionState, 'good' | 'busy' | 'wait' | 'bad' | 'rest'>> = {
  idle: 'rest',
  connecting: 'busy',
  authenticating: 'busy',
  open: 'good',
  closing: 'busy',
  reconnecting: 'wait',
  failed: 'bad',
  closed: 'rest',
};

const isOver = (state: ConnectionState): boolean =>
  state === 'idle' || state === 'closed' || state === 'failed';

const ignore = (): void => undefined;

export class LinkView {
  readonly #state = h('span', { class: 'state', role: 'status' });
  readonly #plan = h('span', { class: 'plan' });
  readonly #figures = h('span', { class: 'note-figures' });
  readonly #told = h('span', { class: 'told', role: 'status' });
  readonly #tryNow = h('button', { class: 'button try-now', type: 'button' }, 'Try now');
  readonly #toggle = h('button', { class: 'button toggle', type: 'button' });
  readonly #jump = h('a', { class: 'jump' });
  readonly #title: string;
  readonly #shown: Shown;
  #dueAt: number | undefined;
  #attempt = 0;

  /** @param id of the section that the connection feeds */
  constructor(id: string, title: string, shown: Shown) {
    this.#title = title;
    this.#shown = shown;
    this.#jump.href = `#${id}`;
    part('jumps').append(this.#jump);
    const head = part(id).querySelector('.panel-head');
    head?.append(this.#state, this.#plan, h('span', { class: 'spring' }), this.#tryNow, this.#toggle);
    part(id).append(h('p', { class: 'note quiet' }, this.#figures, this.#told));
    this.#tryNow.addEventListener('click', () => this.connect());
    this.#toggle.addEventListener('click', () => {
      if (isOver(shown.state)) this.connect();
      else void shown.disconnect();
    });
    this.#follow(shown);
    this.#show(shown.state);
  }

  /** What it rejects with is told by the state. */
  connect(): void {
    this.#shown.connect().catch(ignore);
  }

  /** What is counted and measured, in a few words. */
  figures(text: string): void {
    setText(this.#figures, text);
  }

  /** Called often: the countdown goes on. */
  tick(now: number): void {
    if (this.#shown.state !== 'reconnecting') return;
    const wait =
      this.#dueAt === undefined
        ? 'waits for the network'
        : `in ${formatCountdown(Math.max(0, this.#dueAt - now))}`;
    setText(this.#plan, this.#attempt === 0 ? wait : `attempt ${this.#attempt} ${wait}`);
  }

  #follow(shown: Shown): void {
    const tellOf = ({ message }: ConnectionError): void => this.#tell(message);
    shown.on('statechange', (change) => this.#changed(change));
    shown.on('reconnecting', ({ error }) => tellOf(error));
    shown.on('reconnected', ({ downtimeMs }) => this.#tell(`Back after ${formatDuration(downtimeMs)}.`));
    shown.on('open', ({ isReconnect }) => (isReconnect ? undefined : this.#tell('')));
    shown.on('failed', tellOf);
    shown.on('error', tellOf);
    shown.on('invalidMessage', ({ error }) => tellOf(error));
  }

  #changed({ state, attempt, retryInMs }: StateChange): void {
    this.#attempt = attempt;
    this.#dueAt = retryInMs === null ? undefined : performance.now() + retryInMs;
    this.#show(state);
  }

  #show(state: ConnectionState): void {
    const tone = TONES[state];
    setText(this.#state, state);
    Object.assign(this.#state.dataset, { state, tone });
    setText(this.#jump, this.#title);
    this.#jump.append(h('span', { class: 'visually-hidden' }, `: ${state}`));
    this.#jump.dataset['tone'] = tone;
    setText(this.#plan, state === 'connecting' && this.#attempt > 0 ? `attempt ${this.#attempt}` : '');
    this.#tryNow.hidden = state !== 'reconnecting';
    setText(this.#toggle, isOver(state) ? 'Connect' : 'Disconnect');
    this.#toggle.setAttribute('aria-label', `${this.#toggle.textContent}: ${this.#title}`);
    this.tick(performance.now());
  }

  #tell(text: string): void {
    setText(this.#told, text);
    this.#told.title = text;
  }
}
