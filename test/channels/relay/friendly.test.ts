// What users are told of errors: the seed's table, first match on the text in lower case (S3-25).
import { describe, expect, it } from 'vitest';
import { FRIENDLY_DEFAULT, friendlyMessage } from '../../../src/channels/index.ts';

const rows: readonly (readonly [details: string, said: string])[] = [
  [
    'Rate Limit reached for requests',
    "I'm receiving too many requests right now. Please try again in a moment.",
  ],
  ['Read timeout on endpoint', 'The request took too long to process. Please try again.'],
  ['Connection refused', "I'm having trouble connecting to my services. Please try again in a moment."],
  ['Invalid value for thread', 'There was an issue with your request format. Please try again.'],
  ['No thread: Not Found', 'The conversation thread was not found or may have expired.'],
  ['Error processing the run', 'I had trouble processing your request. Please try again.'],
  ['Tool execution went wrong', 'I had trouble executing one of my tools. Please try again.'],
  ['Something else', 'I encountered an issue while processing your request.'],
];

describe('the friendly text', () => {
  it.each(rows)('of "%s" is "%s"', (details, said) => {
    expect(friendlyMessage(details)).toBe(said);
  });

  it('is that of the first row that fits', () => {
    expect(friendlyMessage('invalid connection: timeout, rate limit')).toBe(rows[0]![1]);
    expect(friendlyMessage('tool execution: invalid arguments')).toBe(rows[3]![1]);
  });

  it('is found for the code of a provider', () => {
    expect(friendlyMessage('rate_limit_exceeded')).toBe(rows[0]![1]);
  });

  it('is that of a row of one’s own, if one fits', () => {
    const own = [
      { when: /\bHTTP 5\d\d\b/i, say: 'The model is down.' },
      { when: 'Timeout', say: 'Too slow.' },
    ];
    expect(friendlyMessage('http 503', own)).toBe('The model is down.');
    expect(friendlyMessage('a timeout', own)).toBe('Too slow.');
    expect(friendlyMessage('nothing known', own)).toBe(FRIENDLY_DEFAULT);
  });
});
