// Who may come in is decided before the upgrade; a token that has expired is replaced by a fresh one.
// Run: node --conditions=statewire-source --import=tsx examples/realtime/authentication.ts
import { Connection, ConnectionError } from '../../src/index.ts'; // in your project: 'statewire'
import { AccessRefused, createRealtimeServer } from '../../src/server/index.ts'; // in your project: 'statewire/server'

const users = new Map([['fresh-token', 'ada']]);

await using server = createRealtimeServer({
  origins: ['https://app.example'],
  authenticate: (request, { path }) => {
    const [, token = ''] = /^Bearer (.+)$/.exec(request.headers.authorization ?? '') ?? [];
    const user = users.get(token);
    if (user !== undefined && path === '/admin') throw new AccessRefused(403, 'Not for everybody');
    return user; // undefined is a 401
  },
});
server.websocket('/me', async (socket) => {
  await socket.send({ user: socket.identity });
  for await (const message of socket) await socket.send(message);
});
server.websocket('/admin', () => undefined);
await server.listen();

async function attempt(path: string, headers: () => Record<string, string>) {
  await using connection = new Connection({ url: server.url + path, headers });
  try {
    const messages = connection.messages();
    await connection.connect();
    console.log(path, (await messages.next()).value);
  } catch (error) {
    if (!(error instanceof ConnectionError)) throw error;
    console.log(path, error.code, error.details.httpStatus);
  }
}

const tokens = ['expired-token', 'fresh-token'];
await attempt('/me', () => ({ Authorization: `Bearer ${tokens.shift()}` })); // asked again after the 401
await attempt('/me', () => ({}));
await attempt('/admin', () => ({ Authorization: 'Bearer fresh-token' }));
await attempt('/me', () => ({ Authorization: 'Bearer fresh-token', Origin: 'https://elsewhere.example' }));
