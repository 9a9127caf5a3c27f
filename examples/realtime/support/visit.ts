// A visitor of an application: its page, the WebSocket at the same path, its events, and a path that it does not have.
import { Connection } from '../../../src/index.ts'; // in your project: 'statewire'
import { SseConnection } from '../../../src/sse/index.ts'; // in your project: 'statewire/sse'

export async function visit(url: string): Promise<void> {
  const page = await fetch(`${url}/room`);
  console.log('GET /room:', await page.text());

  await using connection = new Connection({ url: `${url}/room` });
  await connection.connect();
  const answers = connection.messages();
  connection.send({ hello: 'room' });
  console.log('WebSocket /room:', (await answers.next()).value);

  await using events = new SseConnection({ url: `${url}/room/events` });
  const ticks = events.messages();
  await events.connect();
  for await (const { event, data, id } of ticks) {
    console.log('event:', event, data);
    if (id === '3') break;
  }

  const missing = await fetch(`${url}/missing`);
  console.log('GET /missing:', missing.status);
  await missing.body?.cancel();
}
