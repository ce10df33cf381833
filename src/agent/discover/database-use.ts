import type { DatabaseFiles } from '#protocol'
import type { Machine } from './machine.ts'

/**
 * Looks at who has a database's files open. Files beside it that show use stay what they are: a program in a container, or of
 * another user, cannot always be seen.
 */
export function seeUse(
  { files, openFiles }: Pick<Machine, 'files' | 'openFiles'>,
  found: DatabaseFiles,
): DatabaseFiles {
  const place = files.realPath(found.place)
  const user = whoHasOpen(place, found.isFile, openFiles.paths)
  if (user) {
    const evidence = [...found.evidence, `open in ${user.name} (process ${user.pid})`].slice(-20)
    return { ...found, inUse: 'yes', evidence }
  }
  if (found.inUse === 'yes' || !openFiles.isComplete) return found
  const name = place.slice(place.lastIndexOf('/') + 1)
  const names = found.isFile ? [name] : typicalNames
  if (names.some((typical) => openFiles.namesElsewhere.has(typical))) return found
  return { ...found, inUse: 'no', evidence: [...found.evidence, 'no program has it open'].slice(-20) }
}

/** Files that every program of its kind holds open in the database's folder, to know one in a container by. */
const typicalNames = ['ibdata1', 'WiredTiger.wt', 'aria_log_control', 'LOCK', 'lock.mdb', 'pg_control', 'influxd.bolt']

type Users = Machine['openFiles']['paths']

function whoHasOpen(place: string, isFile: boolean, paths: Users): ReturnType<Users['get']> {
  if (isFile) return paths.get(place) ?? paths.get(`${place}-wal`) ?? paths.get(`${place} (deleted)`)
  const inside = `${place}/`
  for (const [path, user] of paths) if (path.startsWith(inside)) return user
  return undefined
}
