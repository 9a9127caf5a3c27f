// As much of a terminal as readline needs: text that wraps, and a cursor that moves and erases.

export class Screen {
  readonly #columns: number;
  readonly #rows: string[][] = [[]];
  #row = 0;
  #column = 0;

  constructor(columns: number) {
    this.#columns = columns;
  }

  /** What a terminal of that width shows after this output, without the empty rows at the end. */
  static after(output: string, columns = 80): readonly string[] {
    const screen = new Screen(columns);
    screen.write(output);
    return screen.rows;
  }

  get rows(): readonly string[] {
    const rows = this.#rows.map((cells) =>
      [...cells]
        .map((cell) => cell || ' ')
        .join('')
        .trimEnd(),
    );
    while (rows.at(-1) === '') rows.pop();
    return rows;
  }

  write(output: string): void {
    for (const [token] of output.matchAll(/\u001B\[(?:\?|\d|;)*[A-Za-z]|[^]/gu)) {
      if (token.startsWith('\u001B[')) this.#obey(token.slice(2, -1), token.at(-1));
      else this.#put(token);
    }
  }

  #put(character: string): void {
    if (character === '\r') this.#column = 0;
    else if (character === '\n') {
      this.#column = 0;
      this.#down(1);
    } else {
      if (this.#column === this.#columns) {
        this.#column = 0;
        this.#down(1);
      }
      this.#cells[this.#column] = character;
      this.#column += 1;
    }
  }

  #obey(parameter: string, command: string | undefined): void {
    const n = Number(parameter) || 1;
    if (command === 'A') this.#row = Math.max(0, this.#row - n);
    else if (command === 'B') this.#down(n);
    else if (command === 'C') this.#column = Math.min(this.#columns - 1, this.#column + n);
    else if (command === 'D') this.#column = Math.max(0, this.#column - n);
    else if (command === 'G') this.#column = n - 1;
    else if (command === 'J') {
      this.#cells.splice(this.#column);
      this.#rows.splice(this.#row + 1);
    } else if (command === 'K') this.#cells.splice(this.#column);
    else if (command !== 'm')
      throw new Error(`This screen does not know CSI ${parameter}${String(command)}.`);
  }

  get #cells(): string[] {
    return this.#rows[this.#row]!;
  }

  #down(rows: number): void {
    this.#row += rows;
    while (this.#rows.length <= this.#row) this.#rows.push([]);
  }
}
