// The page of a live view in a real Chromium: what it shows, and what it complained about.
import type { ConsoleMessage, Page } from 'playwright-core';
import type { TestBrowser } from './chromium.ts';

/** A page that is looked at, with everything that it asked of the network and everything that went wrong in it. */
export class LivePage implements AsyncDisposable {
  readonly page: Page;
  readonly requests: string[] = [];
  readonly complaints: string[] = [];

  private constructor(page: Page) {
    this.page = page;
    page.on('request', (request) => this.requests.push(request.url()));
    page.on('websocket', (socket) => this.requests.push(socket.url()));
    page.on('pageerror', ({ message }) => this.complaints.push(message));
    page.on('console', (message) => this.#note(message));
  }

  /** Opens a live view, and waits until it has met its server. */
  static async open({ context }: TestBrowser, url: string): Promise<LivePage> {
    const view = new LivePage(await context.newPage());
    await view.page.setViewportSize({ width: 1280, height: 800 });
    await view.page.goto(url);
    await view.when(() => document.querySelector('#link-state[data-link=up]') !== null);
    return view;
  }

  /** Waits until a condition is true in the page. */
  async when<Argument>(condition: (argument: Argument) => boolean, argument?: Argument): Promise<void> {
    // In the page, the condition is a function of its own.
    await this.page.waitForFunction(condition as (argument: unknown) => boolean, argument as unknown, {
      polling: 20,
      timeout: 8000,
    });
  }

  /** Watches the connection with this name. */
  async watch(name: string): Promise<void> {
    await this.page.fill('#filter', name);
    await this.when((wanted) => {
      const rows = [...document.querySelectorAll('.connection')];
      return rows.length === 1 && rows[0]?.querySelector('.row-name')?.textContent === wanted;
    }, name);
    await this.page.click('.connection');
    await this.page.fill('#filter', '');
    // Here, arrow keys are for events, not for the list.
    await this.page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
    await this.when((wanted) => document.querySelector('#subject')?.textContent === wanted, name);
  }

  /** The ids of the states that are lit in the drawing, without the machine's. */
  lit(): Promise<string[]> {
    return this.page.$$eval('#canvas [data-state].active', (groups) =>
      groups.map((group) => (group.getAttribute('data-state') ?? '').replace('connection.', '')),
    );
  }

  /** What is written on the edges that are lit in the drawing. */
  taken(): Promise<string> {
    return this.page.$$eval('#canvas [data-edge].taken', (groups) =>
      groups.map((group) => group.getAttribute('aria-label') ?? '').join(),
    );
  }

  /** Waits until this state is lit, given by its path. */
  async untilLit(path: string): Promise<void> {
    await this.when(
      (id) => document.querySelector(`#canvas [data-state="connection.${id}"].active`) !== null,
      path,
    );
  }

  text(selector: string): Promise<string | null> {
    return this.page.textContent(selector);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.page.close();
  }

  #note(message: ConsoleMessage): void {
    if (message.type() === 'error' || message.type() === 'warning') this.complaints.push(message.text());
  }
}
