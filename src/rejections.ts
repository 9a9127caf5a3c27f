// Functions of the user's that are not awaited may return a promise all the same; one that rejects must not end the
// process as an unhandled rejection.

/** Has whatever a promise rejects with reported; anything else is let be. */
export function watchRejection(result: unknown, report: (thrown: unknown) => void): void {
  if (typeof (result as PromiseLike<unknown> | null | undefined)?.then !== 'function') return;
  Promise.resolve(result as PromiseLike<unknown>).catch(report);
}
