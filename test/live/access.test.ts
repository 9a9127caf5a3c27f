// Who may reach the live view: people on this machine, its own page, applications in Node, and pages that were allowed.
import { request, type IncomingHttpHeaders } from 'node:http';
import { networkInterfaces } from 'node:os';
import { connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import { Access } from '../../visualizations/live/access.ts';
import { Application, open, Page, refusal, view, wsUrl } from './looking.ts';

/** A GET request with headers that `fetch` does not let one set. */
function get(
  url: string,
  headers: Record<string, string> = {},
  method = 'GET',
): Promise<{ status: number; headers: NodeJS.Dict<string | string[]>; text: string }> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { headers, method, agent: false }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text }),
      );
    });
    asked.on('error', reject);
    asked.end();
  });
}

describe('over HTTP', () => {
  test(
    'serves the page and its files, which load nothing from elsewhere and are not kept',
    { timeout: 20_000 },
    async () => {
      const { url } = await view();
      const page = await get(url);

      expect({ status: page.status, type: page.headers['content-type'] }).toEqual({
        status: 200,
        type: 'text/html; charset=utf-8',
      });
      expect(page.headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'cache-control': 'no-store',
      });
      expect(page.headers['content-security-policy']).toBe(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
          `connect-src 'self' ${url.replace('http:', 'ws:')} ${url.replace('http:', 'wss:')}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
      );
      expect(page.text).not.toMatch(/https?:\/\/(?!www\.w3\.org)/);
      for (const path of ['/page.js', '/page.css']) expect((await get(url + path)).status).toBe(200);
    },
  );

  test.each(['evil.example', 'evil.example:80', '127.0.0.1', '127.0.0.1:1', '[::1]:80'])(
    'refuses the host %j, which may be a foreign name for 127.0.0.1',
    async (host) => {
      const { url } = await view();

      expect(await get(`${url}/page.css`, { host })).toMatchObject({ status: 403 });
    },
  );

  test('answers to localhost too', async () => {
    const { url } = await view();
    const host = url.replace('http://127.0.0.1', 'localhost');

    expect(await get(`${url}/stately.css`, { host })).toMatchObject({ status: 200 });
  });

  test.each(['http://evil.example', 'null', 'http://localhost:1'])('refuses a page of %s', async (origin) => {
    const { url } = await view();

    expect(await get(`${url}/recordings/1.json`, { origin })).toMatchObject({
      status: 403,
      text: `A page of ${origin} may not read this.\n`,
    });
  });

  test('has nothing at other paths, and takes nothing', async () => {
    const { url } = await view();

    expect(await get(`${url}/../../package.json`)).toMatchObject({ status: 404 });
    expect(await get(`${url}/recordings/7.json`)).toMatchObject({ status: 404 });
    expect(await get(`${url}//`)).toMatchObject({ status: 404 });
    expect(await get(url, {}, 'POST')).toMatchObject({ status: 405 });
  });

  test('embeds the inspector of Stately on a page of its own, and nowhere else', async () => {
    const { url } = await view();
    const { headers, text } = await get(`${url}/stately`);

    expect(headers['content-security-policy']).toMatch(/frame-src https:\/\/stately\.ai$/);
    expect(text).toContain('https://stately.ai/inspect');
    expect((await get(`${url}/stately.js`)).text).toMatch(/postMessage\(told, 'https:\/\/stately\.ai'\)/);
  });

  test('listens on 127.0.0.1 only', async () => {
    const { url } = await view();
    const others = Object.values(networkInterfaces())
      .flatMap((addresses) => addresses ?? [])
      .filter(({ family, internal }) => family === 'IPv4' && !internal);

    for (const { address } of others) {
      const outcome = await new Promise((resolve) => {
        const socket = connect(Number(new URL(url).port), address);
        socket.on('connect', () => resolve('reached')).on('error', () => resolve('refused'));
      });
      expect(outcome).toBe('refused');
    }
  });
});

describe('over WebSocket', () => {
  test.each(['http://evil.example', 'null', undefined])(
    'refuses to show anything to a page of %s',
    async (origin) => {
      const { url } = await view();

      for (const path of ['/live', '/frames']) {
        expect(await refusal(wsUrl(url, path), origin === undefined ? {} : { origin })).toMatchObject({
          status: 403,
        });
      }
    },
  );

  test('refuses a foreign host', async () => {
    const { url } = await view();
    const headers = { host: 'evil.example' };

    expect(await refusal(wsUrl(url, '/live'), { origin: url, headers })).toMatchObject({ status: 403 });
    expect(await refusal(wsUrl(url, '/'), { headers })).toMatchObject({ status: 403 });
  });

  test('refuses to hear a page that was not allowed, and says how it can be', async () => {
    const { url } = await view({ allowOrigins: ['http://localhost:3000'] });

    expect(await refusal(wsUrl(url, '/'), { origin: 'http://localhost:3001' })).toEqual({
      status: 403,
      text: 'A page of http://localhost:3001 may not send here: start the server with --allow-origin http://localhost:3001.\n',
    });
  });

  test.each(['/', '/inspect', '/?room=1'])(
    'hears an application in Node, and a page that was allowed, at %s',
    async (path) => {
      const live = await view({ allowOrigins: ['http://localhost:3000'] });

      await Application.of(live, path);
      await Application.of(live, path, { origin: 'http://localhost:3000' });
    },
  );

  test('shows itself to its own page, by either name', async () => {
    const live = await view();

    await Page.of(live);
    await open(wsUrl(live.url, '/live'), { origin: live.url.replace('127.0.0.1', 'localhost') });
  });

  test('has nothing at other paths', async () => {
    const { url } = await view();

    expect(await refusal(wsUrl(url, '/else'), { origin: url })).toMatchObject({ status: 404 });
  });
});

test.each([{ port: -1 }, { port: 65_536 }, { maxConnections: 0 }, { maxEventsPerConnection: 1.5 }])(
  'refuses %j',
  async (options) => {
    await expect(view(options)).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  },
);

test('on the port that HTTP has by default, an address without it is its own too', () => {
  const access = new Access(80, []);
  const asked = (headers: IncomingHttpHeaders) => access.refusalOf({ headers });

  expect(asked({ host: '127.0.0.1', origin: 'http://127.0.0.1' })).toBeUndefined();
  expect(asked({ host: 'localhost:80' })).toBeUndefined();
  expect(asked({ host: 'evil.example' })).toMatch(/answers to 127\.0\.0\.1 and localhost only/);
});
