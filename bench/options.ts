import { homedir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

/** What `npm run bench` was asked for. */
export interface BenchOptions {
  /** Folder for data sets and repositories, all in a folder of our own inside it. The full run needs 45 GB there. */
  readonly place: string
  /** Data sets stay for the next run. */
  readonly keep: boolean
  readonly rounds: number
  /** Names of works, or how they begin: `cold` is every work that begins with `cold-`. Empty: all. */
  readonly only: readonly string[]
  readonly json: string | undefined
  readonly markdown: string | undefined
  /** Small data, one round, keys that cost nothing: proves that everything runs, and measures nothing. */
  readonly quick: boolean
  /** The page cache is emptied before each run. */
  readonly cold: boolean
  readonly resticCache: boolean
  /** Folders of this machine for the work `cold-trees`. */
  readonly trees: readonly string[]
  /** Blobs of the repository and of the index in memory that the `huge-index` works look at. */
  readonly blobs: number
  readonly help: boolean
}

export const usage = `npm run bench -- [options]

  --only WORK,...   works to run, by name or by the beginning of their names (default: all)
  --rounds N        runs of each entrant in each work (default: 3)
  --json FILE       writes all figures to a file
  --markdown FILE   writes the tables of docs/performance.md to a file
  --place FOLDER    where data and repositories lie, 45 GB at most (default: ~/.cache)
  --keep            keeps the data sets for the next run
  --cold            empties the page cache before each run (needs root); otherwise data is read once before
  --restic-cache    gives restic its local cache (default: --no-cache for both)
  --trees FOLDER,...  folders of this machine to back up as well (default: /usr/share,/usr/lib)
  --blobs N         blobs of the huge repository (default: 10000000)
  --quick           small data, to prove that everything runs
`

/** Throws for what it does not understand. */
export function parseOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      place: { type: 'string', default: join(homedir(), '.cache') },
      keep: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      only: { type: 'string', default: '' },
      json: { type: 'string' },
      markdown: { type: 'string' },
      quick: { type: 'boolean', default: false },
      cold: { type: 'boolean', default: false },
      'restic-cache': { type: 'boolean', default: false },
      trees: { type: 'string' },
      blobs: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  const { place, keep, only, json, markdown, quick, cold, help } = values
  return {
    // What lies beside it in the folder that was named is not ours to remove.
    place: join(place, 'understudy-bench'),
    keep,
    rounds: wholeNumber('--rounds', values.rounds ?? (quick ? '1' : '3')),
    only: splitList(only),
    json,
    markdown,
    quick,
    cold,
    resticCache: values['restic-cache'],
    trees: splitList(values.trees ?? (quick ? import.meta.dirname : '/usr/share,/usr/lib')),
    blobs: wholeNumber('--blobs', values.blobs ?? (quick ? '20000' : '10000000')),
    help,
  }
}

/** The works that `only` names. Throws when a word names none. */
export function chooseWorks<Work extends { readonly name: string }>(
  works: readonly Work[],
  only: readonly string[],
): readonly Work[] {
  const isNamed = (word: string, { name }: Work) => name === word || name.startsWith(`${word}-`)
  const unknown = only.find((word) => !works.some((work) => isNamed(word, work)))
  if (unknown !== undefined) {
    throw new Error(`There is no work "${unknown}". There are: ${works.map(({ name }) => name).join(', ')}.`)
  }
  return only.length === 0 ? works : works.filter((work) => only.some((word) => isNamed(word, work)))
}

function splitList(text: string): string[] {
  return text.split(',').filter((part) => part !== '')
}

function wholeNumber(option: string, text: string): number {
  const number = Number(text)
  if (!Number.isSafeInteger(number) || number < 1) throw new Error(`${option} wants a whole number, not "${text}".`)
  return number
}
