import type { BackupPolicy } from '#policy'
import type { DatabaseEngine, Discovery, PolicyScope } from '#protocol'
import { hookName } from './database-engines.ts'

/**
 * How far a backup policy reaches on a machine where this was found, for `coverageOf`. A dump by a hook counts for the engine whose
 * name it has: what a hook of another name dumps, only its author knows.
 */
export function scopeOfPolicy({ name, what }: BackupPolicy, discovery: Discovery): PolicyScope {
  const { include, exclude = [], oneFileSystem = false, databases = [], hookDumps = [] } = what
  const scopeOfDump = (engine: DatabaseEngine, place: string): PolicyScope['databases'] => {
    if (hookDumps.some(({ hook }) => hook === hookName(engine))) return [{ engine, place }]
    const dump = databases.find((each) => each.engine === engine)
    if (!dump) return []
    if (dump.which === 'all') return [{ engine, place }]
    if (engine !== 'sqlite') return [{ engine, place, only: [...dump.which] }]
    return dump.which.includes(place) ? [{ engine, place }] : []
  }
  const found = discovery.findings.flatMap(({ engine, places: [place] }) =>
    engine && place ? scopeOfDump(engine, place.path) : [],
  )
  return {
    name,
    include: [...include],
    excludes: [...exclude],
    insensitiveExcludes: [],
    oneFileSystem,
    databases: found,
  }
}
