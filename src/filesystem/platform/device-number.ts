/** `makedev(3)` of Linux: the number that `stat` shows, and that restic records. */
export function deviceNumber(major: number, minor: number): bigint {
  const low = ((minor & 0xff) | ((major & 0xfff) << 8) | ((minor & 0xfff00) << 12)) >>> 0
  return BigInt(low) | (BigInt(major & ~0xfff) << 32n)
}
