// The demo, chapter by chapter.
import type { Chapter } from '../chapter.ts';
import { connects } from './connects.ts';
import { conversationCut } from './conversation-cut.ts';
import { crawlCut } from './crawl-cut.ts';
import { disconnects } from './disconnects.ts';
import { linkFreezes } from './link-freezes.ts';
import { linkResets } from './link-resets.ts';
import { loginRejected } from './login-rejected.ts';
import { messagesWait } from './messages-wait.ts';
import { serverLeaves } from './server-leaves.ts';
import { serverRestarts } from './server-restarts.ts';
import { serverStaysAway } from './server-stays-away.ts';
import { streamsCut } from './streams-cut.ts';
import { tokenExpires } from './token-expires.ts';

export const CHAPTERS: readonly Chapter[] = [
  connects,
  serverLeaves,
  linkFreezes,
  linkResets,
  tokenExpires,
  loginRejected,
  messagesWait,
  serverRestarts,
  serverStaysAway,
  crawlCut,
  streamsCut,
  conversationCut,
  disconnects,
];
