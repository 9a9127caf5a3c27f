// A list that grows at its end: the end stays in sight until somebody scrolls up, and again from when they are back.

/** How near to the end is at the end, in pixels. */
const NEAR_PX = 8;

export class EndInSight {
  readonly #list: HTMLElement;
  readonly #changed: () => void;
  #isFollowing = true;
  #top = 0;

  /** @param changed told when following begins or ends */
  constructor(list: HTMLElement, changed: () => void = () => undefined) {
    this.#list = list;
    this.#changed = changed;
    list.addEventListener('scroll', () => this.#scrolled());
    new ResizeObserver(() => this.settle()).observe(list);
  }

  get isFollowing(): boolean {
    return this.#isFollowing;
  }

  follow(on: boolean): void {
    if (on !== this.#isFollowing) {
      this.#isFollowing = on;
      this.#changed();
    }
    this.settle();
  }

  /** To be called when there is more, or less, in the list. */
  settle(): void {
    if (this.#isFollowing) this.#list.scrollTop = this.#list.scrollHeight;
    this.#top = this.#list.scrollTop;
  }

  /** The browser scrolls too, when a size changes, but never up from an end that is out of sight. */
  #scrolled(): void {
    const { scrollTop, clientHeight, scrollHeight } = this.#list;
    const isAtEnd = scrollTop + clientHeight >= scrollHeight - NEAR_PX;
    const isUp = scrollTop < this.#top;
    this.#top = scrollTop;
    if (isAtEnd) this.follow(true);
    else if (isUp) this.follow(false);
  }
}
