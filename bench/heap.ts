// How much is held, once everything that is not has been collected. Wants --expose-gc.

/** Bytes of the heap, garbage collected until it does not shrink any more. */
export function heap(): number {
  let used = Infinity;
  for (;;) {
    globalThis.gc?.();
    const now = process.memoryUsage().heapUsed;
    if (now >= used) return now;
    used = now;
  }
}
