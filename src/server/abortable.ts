// Waiting for something that somebody else will finish, for as long as it is wanted.

/** Rejects with the signal's reason as soon as there is one; the promise itself goes on, unheard. */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const leave = (): void => reject(signal.reason);
    const settle = (): void => signal.removeEventListener('abort', leave);
    if (signal.aborted) leave();
    else signal.addEventListener('abort', leave, { once: true });
    void promise.then(resolve, reject).finally(settle);
  });
}
