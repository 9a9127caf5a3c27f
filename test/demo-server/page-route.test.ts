// The demo's page as a browser asks for it.
import { request } from 'node:http';
import { beforeAll, describe, expect, it } from 'vitest';
import { addDemoPage } from '../../src/demo-server/page-route.ts';
import { createRealtimeServer, type RealtimeServer } from '../../src/server/index.ts';

describe("the demo's page", () => {
  let server: RealtimeServer;

  beforeAll(async () => {
    server = await addDemoPage(createRealtimeServer()).listen();
    return () => server.close();
  });

  it.each([
    ['/', 'text/html; charset=utf-8'],
    ['/page.js', 'text/javascript; charset=utf-8'],
    ['/page.css', 'text/css; charset=utf-8'],
  ])('serves %s as %s', async (path, contentType) => {
    const response = await fetch(server.url + path);
    const body = await response.text();

    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe(contentType);
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    expect(response.headers.get('content-length')).toBe(String(Buffer.byteLength(body)));
    expect(body.length).toBeGreaterThan(1_000);
  });

  it('runs no script but its own, and has none inline', async () => {
    const response = await fetch(server.url);
    const html = await response.text();
    const { host } = new URL(server.url);

    expect(response.headers.get('content-security-policy')).toBe(
      `default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; ` +
        `connect-src 'self' ws://${host} wss://${host}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    );
    expect(html.match(/<script[^>]*>[^<]*/g)).toEqual(['<script type="module" src="/page.js">']);
    expect(html).not.toMatch(/<style|\sstyle=|\son\w+=/);
  });

  it('is not sent again to a browser that has it', async () => {
    const first = await fetch(`${server.url}/page.js`);
    await first.text();
    const etag = first.headers.get('etag')!;
    const again = await fetch(`${server.url}/page.js`, { headers: { 'if-none-match': `"other", ${etag}` } });

    expect(first.headers.get('cache-control')).toBe('no-cache');
    expect(again.status).toBe(304);
    expect(again.headers.get('etag')).toBe(etag);
    expect(await again.text()).toBe('');
  });

  it('answers HEAD with the same headers', async () => {
    const [head, get] = await Promise.all(
      ['HEAD', 'GET'].map((method) => fetch(`${server.url}/page.css`, { method })),
    );
    const lengths = [head, get].map((response) => response?.headers.get('content-length'));

    expect(await head?.text()).toBe('');
    expect(new Set(lengths).size).toBe(1);
    await get?.text();
  });

  it('leaves a host that is none out of its policy', async () => {
    const policy = await new Promise((resolve, reject) => {
      const asked = request(
        server.url,
        { headers: { host: "x; script-src 'unsafe-inline'" } },
        (response) => {
          response.resume();
          resolve(response.headers['content-security-policy']);
        },
      );
      asked.on('error', reject).end();
    });

    expect(policy).toContain("connect-src 'self'; base-uri");
    expect(policy).not.toContain('unsafe-inline');
  });
});
