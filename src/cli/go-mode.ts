const letters = 'dalTLDpSugct?'

/** Go's `FileMode` as Go prints it: `-rw-r--r--`, `drwxr-xr-x`, `Lrwxrwxrwx`. */
export function formatGoMode(mode: number): string {
  const kind = [...letters].filter((_, bit) => (mode & (2 ** (31 - bit))) !== 0).join('')
  const permissions = [...'rwxrwxrwx'].map((letter, bit) => ((mode & (1 << (8 - bit))) === 0 ? '-' : letter))
  return (kind === '' ? '-' : kind) + permissions.join('')
}
