/**
 * Makes `src/repository/format/go-print-table.ts`: which characters Go calls printable.
 *
 * Names in trees are quoted by restic with Go's own Unicode tables, which are neither ICU's nor in the format's
 * description. So restic is asked: it backs up files whose names hold every character, and its tree says which of them it
 * escaped. Run it again with `restic` in the path when restic is built with a newer Go:
 *
 *     node scripts/make-go-print-table.ts
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const lastCharacter = 0x10ffff
const first = 0x7f // below, Go's rules are spelled out in the code
const charactersPerName = 60 // 240 bytes of 255

function main(): void {
  const folder = mkdtempSync(join(tmpdir(), 'go-print-'))
  try {
    const names = allCharacters(folder)
    const escaped = escapedCharacters(resticTree(folder))
    writeFileSync(new URL('../src/repository/format/go-print-table.ts', import.meta.url), source(runs(escaped)))
    process.stdout.write(`${names} names, ${escaped.size} characters escaped, by ${restic(folder, 'version').trim()}\n`)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Makes empty files whose names hold every character from `first` on; returns how many. */
function allCharacters(folder: string): number {
  const files = join(folder, 'files')
  mkdirSync(files)
  let count = 0
  let name = ''
  for (let point = first; point <= lastCharacter; point++) {
    if (!isSurrogate(point)) name += String.fromCodePoint(point)
    if (Array.from(name).length < charactersPerName && point < lastCharacter) continue
    writeFileSync(join(files, name), '')
    name = ''
    count++
  }
  return count
}

function resticTree(folder: string): string {
  restic(folder, 'init')
  restic(folder, 'backup', 'files')
  const [snapshot] = JSON.parse(restic(folder, 'snapshots', '--json')) as { tree: string }[]
  const root = JSON.parse(restic(folder, 'cat', 'blob', snapshot?.tree ?? '')) as { nodes: { subtree: string }[] }
  return restic(folder, 'cat', 'blob', root.nodes[0]?.subtree ?? '')
}

function restic(folder: string, ...args: string[]): string {
  return execFileSync('restic', ['--repo', 'repository', '--no-cache', ...args], {
    cwd: folder,
    env: { ...process.env, RESTIC_PASSWORD: 'table' },
    encoding: 'utf8',
    maxBuffer: 1 << 30,
  })
}

function escapedCharacters(tree: string): Set<number> {
  const { nodes } = JSON.parse(tree) as { nodes: { name: string }[] }
  const escaped = new Set<number>()
  for (const { name } of nodes) {
    for (const [, two, four, eight] of name.matchAll(/\\(?:x(..)|u(.{4})|U(.{8}))/g)) {
      escaped.add(Number.parseInt(two ?? four ?? eight ?? '', 16))
    }
  }
  return escaped
}

/** Lengths of runs from `first` on: escaped, printable, escaped, … */
function runs(escaped: ReadonlySet<number>): number[] {
  const lengths: number[] = [0]
  let inEscaped = true
  for (let point = first; point <= lastCharacter; point++) {
    const isEscaped = isSurrogate(point) || escaped.has(point)
    if (isEscaped !== inEscaped) {
      lengths.push(0)
      inEscaped = isEscaped
    }
    lengths.push((lengths.pop() ?? 0) + 1)
  }
  return lengths
}

function isSurrogate(point: number): boolean {
  return point >= 0xd800 && point <= 0xdfff
}

function source(lengths: readonly number[]): string {
  const words = lengths.map((length) => length.toString(36)).join(' ')
  const lines = words.match(/.{1,110}(?: |$)/g) ?? []
  return `// Made by scripts/make-go-print-table.ts; not edited by hand.

/** Lengths, in base 36, of runs of characters from U+007F on: not printable, printable, not printable, … */
export const goPrintRuns =
${lines.map((line) => `  '${line}'`).join(' +\n')}
`
}

main()
