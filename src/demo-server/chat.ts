// /ws/chat and /ws/chat/:room: rooms in which everybody hears what somebody says, who said it included.
import type { WebSocketHandler } from '../server/index.ts';
import { textsOf } from './kinds.ts';
import { ALPHABETS } from './random.ts';
import { epochSeconds, type Stage } from './stage.ts';

/** The one room whose guests are given a name. `message_number` counts what this guest has said. */
export const chat =
  (stage: Stage): WebSocketHandler =>
  async (socket) => {
    const username = stage.randomOfNext(socket.route).text(8, ALPHABETS.lowercase);
    const welcome = `Welcome ${username}! Type a message to chat.`;
    await socket.sendJson({ type: 'welcome', username, message: welcome });
    let number = 0;
    for await (const message of textsOf(socket)) {
      number += 1;
      stage.server.broadcast(socket.route, {
        type: 'message',
        username,
        message,
        timestamp: epochSeconds(),
        message_number: number,
      });
    }
  };

/** Rooms by their names, whose guests bring a name along, in the query. Who comes and goes is told. */
export const chatRoom =
  ({ server }: Stage): WebSocketHandler =>
  async (socket) => {
    const { route, params, query } = socket;
    const username = query.get('username') ?? 'anonymous';
    const tell = (said: object) =>
      server.broadcast((guest) => guest.route === route && guest.params['room'] === params['room'], said);
    tell({ type: 'system', message: `${username} joined the room` });
    try {
      for await (const message of textsOf(socket)) tell({ type: 'message', username, message });
    } finally {
      tell({ type: 'system', message: `${username} left the room` });
    }
  };
