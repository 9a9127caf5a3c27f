import { describe, expect, it } from 'vitest';
import { CLOSE_CODES, cureOfClose, nameOfClose, type Cure } from '../../machines/index.ts';

describe('the cure of a close code', () => {
  it.each<[Cure, readonly number[]]>([
    ['retry', [1000, 1001, 1005, 1006, 1011, 1014]],
    ['retryLater', [1012, 1013]],
    ['retryOnce', [1002, 1003, 1007, 1009, 1010]],
    ['refresh', [4401]],
    ['stop', [1008, 1015, 4403]],
  ])('is %s for %j', (cure, codes) => {
    const listed = Object.entries(CLOSE_CODES).filter(([, row]) => row.cure === cure);

    expect(listed.map(([code]) => Number(code))).toEqual(codes);
    expect(codes.map(cureOfClose)).toEqual(codes.map(() => cure));
  });

  it('is to retry when nobody has said what the code means', () => {
    expect([1004, 3000, 4000, 4999, 0, NaN].map(cureOfClose)).toEqual(Array(6).fill('retry'));
  });
});

describe('the name of a close code', () => {
  it('is the registered one', () => {
    expect(nameOfClose(1001)).toBe('going away');
    expect(nameOfClose(1012)).toBe('service restart');
  });

  it('says of an unlisted code that it is the application’s own', () => {
    expect(nameOfClose(4999)).toBe('application code');
  });
});
