// `statewire sse` as a real process: pipes, an authority of one's own, and that it ends.
import { expect, onTestFinished, test, vi } from 'vitest';
import { StreamServer } from '../sse/stream-server.ts';
import { AUTHORITY_FILE, SIGNED } from '../support/tls.ts';
import { spawnCli } from './spawned.ts';

async function listen(options?: Parameters<typeof StreamServer.listen>[0]): Promise<StreamServer> {
  const server = await StreamServer.listen(options);
  onTestFinished(() => server.close());
  server.answer = (exchange) => {
    exchange.open().write('event: price\nid: 7\ndata: 12\n\n');
    return true;
  };
  return server;
}

test('prints what comes, and ends', { timeout: 30_000 }, async () => {
  const server = await listen();
  const { ended, stdout, stderr } = spawnCli('sse', server.url, '--once');

  expect(await ended).toEqual({ code: 0, signal: null });
  expect(stdout()).toBe('[price, id 7] 12\n');
  expect(stderr()).toMatch(/^statewire: connecting to http:.*\nstatewire: open\nstatewire: closed\n$/);
});

test('believes the authority of NODE_EXTRA_CA_CERTS', { timeout: 30_000 }, async () => {
  vi.stubEnv('NODE_EXTRA_CA_CERTS', AUTHORITY_FILE);
  onTestFinished(() => void vi.unstubAllEnvs());
  const server = await listen({ tls: SIGNED });
  const { ended, stdout } = spawnCli('sse', server.url, '--once');

  expect(await ended).toEqual({ code: 0, signal: null });
  expect(stdout()).toBe('[price, id 7] 12\n');
});

test('fails with two lines and no stack trace when nobody answers', { timeout: 30_000 }, async () => {
  const server = await StreamServer.listen();
  const { url } = server;
  await server.close();
  const { ended, stderr } = spawnCli('sse', url, '--quiet');

  expect(await ended).toEqual({ code: 1, signal: null });
  expect(stderr()).toMatch(
    /^statewire: The connection could not be opened: .*ECONNREFUSED.*\n {11}Check .*\n$/,
  );
});
