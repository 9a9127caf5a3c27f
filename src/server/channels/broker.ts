// What a hub needs of whoever keeps the messages: numbers, history and delivery, in one place for all hubs that share it.

/** What is kept of a message. */
export interface StoredMessage {
  /** Rises with each message of a channel, not always by one. */
  readonly seq: number;
  /** The payload as JSON text. */
  readonly payload: string;
  /** Of the publication; what a publisher gave, so that sending it twice stores it once. */
  readonly messageId: string | undefined;
  /** The session that published it, unique among all hubs. */
  readonly publisher: string;
}

export type NewMessage = Omit<StoredMessage, 'seq'>;

export interface Published {
  readonly seq: number;
  /** It was stored before, under this number. */
  readonly isDuplicate: boolean;
}

export interface FollowOptions {
  /** Called once for each message after {@link Following.position}, in order; maybe before `follow()` resolves. Must not throw. */
  readonly onMessage: (message: StoredMessage) => void;
  /** Messages were lost, or the source of them is gone: whoever depends on them must ask anew. Called at most once, last. */
  readonly onLost: (reason: string) => void;
}

/** A channel that is being followed. */
export interface Following {
  /** Numbers of another epoch mean nothing. */
  readonly epoch: string;
  /** The last message before what `onMessage` gets; 0 when there was none. */
  readonly position: number;
  stop(): void | Promise<void>;
}

export interface Replay {
  /** What is kept of a channel after a number, in order. */
  readonly messages: readonly StoredMessage[];
  /** Whether that is everything: nothing after that number was let go of. */
  readonly isComplete: boolean;
}

/**
 * Numbers, keeps and hands on the messages of channels. One in memory serves one hub; one that several hubs share, such
 * as `natsBroker()`, makes them act as one.
 */
export interface Broker {
  readonly name: string;
  /**
   * Keeps a message, and hands it to all who follow the channel. Resolves when it is safe; rejects, sooner or later, when
   * nobody knows whether it is.
   * A `messageId` that the channel has had lately is kept once.
   */
  publish(channel: string, message: NewMessage): Promise<Published>;
  /** From now on. */
  follow(channel: string, options: FollowOptions): Promise<Following>;
  /** What came after the message `after`, up to and including `upTo`. */
  replay(channel: string, range: { readonly after: number; readonly upTo: number }): Promise<Replay>;
  /** Tells the other hubs something that nobody keeps. Absent: there are no others. */
  signal?(topic: string, text: string): void;
  /** Hears what other hubs signal, and maybe what this one does. Returns what ends it. */
  onSignal?(topic: string, listener: (text: string) => void): () => void;
  /** Whether it can be asked at present; a reason if not. For health checks. */
  readonly trouble?: string | undefined;
  close(): Promise<void>;
}
