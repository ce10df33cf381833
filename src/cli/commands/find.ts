import { messageOf, printable } from '#base'
import { compilePatterns, textOfRaw } from '#filesystem'
import type { PatternState } from '#filesystem'
import { TreeSearch, compareTimes, findBlobsOfPacks, loadIndex } from '#repository'
import type { IndexedRepository, NamedSnapshot, Sought, TreeNode } from '#repository'
import type { CliCommand } from '../command.ts'
import { flag, listFlag, setHelp, valueFlag } from '../command.ts'
import { runs, textOf } from '../context.ts'
import type { CommandContext, CommandFlags } from '../context.ts'
import { DamagedSnapshots } from '../damaged-snapshots.ts'
import { CliError } from '../errors.ts'
import { objectNotFound } from '../find-file.ts'
import { createFindOutput } from '../find-output.ts'
import type { FindOutput } from '../find-output.ts'
import { IdPrefixes, isIdPrefix, shortestPrefix } from '../id-prefixes.ts'
import { readRepository } from '../open-repository.ts'
import { parseTypedTime } from '../parse-time.ts'
import { LineWriter } from '../printer.ts'
import { addFilterFlags, findSnapshots, readFilter } from '../snapshot-flags.ts'
import { shortId } from '../words.ts'

const text = `
Finds files and folders in the snapshots by patterns: a name, or a path that begins with a slash, with *, ?, [a-z] and **
for any folders. With --blob, --tree or --pack it finds the files and folders that need these.`

export function define(command: CliCommand): void {
  setHelp(command, {
    text,
    examples: [
      'understudy find budget.xlsx',
      "understudy find -l --newest 2026-01-31 '/home/**/*.odt'",
      'understudy find --json --blob 420f620f b46ebe8a',
      'understudy find --pack 025c1d06',
    ],
  })
  command.argument('<pattern...>', 'patterns, or ids')
  for (const option of [
    valueFlag('-O, --oldest <time>', 'only what was changed at that time or after it: 2026-01-31, "2026-01-31 08:05"'),
    valueFlag('-N, --newest <time>', 'only what was changed at that time or before it'),
    listFlag('-s, --snapshot <id>', 'look in this snapshot only (several times)'),
    flag('--blob', 'the arguments are ids of blobs of data'),
    flag('--tree', 'the arguments are ids of trees'),
    flag('--pack', 'the arguments are names of packs'),
    flag('--show-pack-id', 'with --blob or --tree: tell the packs that hold them'),
    flag('-i, --ignore-case', 'whatever the case of letters'),
    flag('-R, --reverse', 'the oldest snapshot first'),
    flag('-l, --long', 'show mode, owner, size and time'),
    flag('--human-readable', 'print sizes in KiB, MiB, …'),
  ]) {
    command.addOption(option)
  }
  addFilterFlags(command)
  runs(command, find)
}

async function find(context: CommandContext, patterns: readonly string[], flags: CommandFlags): Promise<void> {
  const kind = kindOf(context, flags)
  if (kind !== 'entry') refuseNoIds(context, patterns)
  const wanted = readEntrySearch(context, patterns, flags)
  const filter = readFilter(flags, context)
  const damaged = new DamagedSnapshots(context.printer)
  await readRepository(context, async (repository, signal) => {
    const ids = (flags.snapshot as string[] | undefined) ?? []
    const given = { ids, filter, signal, onDamaged: damaged.passOver }
    const snapshots = await findSnapshots(repository, given)
    snapshots.sort((a, b) => compareTimes(a.time, b.time) * (flags.reverse === true ? 1 : -1))
    const indexed = await loadIndex(repository, { signal })
    const search = new Search(context, { indexed, snapshots, signal }, flags)
    if (kind === 'entry') await search.entries(wanted)
    else await search.objects(await idsOf(indexed, kind, patterns, signal))
    search.finish()
  })
  damaged.throwIfAny()
}

type Kind = 'entry' | 'blob' | 'tree' | 'pack'

function kindOf(context: CommandContext, flags: CommandFlags): Kind {
  const kinds = (['blob', 'tree', 'pack'] as const).filter((kind) => flags[kind] === true)
  if (kinds.length > 1) throw context.refuse('--blob, --tree and --pack exclude each other')
  return kinds[0] ?? 'entry'
}

function refuseNoIds(context: CommandContext, texts: readonly string[]): void {
  const wrong = texts.find((id) => !isIdPrefix(id))
  if (wrong === undefined) return
  throw context.refuse(`"${wrong}" is no id: give ${shortestPrefix} or more of its 64 digits, 0 to 9 and a to f`)
}

/** Ids of blobs and trees, whole or their first digits. */
interface SoughtIds {
  readonly blobs: IdPrefixes
  readonly trees: IdPrefixes
}

async function idsOf(
  repository: IndexedRepository,
  kind: Exclude<Kind, 'entry'>,
  ids: readonly string[],
  signal: AbortSignal,
): Promise<SoughtIds> {
  if (kind === 'pack') {
    const { blobs, unknown } = await findBlobsOfPacks(repository, ids, { signal })
    if (unknown[0] !== undefined) throw objectNotFound('pack', unknown[0])
    return { blobs: new IdPrefixes(blobs.data), trees: new IdPrefixes(blobs.tree) }
  }
  const [none, given] = [new IdPrefixes([]), new IdPrefixes(ids)]
  return kind === 'blob' ? { blobs: given, trees: none } : { blobs: none, trees: given }
}

function readEntrySearch(
  context: CommandContext,
  patterns: readonly string[],
  flags: CommandFlags,
): Sought<PatternState> & { readonly root: PatternState } {
  const [oldest, newest] = [readTime(context, flags, 'oldest'), readTime(context, flags, 'newest')]
  if (oldest !== undefined && newest !== undefined && oldest > newest) {
    throw context.refuse('--oldest must be a time before --newest')
  }
  // The empty pattern matches everything, and `!` is part of no pattern here.
  const cleaned = patterns.map((pattern) => (pattern === '' ? '*' : pattern.replace(/^!/, '')))
  const compiled = compilePatterns(cleaned, { insensitive: flags.ignoreCase === true })
  const isInTime = ({ mtimeNs }: TreeNode) =>
    (oldest === undefined || mtimeNs >= oldest) && (newest === undefined || mtimeNs <= newest)
  return {
    root: compiled.root,
    look(node, state) {
      const name = textOfRaw(node.name.toString('latin1'))
      if (node.type !== 'dir') return { found: compiled.matches(state, name) && isInTime(node) }
      const inside = compiled.enter(state, name)
      return { found: inside.matched && isInTime(node), inside: inside.childMayMatch ? inside : undefined }
    },
    keyOf: ({ next }) => JSON.stringify(next),
  }
}

function readTime(context: CommandContext, flags: CommandFlags, name: 'oldest' | 'newest'): bigint | undefined {
  const given = textOf(flags, name)
  if (given === undefined || given === '') return undefined
  const time = parseTypedTime(given)
  if (time === undefined) throw context.refuse(`"${given}" is no time for --${name}; write 2026-01-31 08:05:09`)
  return time
}

interface Place {
  readonly indexed: IndexedRepository
  readonly snapshots: readonly NamedSnapshot[]
  readonly signal: AbortSignal
}

class Search {
  readonly #context: CommandContext
  readonly #place: Place
  readonly #showPacks: boolean
  readonly #lines: LineWriter
  readonly #output: FindOutput
  #problems = 0

  constructor(context: CommandContext, place: Place, flags: CommandFlags) {
    this.#context = context
    this.#place = place
    this.#showPacks = flags.showPackId === true
    this.#lines = new LineWriter(context.printer.terminal)
    const style = { long: flags.long === true, human: flags.humanReadable === true }
    this.#output = createFindOutput(this.#lines, context.printer, style)
  }

  async entries(wanted: Sought<PatternState> & { readonly root: PatternState }): Promise<void> {
    const search = new TreeSearch(this.#place.indexed, wanted)
    for (const snapshot of this.#place.snapshots) {
      await this.#run(search, wanted.root, snapshot, (path, node) => this.#output.entry(snapshot, path, node))
    }
  }

  async objects({ blobs, trees }: SoughtIds): Promise<void> {
    const inside = null
    const search = new TreeSearch<null>(this.#place.indexed, {
      look({ type, content, subtree }) {
        if (type === 'dir') return { found: subtree !== undefined && trees.has(subtree), inside }
        return { found: type === 'file' && content !== null && holdsAny(blobs, content), inside }
      },
      keyOf: () => '',
    })
    for (const snapshot of this.#place.snapshots) {
      if (trees.has(snapshot.tree)) this.#tree(snapshot, Buffer.from('/'), snapshot.tree)
      await this.#run(search, inside, snapshot, (path, { type, content, subtree }, parent) => {
        if (type === 'dir' && subtree) return this.#tree(snapshot, path, subtree)
        const parentTree = parent.toString('hex')
        for (const id of blobs.among(content ?? Buffer.alloc(0))) {
          this.#output.object(snapshot, { type: 'blob', id, path, parentTree, packs: this.#packsOf('data', id) })
        }
      })
    }
  }

  /** What has been found is printed in whole, whatever was wrong with the rest. */
  finish(): void {
    this.#output.end()
    this.#lines.flush()
    if (this.#problems > 0) throw new CliError('TREES_UNREADABLE', { count: this.#problems })
  }

  async #run<State>(
    search: TreeSearch<State>,
    root: State,
    snapshot: NamedSnapshot,
    onFound: (path: Buffer, node: TreeNode, tree: Buffer) => void,
  ): Promise<void> {
    const { signal } = this.#place
    const onProblem = (error: Error) => {
      this.#problems++
      const reason = printable(messageOf(error), 4096)
      this.#context.printer.error(`error: in snapshot ${shortId(snapshot.id)}: ${reason}`)
    }
    await search.run(snapshot.tree, root, { signal, onFound, onProblem })
  }

  #tree(snapshot: NamedSnapshot, path: Buffer, tree: Buffer): void {
    const id = tree.toString('hex')
    this.#output.object(snapshot, { type: 'tree', id, path, packs: this.#packsOf('tree', id) })
  }

  #packsOf(type: 'data' | 'tree', id: string): readonly string[] | undefined {
    if (!this.#showPacks) return undefined
    const { index } = this.#place.indexed
    return index.findAll(type, Buffer.from(id, 'hex')).map((entry) => index.placeOf(entry).pack)
  }
}

function holdsAny(ids: IdPrefixes, content: Buffer): boolean {
  for (let at = 0; at < content.length; at += 32) if (ids.has(content, at)) return true
  return false
}
