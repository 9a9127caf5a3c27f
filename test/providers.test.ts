// URLs: what is one, and what of it may be shown.
import { afterEach, describe, expect, test, vi } from 'vitest';
import { parseUrl } from '../src/providers.ts';
import { redactUrl } from '../src/redact.ts';

afterEach(() => {
  vi.unstubAllGlobals();
});

describe('a WebSocket URL [WHATWG WebSockets §3.1]', () => {
  test.each([
    ['ws://example.com', 'ws://example.com/'],
    ['wss://example.com/a?b=c', 'wss://example.com/a?b=c'],
    ['http://example.com', 'ws://example.com/'],
    ['https://example.com:8443/', 'wss://example.com:8443/'],
    ['HTTPS://EXAMPLE.com', 'wss://example.com/'],
    ['ws://example.com/#part', 'ws://example.com/'],
    ['wss://user:password@example.com', 'wss://user:password@example.com/'],
    ['http://example.com:80/', 'ws://example.com/'],
  ])('is made of %s', (given, url) => {
    expect(parseUrl(given)).toBe(url);
    expect(parseUrl(new URL(given))).toBe(url);
  });

  test('changes no URL object that was given', () => {
    const given = new URL('https://example.com/#part');
    parseUrl(given);

    expect(given.href).toBe('https://example.com/#part');
  });

  test('may be relative in a page', () => {
    vi.stubGlobal('location', { href: 'https://example.com/app/index.html?a#b' });

    expect([parseUrl('/socket'), parseUrl('socket'), parseUrl('?x=1')]).toEqual([
      'wss://example.com/socket',
      'wss://example.com/app/socket',
      'wss://example.com/app/index.html?x=1',
    ]);
  });

  test.each([
    '',
    '/socket',
    'example.com',
    'ftp://example.com',
    'file:///x',
    'javascript:alert(1)',
    'ws://',
    'ws:',
  ])('is not made of "%s"', (given) => {
    expect(() => parseUrl(given)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
  });
});

describe('a URL for logs', () => {
  test.each([
    ['ws://example.com/', 'ws://example.com/'],
    ['ws://user:secret@example.com/a', 'ws://example.com/a'],
    ['ws://secret@example.com/a', 'ws://example.com/a'],
    ['ws://example.com/a?b=secret', 'ws://example.com/a?b=***'],
    ['ws://example.com/a?b=secret&c=secret&b=secret', 'ws://example.com/a?b=***&c=***&b=***'],
    ['ws://example.com/a?b=', 'ws://example.com/a?***'],
    ['ws://example.com:8080/a?b=secret#secret', 'ws://example.com:8080/a?b=***'],
  ])('%s', (href, redacted) => {
    expect(redactUrl(href)).toBe(redacted);
  });

  test('shows nothing of a query that is not made of names and values', () => {
    expect(redactUrl('ws://example.com/a?secret')).toBe('ws://example.com/a?***');
    expect(redactUrl('ws://example.com/a?c2VjcmV0==&b=c')).toBe('ws://example.com/a?***&b=***');
  });
});
