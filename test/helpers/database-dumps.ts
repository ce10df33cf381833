/** Backs databases up into a repository in memory, and opens what is in its snapshot again. */
import { backUp } from '../../src/archiver/back-up.ts'
import type { BackUpResult } from '../../src/archiver/back-up.ts'
import { dumpDatabases } from '../../src/agent/databases/dump.ts'
import type { DumpDatabasesOptions } from '../../src/agent/databases/dump.ts'
import type { DumpEvidence } from '../../src/agent/databases/evidence.ts'
import type { DatabasePlan } from '../../src/agent/databases/plan.ts'
import { loadText, openStoredDump } from '../../src/agent/databases/stored-dump.ts'
import type { StoredDump } from '../../src/agent/databases/stored-dump.ts'
import { ContentLoader } from '../../src/repository/content-loader.ts'
import { loadIndex } from '../../src/repository/load-index.ts'
import { TreeLoader } from '../../src/repository/tree-loader.ts'
import { copyOf, initInMemory } from './memory-repository.ts'

export interface BackedUp extends AsyncDisposable {
  readonly result: BackUpResult
  readonly evidence: readonly DumpEvidence[]
  /** Of the dump at a path below `databases/`. */
  evidenceOf(path: string): DumpEvidence
  /** A file of the snapshot, below `databases/`. */
  text(path: string): Promise<string>
  dump(path: string): Promise<StoredDump>
}

const identity = { hostname: 'here', username: 'ann', uid: 0, gid: 0, tags: [], excludes: [], programVersion: 'test' }

const empty = await initInMemory()

/** Throws what the backup throws; then `onEvidence` has heard what was known. */
export async function backUpDatabases(
  plan: DatabasePlan,
  options: DumpDatabasesOptions & { readonly onEvidence?: (dumps: readonly DumpEvidence[]) => void } = {},
): Promise<BackedUp> {
  const { repository } = await copyOf(empty)
  await using dumps = await dumpDatabases(plan, options)
  const backing = backUp(repository, dumps, { identity, threads: 1, signal: options.signal })
  const result = await backing.finally(() => options.onEvidence?.(dumps.evidence()))
  const evidence = dumps.evidence()
  const indexed = await loadIndex(repository)
  const contents = new ContentLoader(indexed, { threads: 1 })
  const loader = new TreeLoader(indexed)
  const source = { contents, trees: { loadTree: (id: Buffer) => loader.loadById(id) } }
  const { tree } = result
  return {
    result,
    evidence,
    evidenceOf: (path) => {
      const found = evidence.find((dump) => dump.path === `databases/${path}`)
      if (!found) throw new Error(`no evidence of ${path} among ${evidence.map((dump) => dump.path).join(', ')}`)
      return found
    },
    text: async (path) => await loadText(source, { tree, path: `databases/${path}` }),
    dump: async (path) => await openStoredDump(source, { tree, path: `databases/${path}` }),
    [Symbol.asyncDispose]: async () => await contents[Symbol.asyncDispose](),
  }
}
