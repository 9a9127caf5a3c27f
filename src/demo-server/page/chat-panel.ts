// The chat: what everybody says, and what becomes of one's own lines while there is no connection.
import { Connection, DeliveryError, type Protocol } from '../../index.ts';
import { decodeJson, textOfFrame } from '../../protocols/text.ts';
import { h, part, setText } from '../../../visualizations/live/page/dom.ts';
import { formatClock, formatDuration } from '../../../visualizations/live/page/format.ts';
import { OwnLines, type LineStatus } from './chat-lines.ts';
import { EndInSight } from './end-in-sight.ts';
import { fieldsOf, numberIn, textIn } from './fields.ts';
import { LinkView } from './link-view.ts';

const MAX_LINES = 200;

/** What the room says. */
type Said =
  | { readonly type: 'welcome'; readonly username: string; readonly message: string }
  | {
      readonly type: 'message';
      readonly username: string;
      readonly message: string;
      readonly timestamp: number;
    };

const chat: Protocol<Said, string> = {
  name: 'chat',
  encode: (line) => line,
  decode: (frame) => readSaid(decodeJson(textOfFrame(frame))),
};

/** @throws {TypeError} for what the room never says */
function readSaid(data: unknown): Said {
  const fields = fieldsOf(data);
  const said = { username: textIn(fields, 'username'), message: textIn(fields, 'message') };
  const type = textIn(fields, 'type');
  if (type === 'welcome') return { type, ...said };
  if (type === 'message') return { type, ...said, timestamp: numberIn(fields, 'timestamp') };
  throw new TypeError(`Expected a welcome or a message, got another type.`);
}

const STATUS_TEXTS: Readonly<Record<LineStatus, string>> = {
  waiting: 'waits for the connection',
  sent: 'on its way',
  said: '',
  unknown: 'sent as the connection broke: perhaps it arrived',
  lost: 'was not sent',
};

export class ChatPanel {
  readonly #connection = new Connection({ url: '/ws/chat', protocol: chat, name: 'Chat' });
  readonly #view = new LinkView('chat', 'Chat', this.#connection);
  readonly #lines = part('chat-lines');
  readonly #end = new EndInSight(this.#lines);
  readonly #input = part<HTMLInputElement>('chat-text');
  readonly #own = new OwnLines<HTMLElement>((row, status) => {
    showStatus(row, status);
    this.#end.settle();
  });
  #name = '';

  constructor() {
    const connection = this.#connection;
    connection.on('message', (said) => this.#hear(said));
    connection.on('statechange', ({ state, previous }) => {
      if (previous === 'open') this.#own.connectionLost();
      if (state === 'closed') this.#note('You have left the chat.');
      this.#showJoined();
    });
    connection.on('reconnected', ({ downtimeMs }) =>
      this.#note(`You were away for ${formatDuration(downtimeMs)}: what others said then is not here.`),
    );
    part('join').addEventListener('click', () => {
      this.#view.connect();
      this.#input.focus();
    });
    part('composer').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#say(this.#input.value.trim());
      this.#input.value = '';
    });
    this.#showJoined();
  }

  tick(now: number): void {
    this.#view.tick(now);
  }

  /** Whoever has joined stays so while the connection comes back by itself. */
  #showJoined(): void {
    const { state } = this.#connection;
    const isJoined = state !== 'idle' && state !== 'closed' && state !== 'failed';
    part('composer').hidden = !isJoined;
    part('joining').hidden = isJoined;
  }

  #say(line: string): void {
    if (line === '') return;
    const row = this.#row('own', `You`, line);
    const isOpen = this.#connection.state === 'open';
    this.#own.add(row, line, isOpen ? performance.now() : undefined);
    this.#connection.deliver(line).then(
      () => this.#own.sent(row),
      (thrown: unknown) => {
        const isUnknown = thrown instanceof DeliveryError && thrown.code === 'DELIVERY_UNKNOWN';
        this.#own.failed(row, isUnknown ? 'unknown' : 'lost');
      },
    );
  }

  #hear(said: Said): void {
    if (said.type === 'welcome') {
      this.#name = said.username;
      this.#note(`The room calls you ${said.username}.`);
      return;
    }
    const own = said.username === this.#name ? this.#own.cameBack(said.message) : undefined;
    if (own === undefined) this.#row('other', said.username, said.message);
    else if (own.sentAt !== undefined)
      this.#view.figures(`round trip ${formatDuration(performance.now() - own.sentAt)}`);
  }

  #note(sentence: string): void {
    this.#append(h('li', { class: 'line note-line' }, sentence));
  }

  #row(whose: 'own' | 'other', name: string, line: string): HTMLElement {
    const row = h(
      'li',
      { class: `line ${whose}` },
      h('span', { class: 'who' }, name),
      h('time', {}, formatClock(Date.now()).slice(0, 5)),
      h('p', { class: 'words' }, line),
      h('span', { class: 'status' }),
    );
    this.#append(row);
    return row;
  }

  #append(row: HTMLElement): void {
    const lines = this.#lines;
    lines.append(row);
    while (lines.childElementCount > MAX_LINES) lines.firstElementChild?.remove();
    if (row.classList.contains('own')) this.#end.follow(true);
    else this.#end.settle();
  }
}

function showStatus(row: HTMLElement, status: LineStatus): void {
  row.dataset['status'] = status;
  const words = row.querySelector('.status');
  if (words !== null) setText(words, STATUS_TEXTS[status]);
}
