// The names that a door exports, read from its source: types leave no trace at run time.
import { readFileSync } from 'node:fs';
import ts from 'typescript';

export interface ExportedNames {
  readonly values: string[];
  readonly types: string[];
}

/**
 * Reads a file that exports by lists only (`export { … } from`).
 *
 * @throws {Error} for any other statement, `export *` included: a door lists what goes through it.
 */
export function exportedNames(file: URL): ExportedNames {
  const names: ExportedNames = { values: [], types: [] };
  const source = ts.createSourceFile(file.pathname, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest);
  for (const statement of source.statements) {
    if (
      !ts.isExportDeclaration(statement) ||
      !statement.exportClause ||
      !ts.isNamedExports(statement.exportClause)
    )
      throw new Error(`${file.pathname} holds more than lists of exports: ${statement.getText(source)}`);
    for (const { name, isTypeOnly } of statement.exportClause.elements)
      names[statement.isTypeOnly || isTypeOnly ? 'types' : 'values'].push(name.text);
  }
  return { values: names.values.sort(), types: names.types.sort() };
}
