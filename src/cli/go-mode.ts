/** From the highest bit down. */
const kinds = Array.from('dalTLDpSugct?')
const allowed = Array.from('rwxrwxrwx')

/** Go's `FileMode` as Go prints it: `-rw-r--r--`, `drwxr-xr-x`, `Lrwxrwxrwx`. */
export function formatGoMode(mode: number): string {
  const kind = kinds.filter((_, bit) => (mode & (2 ** (31 - bit))) !== 0).join('')
  const permissions = allowed.map((letter, bit) => ((mode & (1 << (8 - bit))) === 0 ? '-' : letter))
  return (kind === '' ? '-' : kind) + permissions.join('')
}
