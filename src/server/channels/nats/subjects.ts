// Where in NATS what is: the subjects of channels and signals.

export interface Subjects {
  readonly stream: string;
  /** Of all messages that are kept, and of all that are handed on. */
  readonly allKept: string;
  readonly allLive: string;
  readonly allSignals: string;
  /** Where it is said that the stream was made anew. */
  readonly renewed: string;
  kept(channel: string): string;
  live(channel: string): string;
  signal(topic: string): string;
}

export function subjectsOf(prefix: string): Subjects {
  return {
    stream: `${prefix.toUpperCase()}_CHANNELS`,
    allKept: `${prefix}.channels.>`,
    allLive: `${prefix}.live.>`,
    allSignals: `${prefix}.signal.*`,
    renewed: `${prefix}.renewed`,
    kept: (channel) => `${prefix}.channels.${tokenOf(channel)}`,
    live: (channel) => `${prefix}.live.${tokenOf(channel)}`,
    signal: (topic) => `${prefix}.signal.${tokenOf(topic)}`,
  };
}

/**
 * Any string as one token of a subject: letters, digits, `_` and `-` as they are, each other UTF-16 unit as `=` and four
 * hexadecimal digits. Not by way of UTF-8, in which strings that differ only in lone surrogates are the same.
 */
export const tokenOf = (text: string): string =>
  text.replace(/[^\w-]/g, (unit) => `=${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
