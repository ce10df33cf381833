import { hasCode, throwIfBug } from '#base'
import type { Cancellable } from '#base'
import type { DumpRepository } from '#restorer'
import type { DumpEvidence, Finding } from './evidence.ts'
import { asFinding } from './judge.ts'
import { loadDumpEvidence, loadText, openStoredDump } from './stored-dump.ts'
import { tryLoad } from './trial.ts'
import type { TrialResult } from './trial.ts'

/** What came of loading a dump: it is good, it is not, or nobody can try that on this machine. */
export interface LoadEvidence extends Pick<DumpEvidence, 'engine' | 'server' | 'subject' | 'path' | 'takenAt'> {
  readonly outcome: 'good' | 'failed' | 'impossible'
  readonly measured?: TrialResult | undefined
  readonly failure?: Finding | undefined
}

export interface TryDumpsOptions extends Cancellable {
  readonly tree: Buffer
  /** Where the scratch servers lie. Default: the system's folder for temporary files. */
  readonly workFolder?: string | undefined
}

/** Reasons that say nothing about the dump. */
const impossible = ['DATABASE_TRIAL_IMPOSSIBLE', 'DATABASE_TOOL_MISSING', 'DATABASE_SPACE_SHORT']

/**
 * Loads each dump of a snapshot into a scratch server of its own, one after the other. Throws DUMP_NOT_FOUND and
 * DATABASE_SUMMARY_INVALID when the snapshot has no dumps.
 */
export async function* tryDumps(
  repository: DumpRepository,
  { tree, workFolder, signal }: TryDumpsOptions,
): AsyncGenerator<LoadEvidence> {
  const dumps = await loadDumpEvidence(repository, tree, { signal })
  for (const { engine, server, subject, path, takenAt, kind, outcome } of dumps) {
    if (kind !== 'database' || outcome === 'failed') continue
    signal?.throwIfAborted()
    const about = { engine, server, subject, path, takenAt }
    try {
      const dump = await openStoredDump(repository, { tree, path }, { signal })
      const globals = path.slice(0, path.lastIndexOf('/'))
      const accounts = engine === 'postgresql' ? await loadGlobals(repository, { tree, globals }, { signal }) : {}
      yield { ...about, outcome: 'good', measured: await tryLoad(dump, { ...accounts, workFolder, signal }) }
    } catch (thrown) {
      signal?.throwIfAborted()
      throwIfBug(thrown)
      const isImpossible = impossible.some((code) => hasCode(thrown, code))
      yield { ...about, outcome: isImpossible ? 'impossible' : 'failed', failure: asFinding(thrown as Error) }
    }
  }
}

async function loadGlobals(
  repository: DumpRepository,
  { tree, globals }: { readonly tree: Buffer; readonly globals: string },
  options: Cancellable,
) {
  const load = async (name: string) =>
    await loadText(repository, { tree, path: `${globals}/globals.${name}.sql` }, options).catch((thrown: unknown) => {
      if (hasCode(thrown, 'DUMP_NOT_FOUND')) return undefined
      throw thrown
    })
  return { roles: await load('roles'), tablespaces: await load('tablespaces') }
}
