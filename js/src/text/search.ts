// Binary searches.

/** The first of the indices below `count` that `isBehind`, or `count`. Once one is behind, all that follow must be. */
export function firstBehind(count: number, isBehind: (index: number) => boolean): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isBehind(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The last index whose value is at most `limit`, in ascending values: 1 for [0, 5, 9] and 7. 0 where there is none. */
export function lastAtMost(values: readonly number[], limit: number): number {
  return Math.max(0, firstBehind(values.length, (index) => (values[index] as number) > limit) - 1);
}
