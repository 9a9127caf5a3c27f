// What a user is told of an error: the first row whose text is in it.

export interface FriendlyMessage {
  /** Looked for in the text of the error, in lower case and with spaces for underscores; or an expression for it. */
  readonly when: string | RegExp;
  readonly say: string;
}

/** The seed's table, in its order. */
export const FRIENDLY_MESSAGES: readonly FriendlyMessage[] = [
  {
    when: 'rate limit',
    say: "I'm receiving too many requests right now. Please try again in a moment.",
  },
  { when: 'timeout', say: 'The request took too long to process. Please try again.' },
  {
    when: 'connection',
    say: "I'm having trouble connecting to my services. Please try again in a moment.",
  },
  { when: 'invalid', say: 'There was an issue with your request format. Please try again.' },
  { when: 'not found', say: 'The conversation thread was not found or may have expired.' },
  { when: 'processing', say: 'I had trouble processing your request. Please try again.' },
  { when: 'tool execution', say: 'I had trouble executing one of my tools. Please try again.' },
];

/** For all other errors. */
export const FRIENDLY_DEFAULT = 'I encountered an issue while processing your request.';

/** The text for the user. Rows of one's own come before the seed's. */
export function friendlyMessage(details: string, own: readonly FriendlyMessage[] = []): string {
  // Providers write codes: rate_limit_exceeded.
  const text = details.toLowerCase().replaceAll('_', ' ');
  const row = [...own, ...FRIENDLY_MESSAGES].find(({ when }) =>
    typeof when === 'string' ? text.includes(when.toLowerCase()) : text.search(when) >= 0,
  );
  return row?.say ?? FRIENDLY_DEFAULT;
}
