import { engineName } from '#protocol'
import type { DatabaseFiles, Evidence } from '#protocol'
import { databaseAdvice, databaseServices } from '../database-engines.ts'
import { seeUse } from '../database-use.ts'
import { fileAt, folderAt, makeFinding } from '../finding.ts'
import type { Probe } from '../finding.ts'
import type { Machine } from '../machine.ts'
import { findService } from '../services.ts'

/** Database servers, by their programs, units and settings. */
export const databases: Probe = {
  name: 'databases',
  title: 'database servers',
  look: (machine) => {
    for (const service of databaseServices) {
      const found = findService(machine, service)
      if (!found) continue
      const { engine } = service
      for (const place of found.data) {
        const files = seeUse(machine, { engine, place, isFile: false, inUse: 'unknown', evidence: [] })
        reportDatabase(machine, files, found.evidence)
      }
      if (found.data.length === 0) reportWithoutFolder(machine, service, found)
    }
  },
}

type Found = NonNullable<ReturnType<typeof findService>>

/** Settings of a server that was taken away stay behind; a program that runs keeps its data somewhere. */
function reportWithoutFolder(
  machine: Machine,
  { name, title, engine }: (typeof databaseServices)[number],
  found: Found,
) {
  const { evidence, confidence } = found
  if (!evidence.some(({ from }) => from !== 'file')) return
  machine.sink.finding(
    makeFinding({
      kind: 'database',
      name,
      title: `${title}, whose folder was not found`,
      evidence,
      places: [],
      confidence,
      engine,
      ...databaseAdvice(engine),
    }),
  )
}

/** One finding for a database on this machine's disk. */
export function reportDatabase(machine: Machine, files: DatabaseFiles, more: readonly Evidence[] = []): void {
  const { engine, place, isFile, inUse, evidence } = files
  const places = [isFile ? fileAt(place) : folderAt(place)]
  machine.sink.finding(
    makeFinding({
      kind: 'database',
      name: `${engine}:${place}`,
      title: `${engineName(engine)} in ${place}`,
      evidence: [...more, ...evidence.map((what) => ({ from: 'file' as const, what }))],
      places,
      ...machine.measure(places),
      confidence: more.length > 0 || isCertain(evidence) ? 'certain' : 'likely',
      engine,
      inUse,
      ...databaseAdvice(engine),
    }),
  )
}

/** A name alone may be anything's. */
function isCertain(evidence: readonly string[]): boolean {
  return !evidence.includes('known by its name')
}
