// Tables of options, read from the documentation comments of the interfaces that declare them: said once, shown twice.
import { readFileSync } from 'node:fs';
import ts from 'typescript';

interface Row {
  readonly name: string;
  readonly text: string;
  readonly defaultValue: string;
}

/** An interface that documents options, and the prefix that users write. */
type Group = readonly [name: string, prefix: string];

const CONNECTION: readonly Group[] = [
  ['ConnectionOptions', ''],
  ['RetryOptions', 'retry.'],
  ['HeartbeatOptions', 'heartbeat.'],
  ['OutboxOptions', 'outbox.'],
  ['TimeoutOptions', 'timeouts.'],
];

const REALTIME_SERVER: readonly Group[] = [
  ['RealtimeServerOptions', ''],
  ['SessionHeartbeatOptions', 'heartbeat.'],
  ['CompressionOptions', 'compression.'],
];

const REALTIME = 'src/server/realtime/options.ts';

export const connectionOptions = (): string => tableOf('src/options.ts', CONNECTION);
export const realtimeOptions = (): string => tableOf(REALTIME, REALTIME_SERVER);
export const realtimeLimits = (): string => tableOf(REALTIME, [['RealtimeLimits', 'limits.']]);
export const sseOptions = (): string => tableOf('src/sse/options.ts', [['SseOptions', '']]);
export const historyOptions = (): string =>
  tableOf('src/server/realtime/sse-history.ts', [['SseHistoryOptions', '']]);
export const channelOptions = (): string =>
  tableOf('src/channels/options.ts', [['ChannelClientOptions', '']]);
export const relayOptions = (): string =>
  tableOf('src/channels/relay/options.ts', [
    ['RelayOptions', ''],
    ['RelayTimeouts', 'timeouts.'],
  ]);

const HUB = 'src/server/channels/options.ts';

export const hubOptions = (): string => tableOf(HUB, [['ChannelHubOptions', '']]);
export const presenceOptions = (): string => tableOf(HUB, [['PresenceOptions', 'presence.']]);
export const hubLimits = (): string => tableOf(HUB, [['HubLimits', 'limits.']]);
export const memoryBrokerOptions = (): string =>
  tableOf('src/server/channels/memory-broker.ts', [['MemoryBrokerOptions', '']]);
export const natsBrokerOptions = (): string =>
  tableOf('src/server/channels/nats/options.ts', [['NatsBrokerOptions', '']]);

function tableOf(path: string, groups: readonly Group[]): string {
  const text = readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const rows = groups.flatMap(([name, prefix]) => rowsOf(interfaceIn(source, name), prefix));
  const lines = rows.map(({ name, text, defaultValue }) => `| \`${name}\` | ${text} | ${defaultValue} |`);
  return ['| Option | What it does | Default |', '| --- | --- | --- |', ...lines].join('\n');
}

function interfaceIn(source: ts.SourceFile, name: string): ts.InterfaceDeclaration {
  const found = source.statements.find((node) => ts.isInterfaceDeclaration(node) && node.name.text === name);
  if (found === undefined) throw new Error(`${source.fileName} has no interface "${name}".`);
  return found as ts.InterfaceDeclaration;
}

function rowsOf(group: ts.InterfaceDeclaration, prefix: string): Row[] {
  return group.members.flatMap((member) => {
    const name = prefix + (member.name as ts.Identifier).text;
    const doc = ts.getJSDocCommentsAndTags(member).find(ts.isJSDoc);
    // A group of options, told by its members, or a clock, which is for tests.
    if (doc === undefined) return [];
    const text = oneLine(ts.getTextOfJSDocComment(doc.comment) ?? '');
    const tag = doc.tags?.find(({ tagName }) => tagName.text === 'defaultValue');
    const tagged = oneLine(ts.getTextOfJSDocComment(tag?.comment) ?? '');
    const [said = '', inline = ''] = text.split(/\s*Default: /);
    return [{ name, text: said, defaultValue: tagged || inline.replace(/\.$/, '') }];
  });
}

const oneLine = (text: string): string => text.replaceAll(/\s+/g, ' ').replaceAll('|', '\\|').trim();
