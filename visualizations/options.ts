// The README's table of options, read from the documentation comments of src/options.ts: said once, shown twice.
import { readFileSync } from 'node:fs';
import ts from 'typescript';

interface Row {
  readonly name: string;
  readonly text: string;
  readonly defaultValue: string;
}

const SOURCE = new URL('../src/options.ts', import.meta.url);

/** The groups of options, by the interface that documents them and the prefix that users write. */
const GROUPS: readonly (readonly [string, string])[] = [
  ['ConnectionOptions', ''],
  ['RetryOptions', 'retry.'],
  ['HeartbeatOptions', 'heartbeat.'],
  ['OutboxOptions', 'outbox.'],
  ['TimeoutOptions', 'timeouts.'],
];

export function optionsTable(): string {
  const source = ts.createSourceFile(
    'options.ts',
    readFileSync(SOURCE, 'utf8'),
    ts.ScriptTarget.Latest,
    true,
  );
  const rows = GROUPS.flatMap(([group, prefix]) => rowsOf(interfaceIn(source, group), prefix));
  const lines = rows.map(({ name, text, defaultValue }) => `| \`${name}\` | ${text} | ${defaultValue} |`);
  return ['| Option | What it does | Default |', '| --- | --- | --- |', ...lines].join('\n');
}

function interfaceIn(source: ts.SourceFile, name: string): ts.InterfaceDeclaration {
  const found = source.statements.find((node) => ts.isInterfaceDeclaration(node) && node.name.text === name);
  if (found === undefined) throw new Error(`src/options.ts has no interface "${name}".`);
  return found as ts.InterfaceDeclaration;
}

function rowsOf(group: ts.InterfaceDeclaration, prefix: string): Row[] {
  return group.members.flatMap((member) => {
    const name = prefix + (member.name as ts.Identifier).text;
    const doc = ts.getJSDocCommentsAndTags(member).find(ts.isJSDoc);
    if (doc === undefined) return isGroup(name) ? [] : [{ name, text: '', defaultValue: '' }];
    const text = oneLine(ts.getTextOfJSDocComment(doc.comment) ?? '');
    const tag = doc.tags?.find(({ tagName }) => tagName.text === 'defaultValue');
    const tagged = oneLine(ts.getTextOfJSDocComment(tag?.comment) ?? '');
    const [said = '', inline = ''] = text.split(/\s*Default: /);
    return [{ name, text: said, defaultValue: tagged || inline.replace(/\.$/, '') }];
  });
}

/** A group without a text of its own is told by its members. */
const isGroup = (name: string): boolean =>
  ['outbox', 'timeouts', 'webSocket', 'heartbeat', 'retry'].includes(name);

const oneLine = (text: string): string => text.replaceAll(/\s+/g, ' ').replaceAll('|', '\\|').trim();
